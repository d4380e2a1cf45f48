"""Clips through ffmpeg."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from pipeline.errors import InputError, ToolError
from pipeline.media import encode
from pipeline.media.audio import read_sound
from pipeline.media.decode import read_frames
from pipeline.media.encode import find_ffmpeg, write_clip
from pipeline.media.probe import probe

F = Fraction
COLOURS_BGR = (
    *((0, 0, 0), (255, 255, 255), (128, 128, 128), (60, 60, 60), (200, 30, 30)),
    *((30, 200, 30), (30, 30, 200), (200, 200, 40), (90, 120, 180)),
)


def _write(path: Path, frames: Any, *, size_px: tuple[int, int] = (64, 48), **changed: Any) -> int:
    settings: dict[str, Any] = {
        "rate": F(25),
        "sound": np.zeros((16000, 1), np.int16),
        "sound_rate_hz": 16000,
        "crf": 18,
        "preset": "ultrafast",
        **changed,
    }
    return write_clip(path, frames, size_px=size_px, **settings)


@pytest.mark.parametrize("rate", [F(25), F(30000, 1001), F(24000, 1001)], ids=str)
def test_pictures_come_back_in_order(film: Any, rate: Fraction) -> None:
    path = film.folder / "c.mp4"
    assert _write(path, (film.coded(k) for k in range(30)), rate=rate) == 30
    source = probe(path)
    assert (source.width_px, source.height_px, source.rate) == (64, 48, rate)
    with av.open(str(path)) as container:
        assert [film.number(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)] == [*range(30)]


def test_a_clip_does_not_depend_on_the_number_of_cores(film: Any) -> None:
    """x264 writes into its stream what it was told; by itself it takes one thread and a half for each core."""
    path = film.folder / "c.mp4"
    _write(path, (film.coded(k) for k in range(3)))
    assert b" threads=1 " in path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("rate_hz", "channels"), [(16000, 1), (44100, 2), (48000, 2), (48000, 1)])
@pytest.mark.parametrize("frames", [3, 26, 75])
def test_picture_and_sound_are_equally_long(film: Any, rate_hz: int, channels: int, frames: int) -> None:
    path = film.folder / "c.mp4"
    sound = film.tone(rate_hz, frames / 25, channels)
    _write(path, (film.coded(k) for k in range(frames)), sound=sound, sound_rate_hz=rate_hz)
    with av.open(str(path)) as container:
        lengths_s = [float((stream.duration or 0) * (stream.time_base or 0)) for stream in container.streams]
        kinds = [stream.codec_context.name for stream in container.streams]
        rates = [container.streams.audio[0].rate, container.streams.audio[0].channels]
    assert kinds == ["h264", "aac"]
    assert rates == [rate_hz, channels]
    assert lengths_s == pytest.approx([frames / 25] * 2, abs=1 / 25)


def test_sound_begins_with_the_picture(film: Any) -> None:
    """A tone from 0.4 s on is found there, to a few milliseconds."""
    path = film.folder / "c.mp4"
    sound = film.tone(48000, 1)
    sound[:19200] = 0
    _write(path, (film.coded(k) for k in range(25)), sound=sound, sound_rate_hz=48000)
    heard, _ = read_sound(probe(path), F(0), F(1))
    assert abs(int(np.argmax(np.abs(heard.astype(int)) > 3000)) - 19200) < 480


def test_bars_of_colour_come_back(film: Any) -> None:
    """Through our own reader and through OpenCV, both within two levels on average and without a lean."""
    picture = np.zeros((48, 16 * len(COLOURS_BGR), 3), np.uint8)
    for k, colour in enumerate(COLOURS_BGR):
        picture[:, 16 * k : 16 * (k + 1)] = colour
    path = film.folder / "c.mp4"
    _write(path, [picture] * 3, size_px=(picture.shape[1], 48), crf=4, preset="medium")
    read, opencv = cv2.VideoCapture(str(path)).read()
    assert read
    for got in (next(read_frames(probe(path))), opencv):
        seen = [got[8:40, 16 * k + 4 : 16 * k + 12].reshape(-1, 3).mean(0) for k in range(len(COLOURS_BGR))]
        error = np.array(seen) - COLOURS_BGR
        assert np.abs(error).mean() < 1.5
        assert np.abs(error).max() <= 4


def test_greys_come_back(film: Any) -> None:
    picture = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (48, 1))[:, :, None], 3, axis=2)
    path = film.folder / "c.mp4"
    _write(path, [picture] * 3, size_px=(256, 48), crf=4, preset="medium")
    error = next(read_frames(probe(path))).astype(float) - picture
    assert abs(error.mean()) < 1
    assert np.abs(error).mean() < 1


@pytest.mark.parametrize(("size_px", "matrix"), [((64, 48), 6), ((1280, 720), 1)])
def test_the_file_names_its_colours(film: Any, size_px: tuple[int, int], matrix: int) -> None:
    """And they come back: FFmpeg's numbers 6 and 1 are BT.601 and BT.709."""
    path = film.folder / "c.mp4"
    colour = np.array([40, 200, 90], np.uint8)
    _write(path, [np.tile(colour, (size_px[1], size_px[0], 1))] * 3, size_px=size_px)
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.colorspace, codec.color_range, codec.pix_fmt) == (matrix, 1, "yuv420p")
    got = next(read_frames(probe(path))).reshape(-1, 3).mean(0)
    assert np.abs(got - colour).max() <= 3


