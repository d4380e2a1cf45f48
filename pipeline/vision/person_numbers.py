"""A consumer of the stream that numbers the persons of growing and ended tracks while a video goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.vision.consumers import EndedTrack, GrowingTrack
from pipeline.vision.memory import HalvedBatches
from pipeline.vision.online_persons import OnlineByTrack, Sighting
from pipeline.vision.persons import Identity, Stretch
from pipeline.vision.samples import SampledTrack

FIRST_VIEWS = 3
"""Views of a growing track that its look is first taken from, half a second after it began; where they show no face,
its look is taken again whenever there are twice as many."""


@dataclass(frozen=True, slots=True)
class NumberedStretch:
    """Frames of an ended track that show one person."""

    first_frame: int
    stop_frame: int
    person: int


class PersonNumbers:
    """`CropConsumer` that gives each track the number of its person, as `OnlinePersons` has it.

    A growing track gets its number when its look is known, and keeps it; one that ends without gets its number then. Of
    a track that turns out to show several persons the first stretch keeps the number. `FaceTracks.person`, which weighs
    all tracks at the end, is another numbering.

    Args:
        identity: the stream's; None: every track is a person of its own.
        halved: counts how often the model halves its batch.
    """

    def __init__(self, identity: Identity | None, halved: HalvedBatches | None = None) -> None:
        self._identity, self._halved = identity, halved or HalvedBatches()
        self._online = OnlineByTrack() if identity is None else identity.online()
        self._growing: dict[int, _Growing] = {}
        self.ended: dict[int, tuple[NumberedStretch, ...]] = {}
        """The ended tracks by key, each with its stretches in order of time."""

    def person(self, key: int) -> int | None:
        """Return the number of the person that track *key* shows, at its end where it shows several.

        Returns:
            None while its look is not known, and for a track that is not kept.
        """
        if key in self.ended:
            return self.ended[key][-1].person
        growing = self._growing.get(key)
        return None if growing is None else growing.person

    def grow(self, tracks: Sequence[GrowingTrack]) -> None:
        """Number the tracks whose look has become known."""
        asked: list[tuple[int, SampledTrack]] = []
        for track in tracks:
            growing = self._take(track)
            if growing.person is None and self._identity is None and growing.boxes_px:
                growing.person = self._online.number(growing.sighting(track.key, None))
            elif growing.person is None and track.sampled and len(track.sampled.views) >= growing.next_views:
                growing.next_views = 2 * len(track.sampled.views)
                asked.append((track.key, track.sampled))
        if not asked or self._identity is None:
            return
        with self._halved.noting("identity model", self._identity):
            found = self._identity.stretches([sampled for _, sampled in asked])
        for (key, _), stretches in zip(asked, found, strict=True):
            if (look := stretches[0].look) is not None:
                growing = self._growing[key]
                growing.person = self._online.number(growing.sighting(key, look))

    def end(self, tracks: Sequence[EndedTrack]) -> None:
        """Number the stretches of tracks that have ended, and forget those that are not kept."""
        for track in tracks:
            growing = self._take(track)
            del self._growing[track.key]
            if track.stretches:
                self.ended[track.key] = tuple(self._numbered(track.key, growing, each) for each in track.stretches)
            else:
                self._online.forget(track.key)

    def _numbered(self, key: int, growing: _Growing, stretch: Stretch) -> NumberedStretch:
        boxes = [growing.box_px(frame) for frame in (stretch.first_frame, stretch.stop_frame - 1)]
        seen = Sighting(key, stretch.first_frame, stretch.stop_frame, boxes[0], boxes[1], stretch.look)
        return NumberedStretch(stretch.first_frame, stretch.stop_frame, self._online.number(seen))

    def _take(self, track: GrowingTrack | EndedTrack) -> _Growing:
        growing = self._growing.setdefault(track.key, _Growing(track.first_frame))
        if len(track.boxes_px):
            growing.boxes_px.append(track.boxes_px)
        return growing


@dataclass(slots=True)
class _Growing:
    """The boxes and the number of a track that goes on."""

    first_frame: int
    boxes_px: list[np.ndarray] = field(default_factory=list)
    next_views: int = FIRST_VIEWS
    person: int | None = None

    def box_px(self, frame: int) -> np.ndarray:
        """Return the (4,) box on *frame*."""
        return np.concatenate(self.boxes_px)[frame - self.first_frame]

    def sighting(self, key: int, look: np.ndarray | None) -> Sighting:
        """Return the track as it is seen so far."""
        return Sighting(key, self.first_frame, None, self.boxes_px[0][0], self.boxes_px[-1][-1], look)
