"""Quiet speech is found where it is found at its usual level."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.speech.loudness import MAX_GAIN_DB, gains
from pipeline.speech.regions import STEP, find_speech, load_detector
from pipeline.types import AudioTrack

STEP_S = STEP / 16_000


def overlap(first: np.ndarray, second: np.ndarray, count: int) -> float:
    """Samples in regions of both over samples in regions of one."""
    masks = np.zeros((2, count), bool)
    for mask, spans in zip(masks, (first, second), strict=True):
        for start, end in spans.tolist():
            mask[start:end] = True
    return (masks[0] & masks[1]).sum() / max((masks[0] | masks[1]).sum(), 1)


def quieter(samples: np.ndarray, by_db: float) -> np.ndarray:
    return np.rint(samples * 10 ** (-by_db / 20))


@pytest.mark.slow
@pytest.mark.parametrize("by_db", [20, 45, 50])
def test_quiet_speech_is_found_whole(
    jfk: np.ndarray, make_track: Callable[[np.ndarray], AudioTrack], by_db: float
) -> None:
    detector = load_detector()
    usual = find_speech(detector, make_track(jfk))
    found = find_speech(detector, make_track(quieter(jfk, by_db)))
    assert overlap(usual, found, len(jfk)) > 0.95
    assert found[0, 0] <= usual[0, 0] + 800, "the first words are missing"


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 4])
def test_quiet_speech_of_other_people(
    shared: Path,
    read_sound: Callable[[Path], np.ndarray],
    make_track: Callable[[np.ndarray], AudioTrack],
    number: int,
) -> None:
    sound = read_sound(shared / "videos" / f"retalking_face{number}.mp4")
    detector = load_detector()
    usual = find_speech(detector, make_track(sound))
    assert overlap(usual, find_speech(detector, make_track(quieter(sound, 45))), len(sound)) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("loud_first", [True, False])
def test_a_quiet_half_is_heard_as_well_as_a_loud_one(
    jfk: np.ndarray, make_track: Callable[[np.ndarray], AudioTrack], loud_first: bool
) -> None:
    detector = load_detector()
    usual = find_speech(detector, make_track(jfk))
    halves = [jfk, quieter(jfk, 35)] if loud_first else [quieter(jfk, 35), jfk]
    found = find_speech(detector, make_track(np.concatenate(halves)))
    assert overlap(np.concatenate([usual, usual + len(jfk)]), found, 2 * len(jfk)) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("dbfs", [-30, -60, -75])
def test_noise_is_not_blown_up_into_speech(make_track: Callable[[np.ndarray], AudioTrack], dbfs: float) -> None:
    noise = np.random.default_rng(3).normal(size=16_000 * 8) * 32768 * 10 ** (dbfs / 20)
    assert len(find_speech(load_detector(), make_track(np.rint(noise)))) == 0


def test_silence_has_no_speech(make_track: Callable[[np.ndarray], AudioTrack]) -> None:
    assert len(find_speech(load_detector(), make_track(np.zeros(32_000)))) == 0


def test_what_is_loud_enough_stays_as_it_is() -> None:
    assert (gains(np.full(300, 10 ** (-20 / 10)), STEP_S) == 1).all()


def test_the_gain_brings_quiet_sound_to_the_target_and_no_further() -> None:
    assert gains(np.full(300, 10 ** (-45 / 10)), STEP_S) == pytest.approx(np.full(300, 10.0))  # -25 - -45 = 20 dB
    assert gains(np.full(300, 1e-12), STEP_S) == pytest.approx(np.full(300, 10 ** (MAX_GAIN_DB / 20)))
    assert gains(np.zeros(0), STEP_S).shape == (0,)


def test_the_noise_of_a_room_is_not_brought_to_the_level_of_speech() -> None:
    powers = np.concatenate([np.full(300, 10 ** (-20 / 10)), np.full(300, 10 ** (-80 / 10))])
    assert gains(powers, STEP_S)[-1] == pytest.approx(10 ** (30 / 20))  # -25 - (-20 - 35)
