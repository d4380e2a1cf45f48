from __future__ import annotations

import numpy as np
import pytest

from samples.mouth import mouth_movement, shapes_of
from samples.speech import Sound


def opening(phonemes: list[Sound], *times_s: float) -> np.ndarray:
    return mouth_movement(phonemes, np.array(times_s))[:, 0]


def test_mouth_is_closed_and_at_rest_without_speech() -> None:
    assert not mouth_movement([], np.linspace(0, 2, 50)).any()


def test_open_vowel_opens_wider_than_a_consonant() -> None:
    vowel, consonant = opening([Sound("ɑː", 0.0, 0.2), Sound("s", 0.2, 0.4)], 0.1, 0.3)
    assert vowel > 0.8 > 0.4 > consonant > 0


@pytest.mark.parametrize("phoneme", ["p", "b", "m"])
def test_lips_meet_between_vowels(phoneme: str) -> None:
    word = [Sound("ɑː", 0.0, 0.2), Sound(phoneme, 0.2, 0.28), Sound("ɑː", 0.28, 0.5)]
    assert opening(word, 0.24) == 0


def test_pause_closes_the_mouth() -> None:
    assert opening([Sound("ɑː", 0.0, 0.2), Sound("", 0.2, 0.6)], 0.45) == 0


def test_rounded_and_spread_vowels_differ() -> None:
    movement = mouth_movement([Sound("uː", 0.0, 0.2), Sound("iː", 0.2, 0.4)], np.array([0.1, 0.3]))
    assert movement[0, 1] < -0.6 and movement[1, 1] > 0.4


def test_diphthong_passes_through_both_shapes() -> None:
    first, second = opening([Sound("ˈaɪ", 0.0, 0.4)], 0.1, 0.32)
    assert first > 0.8 and second < 0.5


def test_stress_and_length_do_not_change_the_shape() -> None:
    assert shapes_of("ˈɑː") == shapes_of("ɑ")


def test_movement_is_smooth() -> None:
    word = [Sound("m", 0.0, 0.1), Sound("ɑː", 0.1, 0.3), Sound("p", 0.3, 0.4)]
    steps = np.diff(mouth_movement(word, np.arange(0, 0.5, 0.005)), axis=0)
    assert np.abs(steps).max() < 0.15


def test_unknown_sign_is_refused() -> None:
    with pytest.raises(ValueError, match="ʘ"):
        shapes_of("ʘ")
