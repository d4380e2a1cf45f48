"""The interface of those who read the crops of a stream of tracks.

A `TrackStream` hands every crop to all its consumers, once, when nothing can change it any more, and keeps none. A
consumer holds what it needs and no longer than it needs it: a crop takes 12.5 kB, a minute of one face 19 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipeline.vision.persons import Stretch
from pipeline.vision.samples import SampledTrack


@dataclass(frozen=True, slots=True)
class GrowingTrack:
    """The crops of a track that have become certain since its last ones; the track may go on."""

    key: int
    """Number of the track within its stream, in order of appearance. Not its number in `FaceTracks`, which is known
    when the stream has ended."""
    first_frame: int
    """Of these crops."""
    crops: Sequence[np.ndarray]
    """(112, 112) uint8 grey each, of consecutive frames; none where no further crop is certain yet."""
    boxes_px: np.ndarray
    """(C, 4) float32: x1, y1, x2, y2 of the face on the frames of the crops, in source pixels."""
    sampled: SampledTrack | None = None
    """The views kept of it so far; None where nobody tells persons apart."""


@dataclass(frozen=True, slots=True)
class EndedTrack:
    """A track that is over: its last crops, and whom it shows."""

    key: int
    """Number of the track within its stream."""
    first_frame: int
    """Of these crops."""
    crops: Sequence[np.ndarray]
    """(112, 112) uint8 grey each, of consecutive frames: those since the last ones."""
    boxes_px: np.ndarray
    """(C, 4) float32: x1, y1, x2, y2 on the frames of the crops, in source pixels."""
    stretches: Sequence[Stretch]
    """The track by persons, in order of time; together they are all of it. Empty where the track is too short, its face
    too small, or none: it comes without crops then, and is in no table."""


class CropConsumer(Protocol):
    """A reader of the crops of a stream, as they become certain.

    The crops are shared by all consumers of a stream: nobody writes into them.
    """

    def grow(self, tracks: Sequence[GrowingTrack]) -> None:
        """Take the crops that have become certain of all tracks that go on, in order of appearance."""
        ...

    def end(self, tracks: Sequence[EndedTrack]) -> None:
        """Take the last crops of tracks that end together; nothing more comes of them."""
        ...
