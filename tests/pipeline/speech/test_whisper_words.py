from __future__ import annotations

import numpy as np
import pytest
import torch
from whisper.timing import WordTiming, dtw_cpu

from pipeline.speech import whisper_words
from pipeline.speech.whisper_words import HeardSegment, with_words


def _segment(start_s: float, end_s: float, tokens: int) -> HeardSegment:
    return HeardSegment(start_s, end_s, " text", 1.0, tuple(range(tokens)))


def _timings(*words: tuple[str, float, float]) -> list[WordTiming]:
    """Words of one token each."""
    return [WordTiming(word, [7], start, end, 0.5) for word, start, end in words]


def _times(segments: list[HeardSegment]) -> list[tuple[str, float, float]]:
    return [(word.text, word.start_s, word.end_s) for segment in segments for word in segment.words]


def test_words_go_to_the_segments_whose_tokens_they_are() -> None:
    timings = _timings((" a", 0.0, 0.2), (" b", 0.2, 0.4), (" c", 0.4, 0.6))
    found = with_words([_segment(0.0, 0.4, 2), _segment(0.4, 0.6, 1)], timings, 0.0, 0.0)
    assert [[word.text for word in segment.words] for segment in found] == [[" a", " b"], [" c"]]


def test_times_are_counted_from_where_the_window_begins() -> None:
    found = with_words([_segment(60.0, 60.4, 2)], _timings((" a", 0.0, 0.2), (" b", 0.2, 0.4)), 60.0, 59.9)
    assert _times(found) == [(" a", 60.0, 60.2), (" b", 60.2, 60.4)]


def test_marks_join_the_words_that_they_belong_to() -> None:
    timings = _timings((' "', 0.0, 0.1), (" yes", 0.1, 0.3), (".", 0.3, 0.5))
    assert [text for text, *_ in _times(with_words([_segment(0.0, 0.5, 3)], timings, 0.0, 0.0))] == [' " yes.']


@pytest.mark.parametrize(
    ("words", "place", "expected"),
    [  # usual length 0.2 s: none longer than 0.4 s where sentences meet
        (((" a", 0.0, 0.2), (" b", 0.2, 0.4), (".", 0.4, 3.0), (" c", 3.0, 3.2)), 1, (" b.", 0.2, 0.4)),
        (((" a", 0.0, 0.2), (".", 0.2, 0.4), (" c", 0.4, 3.2), (" d", 3.2, 3.4)), 1, (" c", 2.8, 3.2)),
    ],
)
def test_words_around_the_end_of_a_sentence_are_shortened(
    words: tuple[tuple[str, float, float], ...], place: int, expected: tuple[str, float, float]
) -> None:
    found = _times(with_words([_segment(0.0, words[-1][2], len(words))], _timings(*words), 0.0, 0.0))[place]
    assert found[0] == expected[0]
    assert found[1:] == pytest.approx(expected[1:])


def test_the_first_word_after_a_pause_is_shortened() -> None:
    timings = _timings((" a", 0.0, 5.0), (" b", 5.0, 5.2), (" c", 5.2, 5.4), (" d", 5.4, 5.6))
    segment = with_words([_segment(4.6, 5.6, 4)], timings, 0.0, 0.0)[0]
    assert (segment.words[0].start_s, segment.words[0].end_s) == pytest.approx((4.6, 5.0))
    assert segment.start_s == pytest.approx(4.6)


def test_the_end_of_a_segment_ends_a_last_word_that_goes_on_into_silence() -> None:
    timings = _timings((" a", 0.0, 0.2), (" b", 0.2, 0.4), (" c", 0.4, 9.0))
    assert _times(with_words([_segment(0.0, 0.7, 3)], timings, 0.0, 0.0))[-1] == (" c", 0.4, 0.7)


def test_a_segment_without_text_gets_no_words() -> None:
    assert with_words([_segment(0.0, 1.0, 0)], [], 0.0, 0.0) == [_segment(0.0, 1.0, 0)]


@pytest.mark.slow
def test_the_path_is_that_of_openai_and_leaves_the_threads_alone() -> None:
    cost = np.random.default_rng(0).standard_normal((20, 150))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = whisper_words._path(cost)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(found, dtw_cpu(cost))
