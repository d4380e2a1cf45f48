"""What is told of damaged files and of files that change while they are read."""

from __future__ import annotations

import dataclasses
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.media.audio import extract_sound, read_sound
from pipeline.media.decode import read_frames
from pipeline.media.probe import missing_seconds, probe

F = Fraction
SOUND = {"v.avi": "mp3", "v.mov": "pcm_s16le"}


def _film(film: Any, name: str) -> Path:
    """Four seconds of noise in picture, a tone in sound; the index, where there is one, in front."""
    rng = np.random.default_rng(3)
    small = [rng.integers(0, 255, (12, 16, 3), np.uint8) for _ in range(100)]
    pictures = [picture.repeat(4, 0).repeat(4, 1) for picture in small]
    made = film.make(
        "whole" + Path(name).suffix if name != "v.flv" else "whole.mp4",
        film.times(F(25), 4),
        pictures=pictures,
        sound=[(F(0), film.tone(48000, 4))],
        sound_rate_hz=48000,
        sound_codec=SOUND.get(name, "aac"),
        options={"g": "10"},
    )
    front = ("-movflags", "+faststart") if name in ("v.mp4", "v.mov") else ()
    film.ffmpeg("-i", made.name, "-c", "copy", *front, name)
    return film.folder / name


def _read(path: Path, threads: int = 1) -> tuple[int, int, int, float]:
    """Pictures, lost packets of picture and of sound, missing seconds."""
    source, lost = probe(path), []
    count = sum(1 for _ in read_frames(source, threads=threads, on_lost=lost.append))
    sound = extract_sound(source, path.with_suffix(".raw"))
    return count, sum(lost), sound.lost_packets, missing_seconds(source, count / 25, sound.duration_s)


ALL = ["v.mp4", "v.mov", "v.mkv", "v.ts", "v.avi", "v.flv"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_a_whole_file_has_lost_nothing(film: Any, name: str) -> None:
    assert _read(_film(film, name))[1:] == (0, 0, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "wmv", "nut", "flv", "ts"])
def test_a_file_whose_sound_begins_before_its_picture_has_lost_nothing(film: Any, suffix: str) -> None:
    """Whatever its header claims a length of."""
    codecs = ("-c:v", "wmv2", "-c:a", "wmav2") if suffix == "wmv" else ("-c:v", "libx264", "-c:a", "aac")
    picture = "color=gray:s=64x48:r=25:d=4,trim=start=1.5"
    film.ffmpeg("-copyts", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=d=4", *codecs, f"v.{suffix}")
    source = probe(film.folder / f"v.{suffix}")
    assert float(source.lead_s) == pytest.approx(1.5, abs=0.1)
    assert source.duration_s == pytest.approx(2.5, abs=0.12)
    count, lost, sound_lost, missing_s = _read(source.path)
    assert (count, lost, sound_lost, missing_s) == (pytest.approx(62, abs=1), 0, 0, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_a_file_that_was_cut_off_says_so(film: Any, name: str) -> None:
    """By what its header claims; a transport stream has no header of the whole, but ends within a packet."""
    path = _film(film, name)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    count, lost, sound_lost, missing_s = _read(path)
    assert 40 < count < 80
    if name == "v.ts":
        assert lost + sound_lost >= 1
    else:
        assert missing_s == pytest.approx(4 - count / 25, abs=0.1)
    if name in ("v.mp4", "v.mov", "v.mkv"):
        assert sound_lost > 50


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", [name for name in ALL if name != "v.mkv"])
def test_damaged_packets_are_counted(film: Any, name: str, threads: int) -> None:
    """Not in Matroska: its reader goes on at the next cluster and says nothing of what it left out."""
    path = _film(film, name)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(3).bytes(3000)
    path.write_bytes(data)
    count, lost, _, missing_s = _read(path, threads)
    assert abs(count - 100) <= 1
    assert 1 <= lost < 10
    assert missing_s == 0


def test_damaged_sound_is_counted(film: Any) -> None:
    path = _film(film, "v.mp4")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(3).bytes(3000)
    path.write_bytes(data)
    assert _read(path)[2] >= 1


def test_a_recording_that_begins_in_the_middle_has_lost_nothing(film: Any) -> None:
    """What lies before its first whole picture cannot be shown; time begins after it."""
    film.make("a.ts", film.times(F(25), 4), options={"g": "20"})
    data = (film.folder / "a.ts").read_bytes()
    start = len(data) // 3 // 188 * 188
    path = film.folder / "v.ts"
    path.write_bytes(data[start:])
    lost: list[int] = []
    count = sum(1 for _ in read_frames(probe(path), on_lost=lost.append))
    assert 20 < count < 100
    assert sum(lost) == 0


@pytest.mark.slow
def test_sound_that_is_longer_than_the_picture_is_no_loss(film: Any) -> None:
    for name in ("v.mkv", "v.mp4", "v.ts", "v.flv"):
        made = film.make(
            "a.mp4", film.times(F(25), 2), sound=[(F(0), film.tone(48000, 4))], sound_rate_hz=48000, sound_codec="aac"
        )
        film.ffmpeg("-i", made.name, "-c", "copy", name)
        assert _read(film.folder / name)[1:] == (0, 0, 0.0), name


def test_what_is_missing_by_table(film: Any) -> None:
    source = dataclasses.replace(probe(film.make("v.mp4", film.times(F(25), 1))), duration_s=10.0)
    assert missing_seconds(source, 9.0, 10.0) == 1.0
    assert missing_seconds(source, 9.6, 0.0) == 0.0
    assert missing_seconds(source, 11.0, 0.0) == 0.0
    assert missing_seconds(dataclasses.replace(source, duration_of="file"), 5.0, 9.9) == 0.0
    assert missing_seconds(dataclasses.replace(source, duration_of="file"), 5.0, 8.0) == 2.0
    assert missing_seconds(dataclasses.replace(source, duration_of="nothing"), 5.0, 5.0) == 0.0


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(1000))


def _rewrite(path: Path) -> None:
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 10**9))


def _reason(read: Any) -> str:
    with pytest.raises(InputError) as caught:
        read()
    return caught.value.reason_code


@pytest.mark.parametrize(("change", "reason"), [(_grow, "changed"), (_rewrite, "changed"), (Path.unlink, "unreadable")])
def test_a_file_that_changes_after_it_was_looked_at(film: Any, change: Any, reason: str) -> None:
    path = film.make("v.mkv", film.times(F(25), 2), sound=[(F(0), film.tone(16000, 2))])
    source = probe(path)
    reading = read_frames(source)
    next(reading)
    change(path)
    assert _reason(lambda: list(reading)) == reason
    assert _reason(lambda: extract_sound(source, film.folder / "a.raw")) == reason
    assert _reason(lambda: list(read_frames(source))) == reason
    assert _reason(lambda: list(read_frames(source, 10, 12))) == reason
    assert _reason(lambda: read_sound(source, F(0), F(1))) == reason


def test_a_file_without_one_picture(film: Any) -> None:
    """Its header is whole, and there it ends."""
    path = _film(film, "v.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 8])
    assert _reason(lambda: probe(path)) == "undecodable"
