"""Tracks to persons without a network: a face that comes back in the same framing is the same person. Pure.

A short cut away and back shows the same person at the same place and size, before the same background and in the same
clothes. Nobody is known again in another framing, nor after a long time. `benchmarks.framing` measures it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.types import GRID_FPS
from pipeline.vision.likeness import unit
from pipeline.vision.samples import FaceView

THUMBNAIL_PX = 24
"""Side of the picture of a face and its surroundings that is compared."""

MIN_CORRELATION = 0.9
"""Of the thumbnails of two tracks of one person. Of 15 people, those of two had 0.52 at most, and 0.81 where one was
put before the other's background; half of the tracks of one person in one framing had more than 0.89."""

MIN_OVERLAP = 0.5
"""Intersection over union of the last box of one track and the first of the next of the same person."""

LONGEST_ABSENCE_FRAMES = 10 * GRID_FPS
"""Frames from the end of one track to the beginning of the next of the same person."""


def look_of(views: Sequence[FaceView]) -> np.ndarray | None:
    """Return (1728,) float32 of unit length, whose product with that of other views is the correlation of their
    thumbnails.

    Args:
        views: of one track.

    Returns:
        None without views, and where they show a single colour.
    """
    size = (THUMBNAIL_PX, THUMBNAIL_PX)
    thumbnails = [cv2.resize(view.picture, size, interpolation=cv2.INTER_AREA).astype(np.float64) for view in views]
    if not thumbnails:
        return None
    mean = np.mean(thumbnails, axis=0)
    look = unit((mean - mean.mean(axis=(0, 1))).reshape(-1))
    return look if look.any() else None


def persons_by_framing(spans: np.ndarray, boxes_px: np.ndarray, looks: Sequence[np.ndarray | None]) -> np.ndarray:
    """Return the person of each track: that of the most alike track before it, if any is alike enough.

    Args:
        spans: (T, 2) int: first frame and the frame after the last of each track, ordered by first frame.
        boxes_px: (T, 2, 4): first and last box of each.
        looks: for each what `look_of` gives.

    Returns:
        (T,) int32, numbered from 0 in order of first appearance.
    """
    persons = np.zeros(len(spans), np.int32)
    latest: dict[int, int] = {}
    """Person to the last track, of those that may be gone on with."""
    count = 0
    for start in np.unique(spans[:, 0]).tolist():
        begun = np.flatnonzero(spans[:, 0] == start).tolist()
        latest = {who: track for who, track in latest.items() if spans[track, 1] + LONGEST_ABSENCE_FRAMES >= start}
        pairs = [
            (likeness, track, who)
            for track in begun
            for who, before in latest.items()
            if spans[before, 1] <= start
            and (likeness := _likeness(looks[before], looks[track])) >= MIN_CORRELATION
            and overlap(boxes_px[before, 1], boxes_px[track, 0]) >= MIN_OVERLAP
        ]
        found: dict[int, int] = {}
        for _, track, who in sorted(pairs, reverse=True):
            if track not in found and who not in found.values():
                found[track] = who
        for track in begun:
            if track not in found:
                found[track], count = count, count + 1
            persons[track] = found[track]
            latest[found[track]] = track
    return persons


def _likeness(first: np.ndarray | None, second: np.ndarray | None) -> float:
    return -1.0 if first is None or second is None else float(first @ second)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Return the intersection over union of two boxes (4,)."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = float(np.prod(np.clip(sides, 0, None)))
    areas = [float(np.prod(box[2:] - box[:2])) for box in (first, second)]
    return shared / (sum(areas) - shared)
