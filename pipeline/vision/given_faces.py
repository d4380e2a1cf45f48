"""Faces that the user gives, in the place of a face detector: on which frames of the grid each box holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from pipeline.types.checks import checked
from pipeline.vision.scenes import first_showing

WIDEST_STEP = 25
"""Frames of the grid from one listed picture to the next, at most: that of ``DETECT_EVERY``."""

USUAL_PERCENT = 90
"""Percentile of the steps between listed pictures that counts as the step of the list: pauses of a face out of view are
fewer than that."""

Span = tuple[int, int]
"""First grid frame that shows a picture, and the one past the last."""


@dataclass(frozen=True, slots=True)
class GivenFaces:
    """The boxes of one video, by the grid frames on which they hold."""

    first_frame: np.ndarray
    """(L,) int32: first grid frame of each listed picture, ascending, none twice."""
    stop_frame: np.ndarray
    """(L,) int32: grid frame past the last that shows it; not above the next one's first."""
    row: np.ndarray
    """(L + 1,) int64: its boxes are the rows from here to the next one's."""
    box_px: np.ndarray
    """(M, 4) float32: x1, y1, x2, y2 in source pixels as displayed."""
    step: int
    """Usual distance in grid frames from one listed picture to the next: a face is interpolated across it."""

    def __post_init__(self) -> None:
        count = len(self.first_frame)
        for name, dtype, shape in (
            ("first_frame", np.int32, (None,)),
            ("stop_frame", np.int32, (count,)),
            ("row", np.int64, (count + 1,)),
            ("box_px", np.float32, (None, 4)),
        ):
            object.__setattr__(self, name, checked(f"GivenFaces.{name}", getattr(self, name), dtype, shape))
        if self.step < 1 or self.row[-1] != len(self.box_px):
            got = f"{self.step}, {self.row[-1]} and {len(self.box_px)}"
            raise ValueError(f"GivenFaces: expected a step from 1 and rows for all boxes, got {got}")

    @property
    def bridged(self) -> int:
        """Frames from one face of a track to the next at most, so that a usual step is no end of it. One more than the
        step, since pictures of the file come on the grid a frame sooner or later."""
        return self.step + (self.step > 1)

    def at(self, frame: int) -> np.ndarray:
        """Return (N, 4) float32 boxes of one grid frame; none where it is not listed."""
        place = int(np.searchsorted(self.first_frame, frame, "right")) - 1
        if place < 0 or frame >= self.stop_frame[place]:
            return np.zeros((0, 4), np.float32)
        return self.box_px[self.row[place] : self.row[place + 1]]


def placed(spans: Mapping[int, Span], of: np.ndarray, box_px: np.ndarray) -> GivenFaces:
    """Place the boxes of pictures on the grid; boxes that a picture has twice count once.

    Args:
        spans: of each listed picture by its number, those without a face among them; boxes of others are left out.
        of: (M,) int64: the picture of each box.
        box_px: (M, 4) float32.
    """
    order = np.argsort(of, kind="stable")
    of, box_px = of[order], box_px[order]
    pictures = sorted(spans, key=lambda picture: spans[picture])
    low, high = np.searchsorted(of, pictures), np.searchsorted(of, pictures, "right")
    kept = [np.unique(box_px[a:b], axis=0) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    first, stop = (np.array([spans[picture][end] for picture in pictures], np.int32) for end in (0, 1))
    steps = first[1:] - stop[:-1] + 1
    return GivenFaces(
        first,
        stop,
        np.cumsum([0, *(len(each) for each in kept)], dtype=np.int64),
        np.concatenate([np.zeros((0, 4), np.float32), *kept]),
        int(np.percentile(steps, USUAL_PERCENT, method="lower")) if len(steps) else 1,
    )


def spans_of(pictures: Sequence[int], at_s: Sequence[Fraction], rate: Fraction) -> dict[int, Span]:
    """Return the grid frames that show each of these pictures of a file.

    One that no grid frame shows, as there are in sources of more than 25 frames a second, counts for the grid frame
    that follows it, where that shows no picture of the list.

    Args:
        pictures: their numbers from 0, ascending; those beyond the end are left out.
        at_s: when each picture of the file comes on screen, in seconds after the first.
        rate: average pictures a second of the file.
    """
    spans: dict[int, Span] = {}
    unseen: dict[int, int] = {}
    for picture in pictures:
        if picture >= len(at_s):
            break
        end_s = at_s[picture + 1] if picture + 1 < len(at_s) else at_s[picture] + 1 / rate
        first, stop = first_showing(at_s[picture]), first_showing(end_s)
        if first < stop:
            spans[picture] = first, stop
        else:
            unseen[first] = picture
    taken = {first for first, _ in spans.values()}
    return spans | {picture: (first, first + 1) for first, picture in unseen.items() if first not in taken}
