"""Videos that keep their pictures' times and their sound's packets."""

from __future__ import annotations

import dataclasses
import os
import signal
import struct
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipeline import results
from pipeline.errors import ToolError
from pipeline.media.audio import read_sound
from pipeline.media.decode import read_shown, tick_rate
from pipeline.media.probe import probe
from pipeline.media.sound_copy import opened_sound, sound_packets, why_encoded
from pipeline.media.timed_video import Encoding, TimedPicture, TimedVideo, write_timed
from pipeline.types import Excerpt, Probe

F = Fraction
SIZE_PX = (64, 48)
RATE_HZ = 48_000
UNEVEN = [F(k * k, 600) for k in range(40)]
"""Frames ever farther apart: 1.7 to 130 ms."""


def _pictures(source: Probe) -> Iterator[TimedPicture]:
    begin_s = F(source.excerpt.first_frame, 25)
    for shown in read_shown(source):
        yield shown.start_s - begin_s, shown.end_s - begin_s, shown.read()


def _copy(source: Probe, path: Path, **changed: Any) -> TimedVideo:
    form: dict[str, Any] = {"ticks": tick_rate(source), "crf": 10, "preset": "ultrafast", **changed}
    return write_timed(path, _pictures(source), source, Encoding(SIZE_PX, **form))


def _tick(stream: Any) -> Fraction:
    return F(stream.time_base)


def _times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [(frame.pts or 0) * _tick(stream) for frame in container.decode(stream)]


def _movie_s(path: Path) -> float:
    """Length that the header claims, which FFmpeg shortens where B-frames are uneven."""
    data = path.read_bytes()
    rate, length = struct.unpack(">II", data[data.index(b"mvhd") + 16 :][:8])
    return length / rate


