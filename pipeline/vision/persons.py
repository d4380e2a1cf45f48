"""The persons of one video: told apart by a network of identity, or by the framing where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.errors import WeightsError
from pipeline.vision.embedding import Embedder, load_embedder
from pipeline.vision.framing import look_of, persons_by_framing
from pipeline.vision.identity import persons_of
from pipeline.vision.likeness import unit
from pipeline.vision.online_persons import OnlineByFace, OnlineByFraming, OnlinePersons
from pipeline.vision.parting import embedded, parts_of
from pipeline.vision.samples import SampledTrack


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of a track that show one person; nearly always all of them."""

    first_frame: int
    stop_frame: int
    look: np.ndarray | None
    """(D,) float32 of unit length: what the person looks like; None when not known."""
    is_face: bool = True
    """False where no view of it shows a face."""


@dataclass(frozen=True, slots=True)
class PersonPart:
    """A stretch of a track with its faces: a track of the table that vision gives."""

    key: int
    """Number of the track within its stream."""
    first_frame: int
    boxes_px: np.ndarray
    """(F, 4) float32: x1, y1, x2, y2 on each frame, in pixels of the pictures."""
    look: np.ndarray | None
    """(D,) float32 of unit length: what the person looks like; None when not known."""

    @property
    def stop_frame(self) -> int:
        """The frame after its last."""
        return self.first_frame + len(self.boxes_px)


class Identity(Protocol):
    """A model that tells which tracks show the same person."""

    @property
    def memory_reductions(self) -> int:
        """Number of times that the device ran out of memory since loading, and a batch was halved."""
        ...

    def stretches(self, tracks: Sequence[SampledTrack]) -> list[list[Stretch]]:
        """Part each of *tracks*, which have ended, into stretches in order of time; together they are all of it."""
        ...

    def persons(self, parts: Sequence[PersonPart]) -> np.ndarray:
        """Return the (P,) int32 person of each part of a video, from 0 in order of first appearance. The parts are in
        order of their beginning."""
        ...

    def online(self) -> OnlinePersons:
        """Return a numbering of the persons of one video while it goes on."""
        ...


class IdentityByFace:
    """`Identity` with a network.

    Args:
        embedder: the network.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    @property
    def memory_reductions(self) -> int:
        """Number of times that a batch was halved."""
        return self.embedder.memory_reductions

    def stretches(self, tracks: Sequence[SampledTrack]) -> list[list[Stretch]]:
        """Part each track where its face becomes another's."""
        found = embedded(self.embedder, tracks)
        return [self._parted(track, *views) for track, views in zip(tracks, found, strict=True)]

    def persons(self, parts: Sequence[PersonPart]) -> np.ndarray:
        """Return the person of each part: those whose faces are alike are one."""
        return persons_of(_spans(parts), [part.look for part in parts], self.embedder.limits.same_person)

    def online(self) -> OnlinePersons:
        """Return a numbering of persons by their faces."""
        return OnlineByFace(self.embedder.limits.same_person)

    def _parted(self, track: SampledTrack, frames: Sequence[int], vectors: Sequence[np.ndarray]) -> list[Stretch]:
        if not frames:
            is_face = not track.views or self.embedder.sees_face(track.views)
            return [Stretch(track.first_frame, track.stop_frame, None, is_face)]
        parts = parts_of(frames, np.stack(vectors), track.first_frame, track.stop_frame, self.embedder.limits)
        return [Stretch(first, stop, unit(rows.mean(axis=0))) for first, stop, rows in parts]


class IdentityByFraming:
    """`Identity` without weights: a face that comes back in the same framing is the same person."""

    memory_reductions = 0

    def stretches(self, tracks: Sequence[SampledTrack]) -> list[list[Stretch]]:
        """Return each track as one stretch: by its framing none is parted."""
        return [[Stretch(track.first_frame, track.stop_frame, look_of(track.views))] for track in tracks]

    def persons(self, parts: Sequence[PersonPart]) -> np.ndarray:
        """Return the person of each part: those in the same framing are one."""
        boxes_px = np.array([part.boxes_px[[0, -1]] for part in parts], np.float64).reshape(-1, 2, 4)
        return persons_by_framing(_spans(parts), boxes_px, [part.look for part in parts])

    def online(self) -> OnlinePersons:
        """Return a numbering of persons by their framing."""
        return OnlineByFraming()


def load_identity(model: str, weights: Path | None, yunet: Path | None, device: str = "cpu") -> Identity | None:
    """Load the model that tells persons apart; None where every track is a person of its own.

    Args:
        model: ``mobilefacenet``, ``sface``, ``auraface``, ``by-framing`` or ``by-track``.
        weights: the file of its weights; None for the last two, which have none.
        yunet: the file of YuNet, which finds landmarks for the networks; None for MTCNN.
        device: ``cpu``, ``cuda``, ``cuda:1`` …

    Raises:
        WeightsError: a file is missing, damaged, or of another network.
        ValueError: the model is unknown.
    """
    if model == "by-track":
        return None
    if model == "by-framing":
        return IdentityByFraming()
    if weights is None:
        raise WeightsError(f"{model} needs a weights file, and none was named (python -m pipeline.weights fetch)")
    return IdentityByFace(load_embedder(model, weights, yunet, device))


def _spans(parts: Sequence[PersonPart]) -> np.ndarray:
    """Return (P, 2) int64: first frame and frame after the last."""
    return np.array([(part.first_frame, part.stop_frame) for part in parts], np.int64).reshape(-1, 2)
