from __future__ import annotations

import numpy as np
import pytest

from pipeline.speech.doubts import MAX_RATE, UNLIKELY, flag_unlikely
from pipeline.types import Segment, Timing, Word

SPEECH = np.full(100, 0.9, np.float32)
SILENCE = np.full(100, 0.1, np.float32)


def _segment(
    text: str, confidence: float | None = 0.8, start_s: float = 1.0, each_s: float = 0.3, timing: Timing = "measured"
) -> Segment:
    words = tuple(
        Word(f" {part}", start_s + place * each_s, start_s + (place + 1) * each_s, confidence, timing)
        for place, part in enumerate(text.split())
    )
    return Segment(words[0].start_s, words[-1].end_s, f" {text}", words)


def _flags(*segments: Segment, scores: np.ndarray = SPEECH) -> list[bool]:
    return [UNLIKELY in segment.flags for segment in flag_unlikely(segments, scores, 0.1)]


def test_clear_speech_is_not_flagged_and_stays_the_same() -> None:
    said = (_segment("ask not what your country"), _segment("can do for you", start_s=3.0))
    assert flag_unlikely(said, SPEECH, 0.1) == said


@pytest.mark.parametrize(
    ("segment", "scores"),
    [
        (_segment("a rare name", 0.3), SPEECH),
        (_segment("a quiet word"), SILENCE),
        (_segment("in nineteen", timing="interpolated"), SPEECH),
        (_segment("quick words", each_s=0.1), SPEECH),
        (_segment("no confidence", None), SPEECH),
    ],
    ids=["confidence", "detector", "no length", "rate", "unknown"],
)
def test_one_sign_is_not_enough(segment: Segment, scores: np.ndarray) -> None:
    assert _flags(segment, scores=scores) == [False]


@pytest.mark.parametrize(
    ("segment", "scores"),
    [
        (_segment("never said", 0.4), SILENCE),
        (_segment("never said", 0.4, timing="interpolated"), SPEECH),
        (_segment("never said", 0.4, each_s=0.1), SPEECH),
        (_segment("never said", 0.8, each_s=0.1), SILENCE),
        (_segment("never said", 0.1), SPEECH),
    ],
    ids=["confidence, detector", "confidence, no length", "confidence, rate", "rate, detector", "no confidence"],
)
def test_two_signs_flag_a_segment_whose_times_are_no_longer_measured(segment: Segment, scores: np.ndarray) -> None:
    (found,) = flag_unlikely([segment], scores, 0.1)
    assert found.flags == (UNLIKELY,)
    assert {word.timing for word in found.words} == {"interpolated"}
    assert [(word.start_s, word.end_s) for word in found.words] == [
        (word.start_s, word.end_s) for word in segment.words
    ]


def test_three_confident_copies_without_length_are_flagged() -> None:
    copies = [
        _segment("I'm a writer.", start_s=1.0),
        _segment("I'm a writer,", start_s=2.0, timing="interpolated"),
        _segment("I'm a writer.", start_s=2.0, each_s=0.0),
        _segment("and then she left", start_s=3.0),
    ]
    assert _flags(*copies) == [False, True, True, False]


@pytest.mark.parametrize(("text", "times", "flagged"), [("I like to do that", 2, True), ("I like that", 2, False)])
def test_a_longer_phrase_needs_fewer_copies(text: str, times: int, flagged: bool) -> None:
    copies = [_segment(text, 0.4, start_s=1.0 + 2 * place) for place in range(times)]
    assert _flags(*copies) == [flagged] * times


def test_one_short_word_is_not_too_fast() -> None:
    """Whisper gives single words a tenth of a second now and then: five letters are more than the rate then."""
    assert len("Yeah") / 0.1 > MAX_RATE
    assert _flags(_segment("Yeah.", 0.4, each_s=0.1)) == [False]


def test_no_scores_and_no_segments_flag_nothing() -> None:
    assert _flags(_segment("after the end", start_s=50.0), scores=SPEECH) == [False]
    assert _flags() == []
