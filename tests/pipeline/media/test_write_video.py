"""Videos of any length: sound that comes in blocks while pictures are encoded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import InputError, ToolError
from pipeline.media import encode
from pipeline.media.audio import read_sound
from pipeline.media.encode import write_video
from pipeline.media.probe import probe

F = Fraction
BLOCK = 4000


def _write(path: Path, frames: Any, sound: Any, **changed: Any) -> int:
    settings: dict[str, Any] = {
        "rate": F(25),
        "size_px": (64, 48),
        "sound_rate_hz": 48_000,
        "channels": 2,
        "crf": 18,
        "preset": "ultrafast",
        **changed,
    }
    return write_video(path, frames, sound=sound, **settings)


def _blocks(sound: np.ndarray) -> Iterator[np.ndarray]:
    return (sound[first : first + BLOCK] for first in range(0, len(sound), BLOCK))


def _clean(folder: Path) -> None:
    """Nothing is left in *folder*, and no thread."""
    assert list(folder.iterdir()) == []
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("sound")]


@pytest.mark.slow
@pytest.mark.parametrize(("picture_s", "sound_s"), [(4, 4), (1, 6), (6, 1)])
def test_sound_of_another_length_than_the_picture(film: Any, picture_s: int, sound_s: int) -> None:
    """Both are whole: neither waits for the other for ever, and neither is cut off."""
    path = film.folder / "v.mp4"
    sound = film.tone(48_000, sound_s, 2)
    sound[:19_200] = 0
    assert _write(path, (film.coded(k % 200) for k in range(25 * picture_s)), _blocks(sound)) == 25 * picture_s
    heard, _ = read_sound(probe(path), F(0), F(sound_s))
    loud = np.abs(heard[:, 0].astype(int)) > 3000
    assert np.flatnonzero(loud)[[0, -1]] == pytest.approx([19_200, 48_000 * sound_s], abs=1200)
    assert probe(path).duration_s == pytest.approx(picture_s, abs=0.001)


def test_a_video_without_a_sample_of_sound(film: Any) -> None:
    path = film.folder / "v.mp4"
    assert _write(path, (film.coded(k) for k in range(5)), iter(())) == 5
    assert probe(path).duration_s == pytest.approx(0.2)


@pytest.mark.parametrize("at", [0, 3])
def test_what_the_sound_raises_is_raised(film: Any, at: int) -> None:
    def broken() -> Iterator[np.ndarray]:
        for _ in range(at):
            yield film.tone(48_000, 1, 2)
        raise InputError("changed", "the file changed")

    with pytest.raises(InputError, match="the file changed"):
        _write(film.folder / "v.mp4", (film.coded(k) for k in range(25)), broken())
    _clean(film.folder)


def test_what_the_pictures_raise_is_raised_though_sound_is_waiting(film: Any) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield film.coded(0)
        raise InputError("undecodable", "no more pictures")

    with pytest.raises(InputError, match="no more pictures"):
        _write(film.folder / "v.mp4", broken(), _blocks(film.tone(48_000, 20, 2)))
    _clean(film.folder)


def test_a_failing_encoder_says_why_though_sound_is_waiting(film: Any) -> None:
    with pytest.raises(ToolError, match="nonsense"):
        _write(film.folder / "v.mp4", [film.coded(0)] * 9, _blocks(film.tone(48_000, 20, 2)), preset="nonsense")
    _clean(film.folder)


def test_an_encoder_that_is_not_there_leaves_nothing_open(film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "find_ffmpeg", lambda: "/nowhere/ffmpeg")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="nowhere"):
        _write(film.folder / "v.mp4", [film.coded(0)], _blocks(film.tone(48_000, 20, 2)))
    _clean(film.folder)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_sound_is_asked_for_as_it_is_used(film: Any) -> None:
    """Ten minutes of sound stand ready, and only little more than goes with the pictures so far is taken."""
    taken = 0
    second = film.tone(48_000, 1, 2)

    def sound() -> Iterator[np.ndarray]:
        nonlocal taken
        for _ in range(600):
            taken += 1
            yield second

    def frames() -> Iterator[np.ndarray]:
        for k in range(100):
            yield film.coded(k)
        raise InputError("stop", f"stopped after {taken} s")

    with pytest.raises(InputError, match="stopped"):
        _write(film.folder / "v.mp4", frames(), sound())
    assert taken < 300
