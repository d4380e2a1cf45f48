"""Gaps: frames of a clip without the speaker's face, and the part that is left when they are cut off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from pipeline.attribution.faces import ROUNDING
from pipeline.framing.boundaries import first_limit, stop_limit
from pipeline.types import AttributedWord

HALF_FRAME = 0.5
"""Frames by which a word may reach over the end of the kept part and still be in it; clips round the same way."""


@dataclass(frozen=True, slots=True)
class Part:
    """The rest of a sentence."""

    first: int
    """First frame, counted as the clip's."""
    stop: int
    inside: tuple[AttributedWord, ...]
    """Words that sound wholly in it; the others are `outside`."""
    outside: tuple[AttributedWord, ...]


def longest_run(mask: np.ndarray) -> tuple[int, int]:
    """Return ``[first, stop)`` of the longest run of True in (n,) bool; the earliest of several; empty without one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    if not len(edges):
        return 0, 0
    firsts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - firsts))
    return int(firsts[longest]), int(stops[longest])


def longest_part(
    words: Sequence[AttributedWord], covered: np.ndarray, first: int, rate: Fraction, padding_s: float
) -> Part | None:
    """Return the longest part of a clip with the face in view, less the words that it would cut in two.

    Args:
        words: of the sentence, in order.
        covered: (F,) bool, whether the face is in view on each frame of the clip.
        first: first frame of the clip, counted at *rate*.
        rate: frames a second.
        padding_s: silence wanted before and after, in seconds.

    Returns:
        None where no whole word is in it.
    """
    begin, end = (first + edge for edge in longest_run(covered))
    fps = float(rate)

    def is_inside(spoken: AttributedWord) -> bool:
        starts, ends = spoken.word.start_s * fps, spoken.word.end_s * fps
        return starts >= begin - HALF_FRAME - ROUNDING and ends <= end + HALF_FRAME + ROUNDING

    inside = tuple(spoken for spoken in words if is_inside(spoken))
    if not inside:
        return None
    outside = tuple(spoken for spoken in words if not is_inside(spoken))
    start, stop = inside[0].word.start_s * fps, max(spoken.word.end_s for spoken in inside) * fps
    padding = padding_s * fps
    before = [spoken.word.end_s * fps for spoken in outside if spoken.word.start_s * fps < start]
    after = [spoken.word.start_s * fps for spoken in outside if spoken.word.start_s * fps >= start]
    if before:
        limit = first_limit(max(before), start, padding)
        begin = max(begin, limit, math.floor(start - padding + ROUNDING))
    if after:
        limit = stop_limit(stop, min(after), padding)
        end = min(end, limit, math.ceil(stop + padding - ROUNDING))
    return Part(begin, end, inside, outside) if begin < end else None
