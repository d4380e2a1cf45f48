"""Dissolves, fades and wipes, found on small pictures as they come: no frame alone tells them. Pure.

After the twin comparison of Zhang, Kankanhalli and Smoliar, "Automatic partitioning of full-motion video" (Multimedia
Systems 1993): two pictures that differ, each like its own neighbours, with a change between them that adds up. The
model of what lies between is that of production: each point of a mixture lies between its two pictures, in a wipe it is
one of them. A camera that moves brings points that are in neither.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

SMALL_PX = (24, 14)
"""Width and height at which pictures are compared."""

LENGTHS = (5, 7, 10, 14, 19, 26, 36, 52)
"""Frames from the last picture of one shot to the first of the next that are tried: 0.2 to 2 s."""

SIDE_FRAMES = 3
"""Frames before and after a transition that are to be alike."""

MIN_CHANGE = 12.0
"""Least mean difference between the two pictures, in grey levels."""

MAX_LIKENESS = 0.45
"""Largest correlation of the two pictures: one whose light changes stays like itself. A face that fills the picture and
turns had 0.5 and more, different people at the same place 0.2 at most."""

MAX_ASIDE = 0.12
"""Largest distance of a point from the way between the two pictures, as a share of their difference."""

SIDE_PACE = 0.6
"""Largest pace of the change before and after, as a share of that of the transition: a part of one is none."""

MIN_AT_SIDE, MAX_AT_SIDE = 0.06, 0.2
"""The change within `SIDE_FRAMES` before or after that is always, and never, let be, as a share of the transition's."""

FLAT = 12.0
"""Largest spread of the points of a picture of one colour, through which a fade may go, in grey levels."""

MAX_STEP = 0.55
"""Largest change from one frame to the next, as a share of the whole: above it is a cut."""

MAX_UNEVEN = 6.0
"""Largest change from one frame to the next, in those of an even transition: above it something moves."""


def small(picture: np.ndarray) -> np.ndarray:
    """Return (14, 24, 3) float32 of a picture (H, W, 3) uint8."""
    return cv2.resize(picture, SMALL_PX, interpolation=cv2.INTER_AREA).astype(np.float32)


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean difference of two small pictures, in grey levels."""
    return float(np.abs(first - second).mean())


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Return the correlation of two small pictures, -1..1; 0 where one is of one colour."""
    a, b = first - first.mean(axis=(0, 1)), second - second.mean(axis=(0, 1))
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / spread if min(float(a.std()), float(b.std())) > 1.0 else 0.0


def spread(picture: np.ndarray) -> float:
    """Return the standard deviation of a small picture's points from their mean colour, in grey levels."""
    return float((picture - picture.mean(axis=(0, 1))).std())


class TransitionFinder:
    """The gradual transitions of one video, found as small pictures come."""

    def __init__(self) -> None:
        self._pictures: deque[np.ndarray] = deque(maxlen=LENGTHS[-1] + 2 * SIDE_FRAMES + 1)
        self._steps: deque[float] = deque(maxlen=LENGTHS[-1] + 2 * SIDE_FRAMES + 1)
        self._next = 0

    def push(self, picture: np.ndarray, begin: int) -> int | None:
        """Take the next picture and return the middle frame of a transition that has ended with it.

        Args:
            picture: as `small` gives it.
            begin: first frame of the shot: transitions begin after it.
        """
        self._steps.append(difference(self._pictures[-1], picture) if self._pictures else 0.0)
        self._pictures.append(picture)
        self._next += 1
        held = list(self._pictures)
        oldest = self._next - len(held)
        last = len(held) - 1 - SIDE_FRAMES
        for length in LENGTHS:
            first = last - length
            if first - SIDE_FRAMES < 0 or oldest + first < begin:
                return None
            if self._is_transition(held, first, last):
                middle = next(
                    at
                    for at in range(first + 1, last + 1)
                    if difference(held[at], held[last]) <= difference(held[at], held[first])
                )
                return oldest + middle
        return None

    def _is_transition(self, held: list[np.ndarray], first: int, last: int) -> bool:
        """Return True where the pictures between these two are made of them. Both count from the oldest picture
        held."""
        before, after = held[first], held[last]
        change = difference(before, after)
        if change < MIN_CHANGE:
            return False
        pace = SIDE_PACE * SIDE_FRAMES / (last - first)
        most = min(max(pace, MIN_AT_SIDE), MAX_AT_SIDE) * change
        sides = difference(held[first - SIDE_FRAMES], before), difference(after, held[last + SIDE_FRAMES])
        if max(sides) > most or likeness(before, after) > MAX_LIKENESS:
            return False
        fastest = max(list(self._steps)[first + 1 : last + 1])
        even = min(MAX_STEP, MAX_UNEVEN / (last - first))
        if fastest <= even * change and _is_made_of(held, first, last):
            return True
        at = min(range(first, last + 1), key=lambda at: spread(held[at]))
        way = difference(before, held[at]) + difference(held[at], after)
        return fastest <= even * way and _is_through_colour(held, first, at, last)


def _is_made_of(held: list[np.ndarray], first: int, last: int) -> bool:
    """Return True where the pictures between these two are mixtures of them, or put together from them."""
    middles = {first + (last - first) * part // 4 for part in (1, 2, 3)} - {first, last}
    return all(aside(held[at], held[first], held[last]) < MAX_ASIDE for at in middles)


def _is_through_colour(held: list[np.ndarray], first: int, at: int, last: int) -> bool:
    """Return True where the first picture fades to one colour, that of the picture *at*, and this colour to the last
    picture."""
    if not first + 1 < at < last - 1 or spread(held[at]) > FLAT:
        return False
    if min(spread(held[first]), spread(held[last])) < 2 * FLAT:
        return False
    return _is_made_of(held, first, at) and _is_made_of(held, at, last)


def aside(picture: np.ndarray, before: np.ndarray, after: np.ndarray) -> float:
    """Return the distance of the points of *picture* from the straight way between those of two others, in parts of its
    length.

    0 for a mixture and for a picture of which each point is taken from one of the two.
    """
    way, gone = after - before, picture - before
    length = (way * way).sum(axis=-1, keepdims=True)
    share = np.clip((gone * way).sum(axis=-1, keepdims=True) / np.maximum(length, 1.0), 0, 1)
    distance = np.linalg.norm(gone - share * way, axis=-1)
    return float(distance.sum() / max(float(np.sqrt(length).sum()), 1.0))
