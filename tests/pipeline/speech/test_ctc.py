"""Words on emissions made by hand: every frame says which label it holds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.speech.ctc import spelled, word_frames

LABELS = {letter: number for number, letter in enumerate("-abcdefghijklmnopqrstuvwxyz'") if number}
A, B, C, SEPARATOR = 1, 2, 3, 4


def emissions(frames: list[int], sure: float = 0.9, count: int = 5) -> torch.Tensor:
    """(T, C) log probabilities in which each frame holds one label with probability *sure*."""
    probabilities = torch.full((len(frames), count), (1 - sure) / (count - 1))
    probabilities[torch.arange(len(frames)), torch.tensor(frames)] = sure
    return probabilities.log()


def test_a_word_reaches_from_its_first_letter_to_its_last() -> None:
    #                    0  1  2  3  4  5  6  7  8
    found = word_frames(emissions([0, A, A, 0, B, 0, C, 0, 0]), [[A, B], [C]])
    assert found is not None and found.tolist() == [[1, 5], [6, 7]]


def test_a_letter_said_twice_is_found_twice() -> None:
    found = word_frames(emissions([A, 0, A, 0, 0, A]), [[A, A], [A]])
    assert found is not None and found.tolist() == [[0, 3], [5, 6]]


def test_known_words_are_found_in_sound_that_says_something_else() -> None:
    """The network heard c in the place of b: the only way through gives that frame to b."""
    found = word_frames(emissions([A, 0, C, 0, A]), [[A], [B], [A]])
    assert found is not None and found[[0, 2]].tolist() == [[0, 1], [4, 5]]
    assert 1 <= found[1, 0] < found[1, 1] <= 4


def test_the_sound_of_a_word_that_cannot_be_spelled_is_not_given_to_its_neighbours() -> None:
    frames = [A, 0, C, 0, C, C, 0, C, 0, B, B]
    found = word_frames(emissions(frames), [[A], [], [B]])
    assert found is not None
    assert found[[0, 2]].tolist() == [[0, 1], [9, 11]]
    assert np.isnan(found[1]).all()


def test_an_unspelled_word_that_sounds_like_its_neighbour_leaves_it_its_own_letter() -> None:
    """Between a and b, something with a b in it is said: only the last one leaves no sound unexplained."""
    found = word_frames(emissions([A, 0, C, B, C, 0, B]), [[A], [], [B]])
    assert found is not None and found[[0, 2]].tolist() == [[0, 1], [6, 7]]


def test_the_separator_is_no_part_of_a_word() -> None:
    found = word_frames(emissions([A, SEPARATOR, SEPARATOR, B, 0, SEPARATOR, C]), [[A], [B], [C]], SEPARATOR)
    assert found is not None and found.tolist() == [[0, 1], [3, 4], [6, 7]]


@pytest.mark.parametrize("words", [[[A, B, C, A]], [[A, A, A]], [[], []], []])
def test_a_text_that_cannot_be_placed_is_not(words: list[list[int]]) -> None:
    """Too many letters, too many for the blanks between equal ones, or none at all."""
    assert word_frames(emissions([A, 0, B]), words) is None


def test_no_sound_has_no_words() -> None:
    assert word_frames(torch.zeros(0, 5), [[A]]) is None


def test_impossible_labels_do_not_stop_the_search() -> None:
    scores = emissions([A, 0, B])
    scores[:, C] = -torch.inf
    scores[1, A] = torch.nan
    found = word_frames(scores, [[A], [C]])
    assert found is not None and np.isfinite(found).all()


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(
    scores=st.integers(0, 2**32 - 1),
    frames=st.integers(1, 40),
    words=st.lists(st.lists(st.sampled_from([A, B, C]), max_size=3), min_size=1, max_size=6),
    separator=st.sampled_from([None, SEPARATOR]),
)
def test_words_come_in_order_inside_the_sound(
    scores: int, frames: int, words: list[list[int]], separator: int | None
) -> None:
    log_probs = torch.randn(frames, 5, generator=torch.Generator().manual_seed(scores)).log_softmax(1)
    found = word_frames(log_probs, words, separator)
    if found is not None:
        assert np.isnan(found).all(axis=1).tolist() == [not labels for labels in words]
        edges = found[np.isfinite(found).all(axis=1)].reshape(-1)
        assert edges[0] >= 0 and edges[-1] <= frames
        assert (np.diff(edges) >= 0).all() and (np.diff(edges)[::2] > 0).all()


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        (" Hello,", "hello"),
        (" don’t", "don't"),
        (" 'tis'", "tis"),
        (" naïve", "naive"),
        (" Straße.", "strasse"),
        (" Æther", "aether"),
        (" Łódź", "lodz"),
        (" well-known", "wellknown"),
        (" 1984", ""),
        (" B2B", ""),
        (" привет", ""),
        ("本", ""),
        (" …", ""),
    ],
)
def test_spelling(text: str, letters: str) -> None:
    assert spelled(text, LABELS) == tuple(LABELS[letter] for letter in letters)


def test_a_mark_that_the_dictionary_lacks_is_no_reason_against_a_word() -> None:
    without = {letter: number for letter, number in LABELS.items() if letter != "'"}
    assert spelled(" don't", without) == tuple(LABELS[letter] for letter in "dont")
