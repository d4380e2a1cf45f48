"""Ranges of a video as frames: from the first word of a sentence to the last word of one. Pure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.attribution.faces import ROUNDING
from pipeline.framing.boundaries import first_limit, stop_limit
from pipeline.framing.plan import FramingPlan
from pipeline.sources.ranges import GivenRange
from pipeline.types import GRID_FPS, Sentence

INSIDE_SHARE = 0.5
"""Share of a sentence that must lie in a range for the sentence to belong to it: each end of a range moves to the end
of a sentence that is nearest in time."""


@dataclass(frozen=True, slots=True)
class SnappedRange:
    """A range that becomes a video."""

    given: GivenRange
    first: int
    """First grid frame."""
    stop: int
    """Grid frame after the last."""
    note: str = ""
    """Its change other than snapping, for people."""


@dataclass(frozen=True, slots=True)
class RefusedRange:
    """A range that gives nothing."""

    given: GivenRange
    reason_code: str
    """``outside_video``, ``nothing_said``, ``too_short`` or ``too_long``."""
    message: str


@dataclass(frozen=True, slots=True)
class RangeRules:
    """Lengths of ranges, in seconds."""

    padding_s: float
    """Silence kept before the first word and after the last."""
    min_length_s: float = 0.0
    max_length_s: float = 0.0
    """0: no limit."""


def snap_ranges(
    ranges: Sequence[GivenRange],
    sentences: Sequence[Sentence] | None,
    *,
    first: int,
    stop: int,
    changes: Sequence[int] = (),
    rules: RangeRules,
) -> list[SnappedRange | RefusedRange]:
    """Return each range from sentence to sentence, or why it gives nothing.

    A sentence of which at least half lies in a range belongs to it; where that is none, the one that shares most with
    it. The silence around them holds no word of a sentence beside them, and ends where the picture changes. A range
    that is too long ends with the last sentence that fits.

    Args:
        ranges: as given.
        sentences: all of the video, in order of speech; None for a video in which nothing can be heard, whose ranges
            stay as they are.
        first: first grid frame of the video, or of the excerpt.
        stop: grid frame after its last.
        changes: grid frames with which the picture changes: cuts of the source and of the framing.
        rules: lengths.
    """
    snapper = _Snapper(sentences, first, stop, np.array(sorted({first, *changes}), np.int64), rules)
    return [snapper.snap(each) for each in ranges]


def part_of_plan(plan: FramingPlan, first: int, stop: int) -> FramingPlan:
    """Return the plan of grid frames ``[first, stop)`` of the video alone.

    Raises:
        ValueError: the plan has no frame of them.
    """
    runs = [
        dataclasses.replace(run, first=max(run.first, first), stop=min(run.stop, stop))
        for run in plan.runs
        if run.first < stop and run.stop > first
    ]
    return dataclasses.replace(plan, runs=(dataclasses.replace(runs[0], begin="start"), *runs[1:]) if runs else ())


@dataclass(frozen=True, slots=True)
class _Snapper:
    sentences: Sequence[Sentence] | None
    first: int
    stop: int
    changes: np.ndarray
    rules: RangeRules

    def snap(self, given: GivenRange) -> SnappedRange | RefusedRange:
        low_s, high_s = self.first / GRID_FPS, self.stop / GRID_FPS
        if given.end_s <= low_s or given.start_s >= high_s:
            message = f"the range is {_span(given)}, and the video {low_s:.2f} to {high_s:.2f} s"
            return RefusedRange(given, "outside_video", message)
        if self.sentences is None:
            return self._as_given(given)
        kept = self._inside(given)
        if not kept:
            return RefusedRange(given, "nothing_said", f"nothing is said from {_span(given)}")
        longest = self._frames(kept)
        if (fault := self._too_short(longest)) is not None:
            return RefusedRange(given, "too_short", fault)
        if not self._too_long(longest):
            return SnappedRange(given, *longest)
        return self._shortened(given, kept, longest)

    def _as_given(self, given: GivenRange) -> SnappedRange | RefusedRange:
        span = (
            max(math.floor(given.start_s * GRID_FPS + ROUNDING), self.first),
            min(math.ceil(given.end_s * GRID_FPS - ROUNDING), self.stop),
        )
        if (fault := self._too_short(span)) is not None:
            return RefusedRange(given, "too_short", fault)
        if self._too_long(span):
            return RefusedRange(given, "too_long", f"{self._length(span)}, and no sentence ends in it")
        return SnappedRange(given, *span, note="nothing is heard in the video, so that it is cut as given")

    def _inside(self, given: GivenRange) -> range:
        """Return the numbers of the sentences that belong to a range."""
        sentences = self.sentences or ()
        shared = [
            min(each.end_s, given.end_s) - max(each.start_s, given.start_s)
            if each.end_s * GRID_FPS > self.first and each.start_s * GRID_FPS < self.stop
            else -1.0
            for each in sentences
        ]
        inside = [
            number
            for number, each in enumerate(sentences)
            if shared[number] > 0 and shared[number] >= INSIDE_SHARE * (each.end_s - each.start_s) - ROUNDING
        ]
        if inside:
            return range(inside[0], inside[-1] + 1)
        if not shared or max(shared) <= 0:
            return range(0)
        most = int(np.argmax(shared))
        return range(most, most + 1)

    def _shortened(self, given: GivenRange, kept: range, longest: tuple[int, int]) -> SnappedRange | RefusedRange:
        """Return the range up to the last sentence end with which it is short enough."""
        for last in range(kept.stop - 1, kept.start, -1):
            span = self._frames(range(kept.start, last))
            if self._too_long(span):
                continue
            if self._too_short(span) is not None:
                break
            note = f"{self._length(longest)}: it ends after {(span[1] - span[0]) / GRID_FPS:.2f} s with a sentence"
            return SnappedRange(given, *span, note=note)
        return RefusedRange(
            given, "too_long", f"{self._length(longest)}, and no sentence in it ends at a length allowed"
        )

    def _frames(self, kept: range) -> tuple[int, int]:
        """Return the grid frames of sentences that follow each other."""
        sentences = self.sentences or ()
        inside = [sentences[number] for number in kept]
        start, end = min(each.start_s for each in inside) * GRID_FPS, max(each.end_s for each in inside) * GRID_FPS
        before = max((each.end_s * GRID_FPS for each in sentences[: kept.start]), default=-math.inf)
        after = min((each.start_s * GRID_FPS for each in sentences[kept.stop :]), default=math.inf)
        padding = self.rules.padding_s * GRID_FPS
        first = max(
            math.floor(start - padding + ROUNDING),
            first_limit(before, start, padding),
            int(self.changes[max(np.searchsorted(self.changes, math.floor(start + ROUNDING), side="right") - 1, 0)]),
        )
        least = math.ceil(end - ROUNDING)
        after_end = int(np.searchsorted(self.changes, least, side="left"))
        stop = min(
            math.ceil(end + padding - ROUNDING),
            stop_limit(end, after, padding),
            max(int(self.changes[after_end]), least) if after_end < len(self.changes) else self.stop,
        )
        first = min(max(first, self.first), self.stop - 1)
        return first, min(max(stop, first + 1), self.stop)

    def _too_short(self, span: tuple[int, int]) -> str | None:
        length_s = (span[1] - span[0]) / GRID_FPS
        if length_s >= self.rules.min_length_s - ROUNDING:
            return None
        return (
            f"from sentence to sentence it lasts {length_s:.2f} s, less than MIN_LENGTH, {self.rules.min_length_s:g} s"
        )

    def _too_long(self, span: tuple[int, int]) -> bool:
        most_s = self.rules.max_length_s
        return most_s > 0 and (span[1] - span[0]) / GRID_FPS > most_s + ROUNDING

    def _length(self, span: tuple[int, int]) -> str:
        length_s = (span[1] - span[0]) / GRID_FPS
        return f"it lasts {length_s:.2f} s, more than MAX_LENGTH, {self.rules.max_length_s:g} s"


def _span(given: GivenRange) -> str:
    return f"{given.start_s:.2f} to {given.end_s:.2f} s"