def _sound_bytes(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def _lag(before: np.ndarray, after: np.ndarray) -> int:
    """Samples by which *after* is later than *before*: where the two are most alike."""
    size = 1 << (len(before) + len(after)).bit_length()
    alike = np.fft.irfft(np.fft.rfft(after, size) * np.fft.rfft(before, size).conj())
    lag = int(alike.argmax())
    return lag if lag < size // 2 else lag - size


def _noise(seconds: float) -> np.ndarray:
    count = round(seconds * RATE_HZ)
    return np.random.default_rng(3).integers(-9000, 9000, (count, 1)).astype(np.int16)


@pytest.mark.parametrize("preset", ["ultrafast", "veryfast"])
def test_uneven_times_survive_to_the_tick(film: Any, preset: str) -> None:
    """Without B-frames and with them; the last picture too stays as long as in the source."""
    source = probe(film.make("v.mp4", UNEVEN, last_s=F(1, 8)))
    path = film.folder / "out.mp4"
    assert _copy(source, path, preset=preset) == TimedVideo(40, False)
    assert _times(path) == UNEVEN
    assert _movie_s(path) == pytest.approx(float(UNEVEN[-1]) + 0.125, abs=1e-6)


def test_pictures_are_those_of_the_source(film: Any) -> None:
    source = probe(film.make("v.mp4", UNEVEN))
    _copy(source, film.folder / "out.mp4")
    written = [film.number(shown.read()) for shown in read_shown(probe(film.folder / "out.mp4"))]
    assert written == list(range(40))


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_half_an_hour_of_uneven_times_has_a_tick_each(film: Any, name: str) -> None:
    """By arithmetic: times of a phone, rounded by the container, are whole numbers of our ticks."""
    source = probe(film.make(name, UNEVEN))
    with av.open(str(source.path)) as container:
        tick_s = _tick(container.streams.video[0])
    ticks = tick_rate(source)
    jitter = np.random.default_rng(1).integers(-9, 10, 54_000).tolist()
    stamps = [round((k * F(1001, 30_000) + F(by, 1000)) / tick_s) * tick_s for k, by in enumerate(jitter)]
    assert all(F(round(at * ticks), ticks) == at for at in stamps)


def test_an_excerpt_begins_at_zero_and_ends_in_time(film: Any) -> None:
    whole = probe(film.make("v.mp4", film.times(F(30), 4), F(1, 30)))
    source = dataclasses.replace(whole, excerpt=Excerpt(26, 51))
    _copy(source, film.folder / "out.mp4")
    expected = [F(0), *(at - F(26, 25) for at in film.times(F(30), 4) if F(26, 25) < at < F(51, 25))]
    assert _times(film.folder / "out.mp4") == expected
    assert probe(film.folder / "out.mp4").duration_s == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("late_s", [F(0), F(3, 10), F(-1, 4)], ids=["together", "sound later", "sound earlier"])
def test_sound_is_copied_packet_by_packet_and_in_place(film: Any, late_s: Fraction) -> None:
    zero_s = max(-late_s, F(0))
    times_s = [zero_s + at for at in UNEVEN]
    sound = [(zero_s + late_s, _noise(3.0))]
    path = film.make("v.mp4", times_s, F(1, 8), sound=sound, sound_rate_hz=RATE_HZ, sound_codec="aac")
    source, out = probe(path), film.folder / "out.mp4"
    assert _copy(source, out).why_encoded == ""
    assert _sound_bytes(out) == _sound_bytes(path)
    before, after = (read_sound(each, F(0), F(2))[0][:, 0] for each in (source, probe(out)))
    assert abs(_lag(before.astype(float), after.astype(float))) <= RATE_HZ // 1000
    assert _times(out) == UNEVEN


@pytest.mark.parametrize("coding", [("libmp3lame", "v.mp4"), ("ac3", "v.ts"), ("libopus", "v.mkv"), ("flac", "v.mkv")])
def test_other_codecs_are_copied(film: Any, coding: tuple[str, str]) -> None:
    codec, name = coding
    film.make("w.mkv", film.times(F(30), 3), sound=[(F(1, 5), _noise(2.5))], sound_rate_hz=RATE_HZ)
    film.ffmpeg("-i", "w.mkv", "-c:v", "copy", "-c:a", codec, name)
    source, out = probe(film.folder / name), film.folder / "out.mp4"
    assert _copy(source, out).why_encoded == ""
    assert _sound_bytes(out) == _sound_bytes(source.path)
    before, after = (read_sound(each, F(0), F(2))[0][:, 0] for each in (source, probe(out)))
    assert abs(_lag(before.astype(float), after.astype(float))) <= RATE_HZ // 1000


def test_sound_of_a_transport_stream_loses_its_headers_only(film: Any) -> None:
    """Each AAC packet there has seven bytes that MP4 keeps once for all."""
    sound = [(F(0), _noise(2.0))]
    film.make("w.mp4", film.times(F(25), 2), sound=sound, sound_rate_hz=RATE_HZ, sound_codec="aac")
    film.ffmpeg("-i", "w.mp4", "-c", "copy", "v.ts")
    source, out = probe(film.folder / "v.ts"), film.folder / "out.mp4"
    assert _copy(source, out).why_encoded == ""
    assert _sound_bytes(out) == [packet[7:] for packet in _sound_bytes(source.path)]


def test_sound_that_mp4_does_not_hold_is_encoded_and_in_place(film: Any) -> None:
    path = film.make("v.mkv", UNEVEN, sound=[(F(1, 4), _noise(2.0))], sound_rate_hz=RATE_HZ)
    source, out = probe(path), film.folder / "out.mp4"
    assert _copy(source, out).why_encoded == "MP4 does not hold pcm_s16le"
    before, after = (read_sound(each, F(0), F(2))[0][:, 0] for each in (source, probe(out)))
    assert abs(_lag(before.astype(float), after.astype(float))) <= 1
    assert _times(out) == _times(path)


def test_sound_with_a_gap_is_encoded(film: Any) -> None:
    sound = [(F(0), _noise(0.5)), (F(3, 2), _noise(0.5))]
    path = film.make("v.mkv", UNEVEN, sound=sound, sound_rate_hz=RATE_HZ, sound_codec="aac")
    assert why_encoded(probe(path)).startswith("there is a gap in it at 0.5")


def test_sound_of_half_an_hour_does_not_drift(film: Any) -> None:
    """Milliseconds of Matroska, to which packets of 1024 / 11025 s are rounded, do not add up."""
    film.ffmpeg("-f", "lavfi", "-i", "color=s=16x16:r=1", "-f", "lavfi", "-i", "anullsrc=r=11025:cl=mono", "-t", "1800",
                "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-b:a", "32k", "v.mkv")  # fmt: skip
    source = probe(film.folder / "v.mkv")
    with opened_sound(source) as (container, stream):
        starts = [
            (each.start, (each.packet.pts or 0) * _tick(stream)) for each in sound_packets(container, stream, source)
        ]
    assert len(starts) > 19_000
    assert max(abs(F(start, 11_025) - (at - source.zero_s)) for start, at in starts) <= F(1, 1000)
    steps = np.diff([start for start, _ in starts])
    assert (steps == 1024).all()


def test_a_filter_more_is_in_the_picture(film: Any) -> None:
    source = probe(film.make("v.mp4", UNEVEN))
    _copy(source, film.folder / "out.mp4", filters=("drawbox=c=red@1:t=fill",), needs=("drawbox",))
    shown = next(read_shown(probe(film.folder / "out.mp4")))
    assert shown.read().mean(axis=(0, 1)) == pytest.approx([0, 0, 255], abs=3)


def test_an_error_in_the_middle_leaves_nothing(film: Any) -> None:
    source = probe(film.make("v.mp4", UNEVEN))

    def broken() -> Iterator[TimedPicture]:
        for number, each in enumerate(_pictures(source)):
            if number == 20:
                raise RuntimeError("no more")
            yield each

    with pytest.raises(RuntimeError, match="no more"):
        write_timed(film.folder / "out.mp4", broken(), source, Encoding(SIZE_PX, 600, 20, "ultrafast"))
    assert [path.name for path in film.folder.iterdir()] == ["v.mp4"]


def test_a_filter_that_fails_is_told_in_ffmpegs_words(film: Any) -> None:
    source = probe(film.make("v.mp4", UNEVEN))
    with pytest.raises(ToolError, match="nonsense"):
        _copy(source, film.folder / "out.mp4", filters=("drawbox=nonsense=1",))
    assert [path.name for path in film.folder.iterdir()] == ["v.mp4"]


def test_an_encoder_that_moves_pictures_is_found_out(film: Any) -> None:
    """A grid of 25 fps drops and repeats pictures."""
    source = probe(film.make("v.mp4", UNEVEN))
    with pytest.raises(ToolError, match="moved a picture"):
        _copy(source, film.folder / "out.mp4", filters=("fps=25",))
    assert [path.name for path in film.folder.iterdir()] == ["v.mp4"]


def test_a_process_that_is_killed_leaves_nothing_under_the_name(film: Any) -> None:
    """What it leaves is removed as half-written when the run is taken up again."""
    source = film.make("v.mp4", UNEVEN)
    code = f"""
        import sys
        from pathlib import Path
        from pipeline.media.decode import read_shown
        from pipeline.media.probe import probe
        from pipeline.media.timed_video import Encoding, write_timed
        source = probe(Path({str(source)!r}))
        def slow():
            for number, shown in enumerate(read_shown(source)):
                yield shown.start_s, shown.end_s, shown.read()
                if number == 20:
                    print("middle", flush=True)
                    sys.stdin.read()
        write_timed(Path({str(film.folder / "out.mp4")!r}), slow(), source, Encoding((64, 48), 600, 20, "ultrafast"))
    """
    argv = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"middle\n"
        child.send_signal(signal.SIGKILL)
    assert not (film.folder / "out.mp4").exists()
    results.remove_partial(film.folder)
    assert [path.name for path in film.folder.iterdir()] == ["v.mp4"]
    _copy(probe(source), film.folder / "out.mp4")
    assert _times(film.folder / "out.mp4") == UNEVEN
