"""Detection of phrases that come back too often to be speech: recognisers loop so on music and noise."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Sequence

import numpy as np

from pipeline.types import Segment

REPEATED = "repeated"
"""Flag of a segment that is wholly or partly such a loop."""

MIN_REPEATS = 4
"""Least repeats of a loop: people say a phrase three times in a row for emphasis; loops of a recogniser go on."""

MIN_WORDS = 6
"""Least words in a loop: "no, no, no, no" is still speech."""

LONGEST_PHRASE = 40
"""Most words of a phrase: a window of Whisper holds about a hundred, too few for four times a longer phrase."""


def flag_repeats(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Return the same segments; those with a word in a loop carry the flag ``repeated``.

    Words are compared without case and punctuation, across the borders of the segments.
    """
    words = [plain(word.text) for segment in segments for word in segment.words]
    counted = [index for index, word in enumerate(words) if word]
    looped = np.zeros(len(words), bool)
    looped[counted] = in_loop([words[index] for index in counted])
    flagged, first = [], 0
    for segment in segments:
        last = first + len(segment.words)
        flagged.append(with_flag(segment, REPEATED) if looped[first:last].any() else segment)
        first = last
    return tuple(flagged)


def with_flag(segment: Segment, flag: str) -> Segment:
    """Return the segment with one more flag; unchanged when it has it."""
    return segment if flag in segment.flags else dataclasses.replace(segment, flags=(*segment.flags, flag))


def in_loop(words: Sequence[str], shortest: int = 1, repeats: int = MIN_REPEATS) -> np.ndarray:
    """Return True for words in a phrase that is said often without a break.

    A stretch of words repeats a phrase of P words when every word equals the one P places before it.

    Args:
        words: words in plain form.
        shortest: least words of the phrase.
        repeats: least times that it is said.

    Returns:
        (N,) bool.
    """
    _, codes = np.unique(np.array(words, dtype=object), return_inverse=True)
    looped = np.zeros(len(words), bool)
    for period in range(shortest, min(LONGEST_PHRASE, len(words) // repeats) + 1):
        same = np.concatenate([[False], codes[period:] == codes[:-period], [False]])
        for first, last in np.flatnonzero(np.diff(same.astype(np.int8))).reshape(-1, 2):
            if last + period - first >= max(repeats * period, MIN_WORDS):
                looped[first : last + period] = True
    return looped


def plain(text: str) -> str:
    """Return the letters and digits of a word, without case; marks stay, since they tell letters of some scripts
    apart."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        character for character in folded if character.isalnum() or unicodedata.category(character)[0] == "M"
    )
