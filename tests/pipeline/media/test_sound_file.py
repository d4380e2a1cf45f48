"""Sound from a file beside the video."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.media.audio import extract_sound, read_sound, sound_blocks
from pipeline.media.probe import check_unchanged, probe, with_sound_file

F = Fraction
ZERO = F(0)
RATE_HZ = 48_000
LOUD = 3000


def _wav(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((samples.shape[1], 2, rate_hz, 0, "NONE", ""))
        file.writeframes(np.ascontiguousarray(samples, "<i2").tobytes())
    return path


def _tone_from(film: Any, start_s: float, seconds: float = 2.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    sound = film.tone(rate_hz, seconds)
    sound[: round(start_s * rate_hz)] = 0
    return sound


def _begin_s(samples: np.ndarray, rate_hz: int) -> float:
    return int(np.argmax(np.abs(samples.astype(int)).reshape(len(samples), -1).max(1) > LOUD)) / rate_hz


def _video(film: Any, zero_s: Fraction = ZERO, sound_s: Fraction | None = None) -> Path:
    sound = [] if sound_s is None else [(sound_s, film.tone(16_000, 1, frequency_hz=100.0))]
    return film.make("video.mkv", film.times(F(25), 2, zero_s), sound=sound)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zero_s", "sound_s", "begin_s"),
    [(F(0), None, 0.9), (F(0), F(0), 0.9), (F(7, 5), F(1), 0.5), (F(7, 5), None, 0.9), (F(1), F(2), 0.9)],
    ids=str,
)
def test_its_first_sample_is_the_beginning_of_the_container(
    film: Any, zero_s: Fraction, sound_s: Fraction | None, begin_s: float
) -> None:
    """A tone 0.9 s into the file. Where the video's own sound begins 0.4 s before its picture, so does the file's."""
    beside = _wav(film.folder / "sound.wav", _tone_from(film, 0.9))
    found = with_sound_file(probe(_video(film, zero_s, sound_s)), beside)
    track = extract_sound(found, film.folder / "sound.pcm")
    assert _begin_s(track.read(0, 32_000), 16_000) == pytest.approx(begin_s, abs=0.005)
    heard, rate_hz = read_sound(found, F(1, 4), F(3, 2))
    assert _begin_s(heard, rate_hz) + 0.25 == pytest.approx(begin_s, abs=0.005)


@pytest.mark.parametrize("name", ["sound.mp3", "sound.m4a", "sound.flac", "sound.ogg"])
def test_compressed_sound_is_where_it_was(film: Any, name: str) -> None:
    """Encoders put samples of their own in front; players leave them out, and so do we."""
    _wav(film.folder / "in.wav", _tone_from(film, 0.9))
    film.ffmpeg("-i", "in.wav", name)
    found = with_sound_file(probe(_video(film)), film.folder / name)
    assert _begin_s(*read_sound(found, F(0), F(2))) == pytest.approx(0.9, abs=0.012)


def test_rate_and_channels_are_those_of_the_file(film: Any) -> None:
    beside = _wav(film.folder / "sound.wav", film.tone(44_100, 1, 2), 44_100)
    found = with_sound_file(probe(_video(film, sound_s=F(0))), beside)
    assert (found.audio_rate_hz, found.audio_channels, found.has_audio) == (44_100, 2, True)
    assert read_sound(found, F(0), F(1))[0].shape == (44_100, 2)


def test_a_file_without_sound_is_refused_by_its_name(film: Any) -> None:
    silent = film.make("silent.mkv", film.times(F(25), 1))
    with pytest.raises(InputError, match=r"silent\.mkv: has no sound") as caught:
        with_sound_file(probe(_video(film)), silent)
    assert caught.value.reason_code == "no_audio"


@pytest.mark.parametrize(("content", "reason"), [(b"no sound", "not_media"), (b"", "not_media"), (None, "unreadable")])
def test_a_file_that_is_no_sound_is_refused_by_its_name(film: Any, content: bytes | None, reason: str) -> None:
    beside = film.folder / "sound.wav"
    if content is not None:
        beside.write_bytes(content)
    with pytest.raises(InputError, match=r"sound\.wav: ") as caught:
        with_sound_file(probe(_video(film)), beside)
    assert caught.value.reason_code == reason


def test_a_sound_file_that_changes_is_noticed(film: Any) -> None:
    beside = _wav(film.folder / "sound.wav", film.tone(RATE_HZ, 1))
    found = with_sound_file(probe(_video(film)), beside)
    check_unchanged(found)
    _wav(beside, film.tone(RATE_HZ, 2))
    with pytest.raises(InputError, match=r"sound\.wav: the file changed"):
        extract_sound(found, film.folder / "sound.pcm")


def test_blocks_together_are_the_sound(film: Any) -> None:
    source = probe(film.make("v.mkv", film.times(F(25), 2, F(1)), sound=[(F(3, 2), film.tone(16_000, 1, 2))]))
    blocks = list(sound_blocks(source))
    assert len(blocks) > 3
    whole, _ = read_sound(source, F(0), F(3, 2))
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    np.testing.assert_array_equal(np.concatenate(list(sound_blocks(source, F(3, 4)))), whole[12_000:])
