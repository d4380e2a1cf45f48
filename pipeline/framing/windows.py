"""Windows of an upright picture: their shape and height, and the places at which they show a face well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MARGIN = 0.1
"""Margin of a face on each side, as a share of its box."""

EYES_IN_BOX = 0.4
"""Height of the eyes in a face's box, from its top, as a share of its height."""

EYES_IN_WINDOW = 0.38
"""Height of the eyes in the window, from its top, where there is room."""

TIGHT_SHARE = 0.03
"""Share of the window's side by which a face that hardly fits may lie off its middle: a camera that keeps it exactly
there trembles with its box."""

FACE_PERCENTILE = 95.0
"""Percentage of the frames on which a face must fit into a window that zooms in on it."""


@dataclass(frozen=True, slots=True)
class WindowShape:
    """Windows of one shape in a picture."""

    content_px: tuple[int, int, int, int]
    """x1, y1, x2, y2 of the picture without black bars."""
    panel_px: tuple[int, int]
    """Width and height of the panel that shows them."""

    @property
    def aspect(self) -> float:
        """Return width by height."""
        return self.panel_px[0] / self.panel_px[1]

    @property
    def max_height(self) -> float:
        """Return the height of the largest window in the content."""
        x1, y1, x2, y2 = self.content_px
        return min(float(y2 - y1), (x2 - x1) / self.aspect)

    def min_height(self, max_enlarged: float) -> float:
        """Return the height of the smallest window of which no pixel is enlarged more than *max_enlarged* times."""
        return min(self.panel_px[1] / max_enlarged, self.max_height)


def with_margin(box_px: np.ndarray) -> np.ndarray:
    """Return (n, 4) boxes with `MARGIN` on each side."""
    extra = MARGIN * (box_px[:, 2:] - box_px[:, :2])
    return np.hstack([box_px[:, :2] - extra, box_px[:, 2:] + extra])


def union(boxes_px: Sequence[np.ndarray]) -> np.ndarray:
    """Return (n, 4): the smallest boxes around several."""
    return np.hstack([np.min(boxes_px, axis=0)[:, :2], np.max(boxes_px, axis=0)[:, 2:]])


def is_together_inside(one_px: np.ndarray, other_px: np.ndarray, shape: WindowShape, percent: float) -> bool:
    """Return True where two faces fit into one window, with their margins, on *percent* of their frames."""
    both = with_margin(union([one_px, other_px]))
    sizes = np.percentile(both[:, 2:] - both[:, :2], percent, axis=0)
    height = shape.max_height
    return bool(sizes[0] <= height * shape.aspect and sizes[1] <= max(height, _content_height(shape)))


def _content_height(shape: WindowShape) -> float:
    return float(shape.content_px[3] - shape.content_px[1])


def is_larger_than_window(box_px: np.ndarray, shape: WindowShape) -> bool:
    """Return True where the face, without a margin, is wider or higher than the largest window on most frames."""
    sizes = np.median(box_px[:, 2:] - box_px[:, :2], axis=0)
    return bool(sizes[0] > shape.max_height * shape.aspect or sizes[1] > shape.max_height)


def window_height(
    faces_px: Sequence[np.ndarray], shape: WindowShape, least_share: float, max_enlarged: float, limit: float = np.inf
) -> float:
    """Return the height of the windows of a run.

    It is the largest one, or the one in which the largest of the faces has *least_share* of the height. All faces fit
    into it with their margins where they fit into the largest.

    Args:
        faces_px: (n, 4) boxes of each face that is shown.
        shape: of the windows.
        least_share: height of the face as a share of the window's; 0 for the largest window.
        max_enlarged: pixels of the panel that one of the source may become for that.
        limit: greatest height wanted; the faces come first.
    """
    height = max(float(np.median(boxes[:, 3] - boxes[:, 1])) for boxes in faces_px)
    whole = with_margin(union(faces_px))
    width_needed, height_needed = np.percentile(whole[:, 2:] - whole[:, :2], FACE_PERCENTILE, axis=0).tolist()
    wanted = min(height / least_share if least_share else np.inf, limit)
    needed = max(width_needed / shape.aspect, height_needed, shape.min_height(max_enlarged))
    return round(min(max(wanted, needed), shape.max_height), 3)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Places of the window's middle, along one axis, on each frame of a run."""

    target: np.ndarray
    """(n,) float64: the best place."""
    inside: np.ndarray
    """(n, 2) float64: between these the face is inside with its margin; without one where it does not fit with it, and
    within `TIGHT_SHARE` of the middle where it does not fit at all."""
    calm: np.ndarray
    """(n, 2) float64: between these the face is in the dead zone."""


def bounds_of(
    box_px: np.ndarray, eyes_px: np.ndarray, shape: WindowShape, height: float, dead_zone: float
) -> tuple[Bounds, Bounds]:
    """Return the bounds of the window's middle for x and y; the window never leaves the content.

    Args:
        box_px: (n, 4) box of the face, or around both faces.
        eyes_px: (n,) height of the eyes.
        shape: of the window.
        height: of the window.
        dead_zone: in widths of the window, for both axes.
    """
    width = height * shape.aspect
    whole = with_margin(box_px)
    middle_y = eyes_px + (0.5 - EYES_IN_WINDOW) * height
    middles = (box_px[:, 0] + box_px[:, 2]) / 2, middle_y
    found = []
    for axis, (length, target) in enumerate(zip((width, height), middles, strict=True)):
        low, high = shape.content_px[axis] + length / 2, shape.content_px[axis + 2] - length / 2
        high = max(low, high)
        inside = np.clip(_between(whole, box_px, axis, length), low, high)
        target = np.clip(target, inside[:, 0], inside[:, 1])
        zone = np.stack([target - dead_zone * width, target + dead_zone * width], axis=1)
        found.append(Bounds(target, inside, np.clip(zone, inside[:, :1], inside[:, 1:])))
    return found[0], found[1]


def _between(whole_px: np.ndarray, box_px: np.ndarray, axis: int, length: float) -> np.ndarray:
    """Return (n, 2): the first and last place of the middle of a window of *length* that shows a face inside."""
    half = length / 2
    inside = np.stack([whole_px[:, axis + 2] - half, whole_px[:, axis] + half], axis=1)
    tight = inside[:, 1] - inside[:, 0] < 2 * TIGHT_SHARE * length
    box = box_px[tight]
    middle = (box[:, axis] + box[:, axis + 2]) / 2
    least = np.minimum(box[:, axis + 2] - half, middle - TIGHT_SHARE * length)
    most = np.maximum(box[:, axis] + half, middle + TIGHT_SHARE * length)
    inside[tight] = np.stack([least, most], axis=1)
    return inside


def eyes_of(box_px: np.ndarray) -> np.ndarray:
    """Return (n,) float64: height of the eyes in a picture, from a face's boxes."""
    return box_px[:, 1] + EYES_IN_BOX * (box_px[:, 3] - box_px[:, 1])
