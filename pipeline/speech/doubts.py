"""Detection of text that was probably never said, by several signs together: pure functions of words and scores.

Recognisers invent text under mixed voices, laughter, music and noise, now and then with high confidence. No sign tells
it alone: clear speech is fast, quiet, repeated or a rare name, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from pipeline.speech.repeats import in_loop, plain, with_flag
from pipeline.types import Segment, Word

UNLIKELY = "unlikely"
"""Flag of a segment whose text was probably never said."""

MIN_SIGNS = 2
"""Signs that flag a segment. ``benchmarks.words`` counts the segments that are flagged in clear speech."""

LOW_CONFIDENCE, NO_CONFIDENCE = 0.5, 0.15
"""Mean confidence of the words below which it is a sign, and below which it is two."""

MAX_RATE = 35.0
"""Letters and digits a second above which nobody speaks, in segments of two words and more."""

LOW_SPEECH = 0.6
"""Mean score of the detector of speech during the words below which it is a sign."""

COPIES = ((3, 3), (5, 2))
"""Least words of a phrase, and times that it is said in a row, for it to be a sign: fewer than make a loop."""


def flag_unlikely(segments: Sequence[Segment], scores: np.ndarray, step_s: float) -> tuple[Segment, ...]:
    """Return the same segments; those that show `MIN_SIGNS` carry the flag ``unlikely``.

    The times of their words are marked ``interpolated``: a recogniser that hears what is not there does not know when.

    Args:
        segments: segments with the recogniser's own times.
        scores: (W,) probability of speech in each step of the recording.
        step_s: length of a step.
    """
    said = [plain(word.text) for segment in segments for word in segment.words]
    copied, first = np.any([in_loop(said, *copies) for copies in COPIES], axis=0), 0
    flagged: list[Segment] = []
    for segment in segments:
        last = first + len(segment.words)
        count = _signs(segment.words, scores, step_s) + bool(copied[first:last].any())
        flagged.append(_doubted(segment) if count >= MIN_SIGNS else segment)
        first = last
    return tuple(flagged)


def _signs(words: Sequence[Word], scores: np.ndarray, step_s: float) -> int:
    """Count the signs in the words of one segment: confidence, rate and detected speech."""
    known = [word.confidence for word in words if word.confidence is not None]
    confidence = float(np.mean(known)) if known else 1.0
    return (
        (confidence < LOW_CONFIDENCE)
        + (confidence < NO_CONFIDENCE)
        + _is_too_fast(words)
        + (_speech_during(words, scores, step_s) < LOW_SPEECH)
    )


def _is_too_fast(words: Sequence[Word]) -> bool:
    """Return True where a word has no length, or there are more letters than anybody says in the time."""
    if any(word.timing == "interpolated" for word in words):
        return True
    letters = sum(character.isalnum() for word in words for character in word.text)
    return len(words) > 1 and letters > MAX_RATE * sum(word.end_s - word.start_s for word in words)


def _speech_during(words: Sequence[Word], scores: np.ndarray, step_s: float) -> float:
    """Return the mean score of the detector while the words are said; 1 where there are no scores."""
    first = int(words[0].start_s / step_s)
    during = scores[first : max(int(np.ceil(words[-1].end_s / step_s)), first + 1)]
    return float(during.mean()) if len(during) else 1.0


def _doubted(segment: Segment) -> Segment:
    words = tuple(dataclasses.replace(word, timing="interpolated") for word in segment.words)
    return with_flag(dataclasses.replace(segment, words=words), UNLIKELY)