@pytest.mark.parametrize(("rate_hz", "coded_hz"), [(8000, 8000), (11025, 11025), (96000, 96000), (192000, 96000)])
def test_sound_of_unusual_rates(film: Any, rate_hz: int, coded_hz: int) -> None:
    """AAC knows rates up to 96 kHz; beyond them the next is taken."""
    path = film.folder / "c.mp4"
    _write(path, [film.coded(1)] * 25, sound=film.tone(rate_hz, 1, 2), sound_rate_hz=rate_hz)
    sound, found_hz = read_sound(probe(path), F(0), F(1))
    assert (found_hz, sound.shape[1]) == (coded_hz, 2)
    assert np.abs(sound[: found_hz // 2].astype(int)).max() > 12000


def test_crf_and_preset_act(film: Any) -> None:
    rng = np.random.default_rng(2)
    noise = [rng.integers(0, 255, (48, 64, 3)).astype(np.uint8) for _ in range(10)]
    sizes = {}
    for crf, preset in ((18, "ultrafast"), (40, "ultrafast"), (18, "slow")):
        path = film.folder / f"{crf}{preset}.mp4"
        _write(path, noise, crf=crf, preset=preset)
        sizes[crf, preset] = path.stat().st_size
    assert sizes[40, "ultrafast"] < sizes[18, "ultrafast"]
    assert sizes[18, "slow"] != sizes[18, "ultrafast"]


@pytest.mark.parametrize("name", ["a b.mp4", 'it\'s "so".mp4', "100%d.mp4", "a;b&c|d.mp4", "-y.mp4", "日本語:1.mp4"])
def test_any_name_will_do(film: Any, name: str) -> None:
    folder = film.folder / 'it\'s; 5% "x"'
    folder.mkdir()
    _write(folder / name, [film.coded(3)] * 5)
    assert [path.name for path in folder.iterdir()] == [name]
    assert len(list(read_frames(probe(folder / name)))) == 5


def test_names_that_are_not_utf8(film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the folder, of the clip, and of the folder for temporary files."""
    folder, temporary = (film.folder / os.fsdecode(name) for name in (b"caf\xe9", b"t\xe9mp"))
    folder.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    path = folder / os.fsdecode(b"\xff.mp4")
    _write(path, [film.coded(3)] * 5)
    assert list(folder.iterdir()) == [path]
    assert len(list(read_frames(probe(path)))) == 5


def test_a_relative_path(film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(film.folder)
    _write(Path("c.mp4"), [film.coded(3)] * 5)
    assert (film.folder / "c.mp4").is_file()


def test_pictures_that_are_views(film: Any) -> None:
    """Turned and cut arrays, as the reader yields them."""
    path = film.folder / "c.mp4"
    wide = np.concatenate([film.coded(9)] * 2, axis=1)
    _write(path, [wide[:, :64], np.rot90(film.coded(9), 2)])
    with av.open(str(path)) as container:
        first, second = [film.number(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]
    assert (first, second) == (9, 144)  # 00001001 read backwards is 10010000


def test_a_bad_preset_is_told_in_ffmpegs_own_words(film: Any) -> None:
    with pytest.raises(ToolError) as caught:
        _write(film.folder / "c.mp4", [film.coded(3)] * 5, preset="no-such-speed")
    assert "no-such-speed" in caught.value.stderr_tail
    assert "preset" in caught.value.stderr_tail
    assert caught.value.exit_code != 0
    assert list(film.folder.iterdir()) == []


def test_a_tool_that_dies_while_fed_is_a_tool_error(film: Any) -> None:
    """More pictures than a pipe holds, to an ffmpeg that has left."""
    with pytest.raises(ToolError):
        _write(film.folder / "c.mp4", (film.coded(3) for _ in range(2000)), preset="no-such-speed")
    assert list(film.folder.iterdir()) == []


@pytest.mark.parametrize("side_px", [16, 48])
def test_a_failing_source_leaves_nothing(film: Any, side_px: int) -> None:
    """Small pictures wait in the buffer of the pipe when the source fails, large ones do not."""

    def frames() -> Iterator[np.ndarray]:
        yield np.zeros((side_px, side_px, 3), np.uint8)
        raise InputError("undecodable", "it broke")

    with pytest.raises(InputError, match="it broke"):
        _write(film.folder / "c.mp4", frames(), size_px=(side_px, side_px))
    assert list(film.folder.iterdir()) == []


def test_a_failure_leaves_the_earlier_clip(film: Any) -> None:
    path = film.folder / "c.mp4"
    path.write_bytes(b"earlier")
    with pytest.raises(ToolError):
        _write(path, [film.coded(3)] * 5, preset="no-such-speed")
    assert path.read_bytes() == b"earlier"


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((50, 64, 3), np.uint8), np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3), np.float32)],
    ids=["size", "channels", "dtype"],
)
def test_a_wrong_picture_is_refused(film: Any, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\(48, 64, 3\)"):
        _write(film.folder / "c.mp4", [film.coded(0), wrong])
    assert list(film.folder.iterdir()) == []


def test_a_missing_folder_is_an_error(film: Any) -> None:
    with pytest.raises(ToolError):
        _write(film.folder / "gone" / "c.mp4", [film.coded(0)] * 3)


def test_no_picture_at_all_is_no_clip(film: Any) -> None:
    with pytest.raises(ValueError, match="at least one"):
        _write(film.folder / "c.mp4", [])
    assert list(film.folder.iterdir()) == []


@pytest.fixture
def fresh_search() -> Iterator[None]:
    """Forgets which ffmpeg was found, before and after."""
    find_ffmpeg.cache_clear()
    yield
    find_ffmpeg.cache_clear()


def _script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_an_ffmpeg_that_cannot_encode_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_search: None
) -> None:
    poor = _script(tmp_path / "poor", "echo Unknown encoder libx264 >&2; exit 1")
    good = _script(tmp_path / "good", "exit 0")
    monkeypatch.setattr(encode.shutil, "which", lambda _: poor)
    monkeypatch.setattr(encode, "_bundled", lambda: good)
    assert find_ffmpeg() == good


def test_the_ffmpeg_of_the_system_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_search: None
) -> None:
    own = _script(tmp_path / "own", "exit 0")
    monkeypatch.setattr(encode.shutil, "which", lambda _: own)
    assert find_ffmpeg() == own


def test_no_ffmpeg_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_search: None) -> None:
    poor = _script(tmp_path / "poor", "echo Unknown encoder libx264 >&2; exit 1")
    monkeypatch.setattr(encode.shutil, "which", lambda _: poor)
    monkeypatch.setattr(encode, "_bundled", lambda: None)
    with pytest.raises(InputError, match="Unknown encoder libx264") as caught:
        find_ffmpeg()
    assert caught.value.reason_code == "no_ffmpeg"


def test_an_ffmpeg_without_a_filter_that_is_needed_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_search: None
) -> None:
    """Each is asked for its list; a name inside another one does not count."""
    listing = "echo ' .. bass  A->A  Boost.'; echo ' .. scale V->V Scale.'"
    poor = _script(tmp_path / "poor", listing)
    good = _script(tmp_path / "good", f"{listing}; echo ' .. ass V->V Render.'")
    monkeypatch.setattr(encode.shutil, "which", lambda _: poor)
    monkeypatch.setattr(encode, "_bundled", lambda: good)
    assert (find_ffmpeg(), find_ffmpeg("ass"), find_ffmpeg("scale")) == (poor, good, poor)
    monkeypatch.setattr(encode, "_bundled", lambda: None)
    find_ffmpeg.cache_clear()
    with pytest.raises(InputError, match="and has the filter ass was found") as caught:
        find_ffmpeg("ass")
    assert caught.value.reason_code == "no_ffmpeg"


def test_an_old_ffmpeg_is_passed_over_where_times_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_search: None
) -> None:
    old = _script(tmp_path / "old", 'case "$*" in *fps_mode*) echo Unrecognized option >&2; exit 1;; esac')
    new = _script(tmp_path / "new", "exit 0")
    monkeypatch.setattr(encode.shutil, "which", lambda _: old)
    monkeypatch.setattr(encode, "_bundled", lambda: new)
    assert (find_ffmpeg(), find_ffmpeg(timed=True)) == (old, new)
