"""Pictures of a source with the run of the plan that frames each: exact at the source's own cuts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from pipeline.framing.plan import FramingPlan, Run
from pipeline.media.decode import ShownPicture, first_covered
from pipeline.render.cut import THUMBNAIL_PX, cut_among
from pipeline.types import GRID_FPS

HALF = Fraction(1, 2)

LONG_S = Fraction(1, 10)
"""Time on screen above which a picture is repeated where its framing changes meanwhile: those of slide shows."""


@dataclass(frozen=True, slots=True)
class TimedShown:
    """A picture of the upright video."""

    source: ShownPicture
    """Picture of the source that it shows."""
    start_s: Fraction
    """Its start in seconds after the first video frame of the source."""
    end_s: Fraction

    @property
    def place(self) -> float:
        """Its middle in grid frames, whole on a frame."""
        return float((self.start_s + self.end_s) / 2 * GRID_FPS - HALF)


@dataclass(frozen=True, slots=True)
class FramedPicture:
    """A picture and its framing."""

    start_s: Fraction
    end_s: Fraction
    picture: np.ndarray
    """(H, W, 3) uint8 BGR: a view that holds until the next one is asked for."""
    run: Run
    place: float
    """In grid frames."""


def own_times(
    pictures: Iterable[ShownPicture], plan: FramingPlan, is_redrawn: Callable[[int], bool] = lambda _: False
) -> Iterator[TimedShown]:
    """Yield every picture with the source's own times.

    One that is on screen for longer than `LONG_S` is repeated at each grid frame with which its framing changes, and at
    each for which *is_redrawn* is true.
    """
    runs = _Runs(plan)
    for source in pictures:
        starts = [source.start_s]
        if source.end_s - source.start_s > LONG_S:
            frames = range(first_covered(source.start_s, GRID_FPS) + 1, first_covered(source.end_s, GRID_FPS))
            starts += [Fraction(frame, GRID_FPS) for frame in frames if runs.changes_at(frame) or is_redrawn(frame)]
        for start_s, end_s in zip(starts, [*starts[1:], source.end_s], strict=True):
            if start_s < end_s:
                yield TimedShown(source, start_s, end_s)


def at_rate(pictures: Iterable[ShownPicture], rate: Fraction, begin_s: Fraction) -> Iterator[TimedShown]:
    """Yield the picture on screen in the middle of each frame of a constant rate that begins at *begin_s*."""
    for source in pictures:
        first, stop = (first_covered(at_s - begin_s, rate) for at_s in (source.start_s, source.end_s))
        for number in range(max(first, 0), stop):
            yield TimedShown(source, begin_s + number / rate, begin_s + (number + 1) / rate)


def framed(pictures: Iterable[TimedShown], plan: FramingPlan) -> Iterator[FramedPicture]:
    """Yield pictures with their framing.

    A run that begins with a cut of the source begins with the very picture of the new shot: of pictures that are on
    screen only between two grid frames, the one that differs most from the picture before it is the first of the new
    shot. Any other run begins with the first picture whose middle is in it.
    """
    runs = _Runs(plan)
    last: np.ndarray | None = None
    held: list[tuple[TimedShown, np.ndarray]] = []
    cut = 0
    for each in pictures:
        picture = each.source.read()
        number = runs.number_at(each.place)
        side = "none"
        for near in (number, number + 1):
            if runs.is_cut(near) and (found := _side(each.source, runs.first(near))) != "none":
                number, side, cut = (near if found == "new" else near - 1), found, near
                break
        if side == "open":
            held.append((each, picture.copy()))
            continue
        if held:
            yield from _parted(last, held, picture if side == "new" else None, runs, cut)
            held = []
        if side == "old":
            last = _small(picture)
        yield runs.framed(each, picture, number)
    if held:
        yield from _parted(last, held, None, runs, cut)


def _side(source: ShownPicture, cut: int) -> str:
    """Tell the side of a cut before a grid frame on which a picture is, by the middles of the two grid frames.

    Returns:
        ``old`` for the picture on screen at the first of them, ``new`` for that at the second, ``open`` for one in
        between, ``none`` for all others, whose own middle tells, and for one that is on screen at both.
    """
    before_s, after_s = (Fraction(2 * cut + odd, 2 * GRID_FPS) for odd in (-1, 1))
    old = source.start_s <= before_s < source.end_s
    new = source.start_s <= after_s < source.end_s
    if old == new:
        return "open" if before_s < source.start_s and source.end_s <= after_s else "none"
    return "old" if old else "new"


def _parted(
    last: np.ndarray | None,
    held: list[tuple[TimedShown, np.ndarray]],
    new: np.ndarray | None,
    runs: _Runs,
    cut: int,
) -> Iterator[FramedPicture]:
    """Yield pictures between the last of the old shot and the first of the new one, parted at the cut."""
    small = [_small(picture) for _, picture in held]
    first = len(held)
    if last is not None and new is not None:
        first = cut_among([last, *small, _small(new)]) - 1
    for number, (each, picture) in enumerate(held):
        yield runs.framed(each, picture, cut - 1 if number < first else cut)


def _small(picture: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(picture, THUMBNAIL_PX, interpolation=cv2.INTER_AREA))


class _Runs:
    """The runs of a plan by number and place."""

    def __init__(self, plan: FramingPlan) -> None:
        self._runs = plan.runs
        self._firsts = [run.first for run in plan.runs]

    def first(self, number: int) -> int:
        """Return the first grid frame of a run."""
        return self._firsts[number]

    def number_at(self, place: float) -> int:
        """Return the run at a place in grid frames; the nearest beyond the ends."""
        return max(bisect_right(self._firsts, place + 0.5) - 1, 0)

    def is_cut(self, number: int) -> bool:
        """Return True where a run begins with a cut of the source."""
        return 0 < number < len(self._runs) and self._runs[number].begin == "cut"

    def changes_at(self, frame: int) -> bool:
        """Return True where the framing of a grid frame differs from that of the one before."""
        number = self.number_at(frame)
        if number != self.number_at(frame - 1):
            return True
        return any(panel.path.at(frame) != panel.path.at(frame - 1) for panel in self._runs[number].panels)

    def framed(self, each: TimedShown, picture: np.ndarray, number: int) -> FramedPicture:
        """Return a picture in a run, at the nearest place inside it."""
        run = self._runs[number]
        place = min(max(each.place, float(run.first)), float(run.stop - 1))
        return FramedPicture(each.start_s, each.end_s, picture, run, place)
