from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.speech.speech_edges import REACH_S, SHORTEST_S, fit_to_speech, segments_in_speech
from pipeline.types import Segment, Word

SPEECH = np.array([[1.0, 2.0], [2.5, 4.0]])
STEPS = st.lists(st.integers(0, 60), max_size=40)


def _fitted(*times_s: tuple[float, float], speech: np.ndarray = SPEECH) -> list[tuple[float, float]]:
    return [tuple(row) for row in fit_to_speech(np.array(times_s, np.float64).reshape(-1, 2), speech).tolist()]


def test_the_first_word_begins_with_the_speech_and_the_last_ends_with_it() -> None:
    found = _fitted((0.6, 1.3), (1.3, 1.8), (2.2, 3.0), (3.0, 4.4))
    assert found == [(1.0, 1.3), (1.3, 2.0), (2.5, 3.0), (3.0, 4.0)]


def test_words_that_begin_late_or_end_early_reach_the_edges() -> None:
    assert _fitted((1.25, 1.5), (1.5, 1.75)) == [(1.0, 1.5), (1.5, 2.0)]


def test_a_word_far_from_the_edge_stays_as_it_is() -> None:
    far = (2.5 + REACH_S + 0.01, 4.0 - REACH_S - 0.01)
    assert _fitted(far) == [far]


def test_a_word_over_a_pause_is_given_the_speech_that_holds_most_of_it() -> None:
    assert _fitted((1.2, 1.9), (1.9, 3.0), (3.0, 3.9)) == [(1.0, 2.0), (2.5, 3.0), (3.0, 4.0)]


def test_words_between_two_edges_stay_as_they_are() -> None:
    assert _fitted((2.5, 2.8), (2.8, 3.1), (3.2, 3.4), (3.4, 4.0))[1:3] == [(2.8, 3.1), (3.2, 3.4)]


@pytest.mark.parametrize(
    ("word", "expected"), [((0.2, 1.05), (0.95, 1.05)), ((3.95, 4.6), (3.95, 4.05))], ids=["ahead", "behind"]
)
def test_a_word_that_is_shortened_keeps_a_length(word: tuple[float, float], expected: tuple[float, float]) -> None:
    assert _fitted(word) == [pytest.approx(expected)]


def test_words_outside_speech_stay_and_are_never_covered() -> None:
    assert _fitted((0.2, 0.9), (1.1, 2.0)) == [(0.2, 0.9), (1.0, 2.0)]
    assert _fitted((2.1, 2.3), (2.3, 2.45), (2.7, 3.0))[:2] == [(2.1, 2.3), (2.3, 2.45)]


def test_no_speech_and_no_words_change_nothing() -> None:
    assert _fitted((0.2, 0.9), speech=np.zeros((0, 2))) == [(0.2, 0.9)]
    assert _fitted() == []


@settings(deadline=None)
@given(STEPS, STEPS)
def test_words_stay_in_order_and_change_by_no_more_than_the_reach(words: list[int], speech: list[int]) -> None:
    def spans(steps: list[int], least: int) -> np.ndarray:
        edges = np.cumsum([step + least for step in steps[: len(steps) // 2 * 2]], dtype=np.float64)
        return edges.reshape(-1, 2) / 32

    times_s = spans(words, 0)
    fitted = fit_to_speech(times_s, spans(speech, 1))
    assert (np.diff(fitted.ravel()) >= 0).all()
    assert (times_s[:, 0] - fitted[:, 0] <= REACH_S + 1e-9).all()
    assert (fitted[:, 1] - times_s[:, 1] <= REACH_S + 1e-9).all()
    lengths, before = np.diff(fitted, axis=1), np.diff(times_s, axis=1)
    assert (lengths >= np.minimum(before, SHORTEST_S) - 1e-9).all()


def test_segments_begin_and_end_with_their_words() -> None:
    one = Segment(0.6, 1.8, " a b", (Word(" a", 0.6, 1.3, 0.5), Word(" b", 1.3, 1.8, 0.25, "interpolated")), ("x",))
    two = Segment(2.2, 3.9, " c", (Word(" c", 2.2, 3.9),))
    assert segments_in_speech([one, two], SPEECH) == (
        Segment(1.0, 2.0, " a b", (Word(" a", 1.0, 1.3, 0.5), Word(" b", 1.3, 2.0, 0.25, "interpolated")), ("x",)),
        Segment(2.5, 4.0, " c", (Word(" c", 2.5, 4.0),)),
    )


def test_a_lag_is_taken_away_before_words_are_fitted() -> None:
    words = tuple(Word(f" {name}", start, start + 0.25) for name, start in zip("abc", (0.0, 1.25, 1.75), strict=True))
    (early,) = segments_in_speech([Segment(0.0, 2.0, " a b c", words)], SPEECH, lag_s=0.125)
    assert [(word.start_s, word.end_s) for word in early.words] == [(0.0, 0.125), (1.0, 1.375), (1.625, 2.0)]
    (late,) = segments_in_speech([Segment(0.0, 2.0, " a b c", words)], SPEECH[:0], lag_s=-0.125, end_s=2.0)
    assert [(word.start_s, word.end_s) for word in late.words] == [(0.125, 0.375), (1.375, 1.625), (1.875, 2.0)]
