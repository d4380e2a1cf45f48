"""Tracks to persons while a video goes on: each gets a number from those before it, and keeps it. Pure.

Whoever numbers all tracks of a video at its end (`identity`, `framing`) weighs every track against every other. Here a
track is weighed once, when its look is first known, against the persons known by then. So two numbers that later turn
out to be one person stay two, and a person is known by the tracks so far alone. Never do two tracks that are on screen
together get one number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipeline.vision.framing import LONGEST_ABSENCE_FRAMES, MIN_CORRELATION, MIN_OVERLAP, overlap


@dataclass(frozen=True, slots=True)
class Sighting:
    """A track, or a stretch of one, by what tells its person."""

    key: int
    """Number of the track within its stream."""
    first_frame: int
    stop_frame: int | None
    """The frame after its last; None while it goes on."""
    first_box_px: np.ndarray
    """(4,) x1, y1, x2, y2 on its first frame."""
    last_box_px: np.ndarray
    """(4,) on its last frame so far."""
    look: np.ndarray | None
    """(D,) float32 of unit length: what the person looks like; None when not known."""

    @property
    def until(self) -> float:
        """Frame after which it is over: infinity while it goes on."""
        return math.inf if self.stop_frame is None else self.stop_frame

    def meets(self, other: Sighting) -> bool:
        """Return True where both are, or may yet be, on screen together."""
        return self.first_frame < other.until and other.first_frame < self.until


class OnlinePersons(Protocol):
    """A numbering of the persons of one video, from 0 in the order in which they are told apart."""

    def number(self, seen: Sighting) -> int:
        """Return the number of the person that *seen* shows.

        A sighting of the same track with the same first frame takes the place of the one before, and its number.
        """
        ...

    def forget(self, key: int) -> None:
        """Drop a track that is not kept; its number goes to nobody else."""
        ...


class _Online:
    """The part of `OnlinePersons` that all have: the sightings by person, and the numbers given."""

    def __init__(self) -> None:
        self._persons: list[dict[tuple[int, int], Sighting]] = []
        self._given: dict[tuple[int, int], int] = {}

    def number(self, seen: Sighting) -> int:
        """Return the number of the person that *seen* shows: known before, most alike, or somebody new."""
        place = seen.key, seen.first_frame
        person = self._given.get(place)
        if person is None and seen.look is not None:
            person = self._most_alike(seen, seen.look)
        if person is None:
            person = len(self._persons)
            self._persons.append({})
        self._persons[person][place] = seen
        self._given[place] = person
        return person

    def forget(self, key: int) -> None:
        """Drop a track that is not kept."""
        for place in [place for place in self._given if place[0] == key]:
            del self._persons[self._given.pop(place)][place]

    def _most_alike(self, seen: Sighting, look: np.ndarray) -> int | None:
        best: tuple[float, int] | None = None
        for person, sightings in enumerate(self._persons):
            likeness = self._likeness(seen, look, list(sightings.values()))
            if likeness is not None and (best is None or likeness > best[0]):
                best = likeness, person
        return None if best is None else best[1]

    def _likeness(self, seen: Sighting, look: np.ndarray, known: Sequence[Sighting]) -> float | None:
        """Return how much *seen*, with its *look*, is like the *known* sightings of a person; None for another one."""
        return None


class OnlineByTrack(_Online):
    """`OnlinePersons` where every track is a person of its own."""


class OnlineByFace(_Online):
    """`OnlinePersons` by faces: the person whose tracks are most alike on average, if they are alike enough.

    Args:
        least_cosine: `CosineLimits.same_person` of the network.
    """

    def __init__(self, least_cosine: float) -> None:
        super().__init__()
        self._least = least_cosine

    def _likeness(self, seen: Sighting, look: np.ndarray, known: Sequence[Sighting]) -> float | None:
        looks = [each.look for each in known if each.look is not None]
        if not looks or any(seen.meets(each) for each in known):
            return None
        likeness = float(np.mean(looks, axis=0) @ look)
        return likeness if likeness >= self._least else None


class OnlineByFraming(_Online):
    """`OnlinePersons` by framing: the person who was last seen at the same place before the same background."""

    def _likeness(self, seen: Sighting, look: np.ndarray, known: Sequence[Sighting]) -> float | None:
        last = max(known, key=lambda each: each.until, default=None)
        if last is None or last.look is None or last.until > seen.first_frame:
            return None
        if seen.first_frame - last.until > LONGEST_ABSENCE_FRAMES:
            return None
        likeness = float(last.look @ look)
        near = overlap(last.last_box_px, seen.first_box_px) >= MIN_OVERLAP
        return likeness if near and likeness >= MIN_CORRELATION else None
