"""Spans of sentences in frames, with the silence around them where there is some, and no word of a neighbour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

import numpy as np

from pipeline.attribution.faces import ROUNDING
from pipeline.framing.boundaries import first_limit, stop_limit
from pipeline.framing.clock import GRID_RATE, certainly_before, certainly_from, frames_within
from pipeline.types import Sentence


def clip_spans(
    sentences: Sequence[Sentence],
    shot_starts: np.ndarray,
    frame_count: int,
    padding_s: float,
    rate: Fraction = GRID_RATE,
    first_frame: int = 0,
) -> list[tuple[int, int]]:
    """Return the first frame of each sentence's clip and the one after its last.

    Between two sentences lies the frame boundary nearest to the middle of their gap, and no clip passes it; a gap too
    small to hold a boundary is missed by half a frame at most. Sentences that sound at the same time keep their own
    words. Padding ends at a shot cut, where another picture begins.

    Args:
        sentences: all of the video, in order of speech.
        shot_starts: (S,) int32 first grid frames of the shots, ascending.
        frame_count: grid frames of the video; every span is inside it, and empty where the picture has ended.
        padding_s: silence wanted before and after, in seconds.
        rate: frames a second in which the spans are counted.
        first_frame: grid frame before which no span begins.
    """
    ends_s, starts_s = _around(sentences)
    fps = float(rate)
    padding = padding_s * fps
    lowest, total = certainly_from(first_frame, rate), frames_within(frame_count, rate)
    begins = np.array([certainly_from(int(frame), rate) for frame in shot_starts])
    stops = np.array([certainly_before(int(frame), rate) for frame in shot_starts])
    spans = []
    for i, sentence in enumerate(sentences):
        start, end = sentence.start_s * fps, sentence.end_s * fps
        first = max(
            math.floor(start - padding + ROUNDING),
            first_limit(ends_s[i] * fps, start, padding),
            _shot_start(begins, math.floor(start + ROUNDING)),
        )
        stop = min(
            math.ceil(end + padding - ROUNDING),
            stop_limit(end, starts_s[i + 1] * fps, padding),
            _shot_stop(stops, math.ceil(end - ROUNDING), total),
        )
        spans.append(_inside(first, stop, lowest, total))
    return spans


def sounds_together(sentences: Sequence[Sentence]) -> list[bool]:
    """Return for each sentence, in order of speech, True where words of another one sound during it."""
    ends_s, starts_s = _around(sentences)
    return [
        ends_s[i] > sentence.start_s + ROUNDING or starts_s[i + 1] < sentence.end_s - ROUNDING
        for i, sentence in enumerate(sentences)
    ]


def _around(sentences: Sequence[Sentence]) -> tuple[list[float], list[float]]:
    """Return two lists: at *i* the latest end of the sentences before *i*, and the earliest start from *i* on."""
    ends_s = accumulate((sentence.end_s for sentence in sentences), max, initial=-math.inf)
    starts_s = accumulate((sentence.start_s for sentence in reversed(sentences)), min, initial=math.inf)
    return list(ends_s), list(starts_s)[::-1]


def _shot_start(begins: np.ndarray, frame: int) -> int:
    """Return the first frame of the shot that *frame* is in."""
    i = int(np.searchsorted(begins, frame, side="right"))
    return int(begins[i - 1]) if i else 0


def _shot_stop(stops: np.ndarray, stop: int, frame_count: int) -> int:
    """Return the end of the shot that holds the frame before *stop*.

    *stops* holds, for each shot, the end of the one before.
    """
    i = int(np.searchsorted(stops, stop, side="left"))
    return max(int(stops[i]) if i < len(stops) else frame_count, stop)


def _inside(first: int, stop: int, lowest: int, frame_count: int) -> tuple[int, int]:
    first = min(max(first, lowest), frame_count)
    return first, min(max(stop, first + 1), frame_count)
