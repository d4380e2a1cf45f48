"""Persons in view in a shot, by frame: the tracks of each person joined, short losses bridged, tremble taken out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import median_filter

from pipeline.attribution.faces import runs_of
from pipeline.types import FaceTracks

HOLD_FRAMES = 25
"""Longest time for which the camera waits for a face that is out of view: 1 s."""

MEDIAN_FRAMES = 9
"""Window of the median over the boxes, which takes out the tremble of the detector and single wrong boxes."""

MAX_PEOPLE = 24
"""Most persons of a shot that the camera may choose: those who speak, then the largest."""

INSET_RATIO = 3.0
"""Ratio of the sizes of two faces from which the smaller one may be in a picture within the picture."""

CORNER = (0.32, 0.38)
"""Reach of the corners that hold such pictures, as shares of the picture's width and height."""

INSET_MOVES = 0.75
"""Range, in heights of the face, within which the face of such a picture stays."""


@dataclass(frozen=True, slots=True)
class ShotPerson:
    """One person in one shot."""

    person: int
    box_px: np.ndarray
    """(n, 4) float64: median box on each frame of the shot, cut off at the content's edges; a loss of at most
    `HOLD_FRAMES` is interpolated, before the first and after the last sight it stays. Never NaN."""
    seen: np.ndarray
    """(n,) bool: in view, or lost for at most `HOLD_FRAMES` in between."""
    inset: bool
    """In a small picture within the picture."""

    height_px: float
    """Median height of the face."""
    centre_px: tuple[float, float]
    """Median middle of the face."""


@dataclass(frozen=True, slots=True)
class Shot:
    """Part of a shot that is planned, and who is in view in it."""

    first: int
    """First grid frame."""
    stop: int
    people: tuple[ShotPerson, ...]

    @property
    def frame_count(self) -> int:
        return self.stop - self.first

    def of(self, person: int) -> ShotPerson:
        """Return one of the persons."""
        return next(each for each in self.people if each.person == person)


def shots_of(
    tracks: FaceTracks, first: int, stop: int, content_px: tuple[int, int, int, int], speakers: frozenset[int]
) -> Iterator[Shot]:
    """Yield the shots of frames ``[first, stop)``, one after another.

    Args:
        tracks: the faces of the video.
        first: first grid frame that is planned.
        stop: grid frame after the last.
        content_px: x1, y1, x2, y2 of the picture without black bars; faces beyond it are not seen.
        speakers: persons who say anything in the video: they are kept where there are more than `MAX_PEOPLE`.
    """
    order = np.argsort(tracks.frame, kind="stable")
    frames = tracks.frame[order]
    starts = tracks.shot_starts
    edges = [first, *starts[(starts > first) & (starts < stop)].tolist(), stop]
    for begin, end in pairwise(edges):
        low, high = np.searchsorted(frames, [begin, end])
        rows = order[low:high]
        people = _people(tracks, rows, begin, end - begin, np.array(content_px, np.float64))
        yield Shot(begin, end, tuple(_kept(people, speakers)))


def _people(
    tracks: FaceTracks, rows: np.ndarray, begin: int, count: int, content_px: np.ndarray
) -> Iterator[ShotPerson]:
    x1, y1, x2, y2 = content_px
    found = []
    for person in np.unique(tracks.person[rows]).tolist():
        own = rows[tracks.person[rows] == person]
        boxes = np.clip(tracks.box_px[own].astype(np.float64), [x1, y1, x1, y1], [x2, y2, x2, y2])
        sizes = boxes[:, 2:] - boxes[:, :2]
        whole = (sizes > 0).all(axis=1)
        at, boxes, areas = tracks.frame[own][whole] - begin, boxes[whole], sizes[whole].prod(axis=1)
        if not len(at):
            continue
        best = np.lexsort((areas, at))  # the largest of a frame comes last, and stays
        placed, seen = np.zeros((count, 4)), np.zeros(count, bool)
        placed[at[best]] = boxes[best]
        seen[at] = True
        known = np.flatnonzero(seen)
        placed = np.stack([np.interp(np.arange(count), known, placed[known, side]) for side in range(4)], axis=1)
        for low, high in runs_of(~seen):
            seen[low:high] = low > 0 and high < count and high - low <= HOLD_FRAMES
        placed = median_filter(placed, (MEDIAN_FRAMES, 1), mode="nearest")
        in_view = placed[seen]
        height = float(np.median(in_view[:, 3] - in_view[:, 1]))
        x, y = np.median((in_view[:, :2] + in_view[:, 2:]) / 2, axis=0).tolist()
        found.append(ShotPerson(person, placed, seen, False, height, (x, y)))
    largest = max((each.height_px for each in found), default=0.0)
    for each in found:
        small = largest >= INSET_RATIO * each.height_px
        yield dataclasses.replace(each, inset=small and _rests_in_a_corner(each, content_px))


def _rests_in_a_corner(person: ShotPerson, content_px: np.ndarray) -> bool:
    boxes = person.box_px[person.seen]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    share = np.abs((np.array(person.centre_px) - content_px[:2]) / (content_px[2:] - content_px[:2]) - 0.5)
    low, high = np.percentile(centres, [5, 95], axis=0)
    is_still = bool((high - low <= INSET_MOVES * person.height_px).all())
    return is_still and bool((share >= 0.5 - np.array(CORNER)).all())


def _kept(people: Iterable[ShotPerson], speakers: frozenset[int]) -> list[ShotPerson]:
    def rank(each: ShotPerson) -> tuple[bool, float]:
        return each.person not in speakers, -each.height_px * float(each.seen.mean())

    return sorted(sorted(people, key=rank)[:MAX_PEOPLE], key=lambda each: each.person)
