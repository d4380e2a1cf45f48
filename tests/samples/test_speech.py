from __future__ import annotations

import importlib.util
from itertools import pairwise

import numpy as np
import pytest

from samples.speech import AUDIBLE, Utterance, Voice, speak

VOICE = Voice("en-us+f3", words_per_minute=160, pitch=55)
TEXT = "Good morning, the wind is calm."


@pytest.fixture(scope="module")
def spoken() -> tuple[Utterance, ...]:
    """The same sentence twice, then a slower one."""
    if importlib.util.find_spec("espeakng_loader") is None:
        pytest.skip("requirements-samples.txt is not installed (no espeakng_loader)")
    return tuple(speak([(VOICE, TEXT), (VOICE, TEXT), (Voice("en-us+f3", 120, 55), TEXT)]))


@pytest.mark.slow
def test_sentence_sounds_the_same_every_time(spoken: tuple[Utterance, ...]) -> None:
    assert np.array_equal(spoken[0].samples, spoken[1].samples)
    assert spoken[0].words == spoken[1].words


@pytest.mark.slow
def test_every_word_has_its_time(spoken: tuple[Utterance, ...]) -> None:
    words = spoken[0].words
    assert [word.text for word in words] == TEXT.split()
    assert words[0].start_s == 0 and words[-1].end_s == spoken[0].duration_s
    assert all(word.end_s <= following.start_s for word, following in pairwise(words))


def test_comma_leaves_a_pause(spoken: tuple[Utterance, ...]) -> None:
    words = spoken[0].words
    assert words[2].start_s - words[1].end_s > 0.1
    quiet = spoken[0].samples[round(words[1].end_s * 22_050) + 900 : round(words[2].start_s * 22_050)]
    assert np.abs(quiet).max() < 500


def test_phonemes_follow_each_other_through_the_sentence(spoken: tuple[Utterance, ...]) -> None:
    phonemes = spoken[0].phonemes
    assert phonemes[0].text == "ɡ" and phonemes[0].start_s == 0
    assert all(sound.end_s == following.start_s for sound, following in pairwise(phonemes))


def test_no_silence_at_the_ends(spoken: tuple[Utterance, ...]) -> None:
    samples = spoken[0].samples.astype(int)
    assert abs(samples[0]) >= AUDIBLE <= abs(samples[-1])


def test_slower_voice_takes_longer(spoken: tuple[Utterance, ...]) -> None:
    assert spoken[2].duration_s > 1.2 * spoken[0].duration_s


@pytest.mark.slow
@pytest.mark.usefixtures("spoken")
def test_unknown_voice_is_refused() -> None:
    with pytest.raises(ValueError, match="no voice 'xx-none'"):
        speak([(Voice("xx-none", 160, 50), TEXT)])


@pytest.mark.slow
@pytest.mark.usefixtures("spoken")
def test_words_that_are_run_together_are_refused() -> None:
    with pytest.raises(ValueError, match="runs words together"):
        speak([(VOICE, "Come here at once.")])
