"""Jump cuts within one seat, found as pictures come: seconds are taken out of a shot of one person. Pure.

Camera, place and person stay, so that histograms, hashes and the colours of points change little. What tells such a cut
is time: on one frame much of the picture changes by more than it does over any two frames nearby, and stays changed. A
gesture, a pan or a shake takes several frames, and a frame that the source has lost or shows twice is a step of two.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

SIDE_PX = (96, 54)
"""Width and height at which pictures are compared."""

TILES = (16, 9)
"""Columns and rows of the tiles by which changes are measured."""

SLOW_POINTS = 21
"""Side of the square whose mean is taken from each point: light that is switched on or off changes the mean alone."""

CALM_FRAMES = 10
"""Frames on either side with which a change is compared."""

MIN_RISE = 2.0
"""Least change of a tile above every change over two frames nearby, in it and beside it, in grey levels."""

MIN_SHARE, MIN_SHARE_OF_HALF = 0.25, 0.1
"""Least share of the tiles that change so, of the picture and of each half: left, right, upper and lower. A caption or
a picture that is put in changes one part. Chosen on the films of ``benchmarks.jump_cuts --people chosen``, so that no
shot begins by a jump where none is; the people of ``--people held-out`` are others."""

STAY_FRAMES = 3
"""Pictures before and after of which each pair must differ: what comes back is a flash, or a gesture."""

STILL = 0.15
"""Mean change to the last picture before, as a share of the largest nearby: below it the source had frozen, and the
picture catches up with it. Streams and sources of another rate do this; it is no cut."""

MIN_MOTION = 0.02
"""Least mean change from one frame to the next that is no frozen picture, in grey levels."""


class JumpFinder:
    """The jump cuts of one video, found as pictures are pushed."""

    lag = CALM_FRAMES + 1
    """A jump to frame *f* is known once frame ``f + lag`` has been pushed."""

    def __init__(self) -> None:
        held = 2 * CALM_FRAMES + 4
        self._pictures: deque[np.ndarray] = deque(maxlen=held)
        self._steps: deque[np.ndarray] = deque(maxlen=held)
        self._near: deque[np.ndarray] = deque(maxlen=held)
        self._next = 0

    def push(self, picture: np.ndarray) -> int | None:
        """Take the next picture, (H, W, 3) uint8 BGR, and return the first frame after a jump that is known with it."""
        points = _points(picture)
        nothing = np.zeros(TILES[::-1], np.float32)
        self._steps.append(_change(self._pictures[-1], points) if self._pictures else nothing)
        over_two = _change(self._pictures[-2], points) if len(self._pictures) > 1 else nothing
        self._near.append(cv2.dilate(over_two, np.ones((3, 3), np.uint8)))
        self._pictures.append(points)
        self._next += 1
        at = len(self._pictures) - 1 - self.lag
        return self._next - 1 - self.lag if at > CALM_FRAMES and self._is_jump(at) else None

    def _is_jump(self, at: int) -> bool:
        """Return True where the picture *at*, counted from the oldest held, begins a shot."""
        near, steps = list(self._near), list(self._steps)
        most = np.max(near[at - CALM_FRAMES : at] + near[at + 2 : at + 2 + CALM_FRAMES], axis=0) + MIN_RISE
        if not _is_wide(steps[at] > most):
            return False
        before = [float(step.mean()) for step in steps[at - CALM_FRAMES : at]]
        if before[-1] < max(STILL * max(before), MIN_MOTION):
            return False
        held, sides = list(self._pictures), range(STAY_FRAMES)
        stays = np.min([_change(held[at - 1 - a], held[at + b]) for a in sides for b in sides], axis=0)
        return _is_wide(np.minimum(stays, steps[at]) > most)


def _points(picture: np.ndarray) -> np.ndarray:
    """Return (54, 96) float32 grey levels, less the mean round each point."""
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), SIDE_PX, interpolation=cv2.INTER_AREA)
    points = grey.astype(np.float32)
    return points - cv2.blur(points, (SLOW_POINTS, SLOW_POINTS))


def _change(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return (9, 16) float32: the mean difference in each tile."""
    return cv2.resize(cv2.absdiff(first, second), TILES, interpolation=cv2.INTER_AREA)


def _is_wide(tiles: np.ndarray) -> bool:
    """Return True where enough of the picture, and of each of its halves, is True in *tiles*."""
    (columns, rows), share = TILES, float(tiles.mean())
    if share < MIN_SHARE:
        return False
    halves = tiles[:, : columns // 2], tiles[:, columns // 2 :], tiles[: rows // 2 + 1], tiles[rows // 2 :]
    return min(float(half.mean()) for half in halves) >= MIN_SHARE_OF_HALF
