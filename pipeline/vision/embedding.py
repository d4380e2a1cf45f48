"""A person's look as a vector: find five points of the face, align it by them, and let a network read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.vision.likeness import CosineLimits, unit
from pipeline.vision.opencv_faces import AuraFace, SFace
from pipeline.vision.samples import FaceView
from pipeline.vision.sharpness import MIN_EVENNESS, evenness
from s3fd.landmarks import LandmarkFinder, load_landmarks


class Embedder(Protocol):
    """A model that turns views of faces into vectors."""

    @property
    def limits(self) -> CosineLimits:
        """Cosines at which two of its vectors are of one person."""
        ...

    @property
    def memory_reductions(self) -> int:
        """Number of times that the device ran out of memory since loading, and a batch was halved."""
        ...

    def embed(self, views: Sequence[FaceView]) -> list[np.ndarray | None]:
        """For each of *views* (D,) float32 of unit length, nearly the same for other views of the same person; None
        where too little of the face is seen, or it is blurred.
        """
        ...

    def sees_face(self, views: Sequence[FaceView]) -> bool:
        """Return False where no view, however blurred, shows a face: the track is of a hand, or a pattern."""
        ...


class FaceNetwork(Protocol):
    """A network that reads aligned faces."""

    @property
    def limits(self) -> CosineLimits: ...

    @property
    def memory_reductions(self) -> int: ...

    @property
    def min_length(self) -> float:
        """Least length of the vector of a face that can be told from others; 0 where that is not known."""
        ...

    def align(self, picture: np.ndarray, points_px: np.ndarray) -> np.ndarray:
        """Align the face of *picture* (H, W, 3) uint8 BGR whose five points lie at *points_px* (5, 2): (112, 112, 3)
        uint8 BGR, as the network reads it."""
        ...

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Return (n, D) float32, of any length, for (n, 112, 112, 3) uint8 BGR aligned faces."""
        ...


class FaceEmbedder:
    """`Embedder` of a network and what finds the points for it.

    Args:
        network: reads the aligned faces.
        landmarks: finds the points by which a face is aligned; on the CPU.
    """

    def __init__(self, network: FaceNetwork, landmarks: LandmarkFinder) -> None:
        self.network, self.landmarks = network, landmarks

    @property
    def limits(self) -> CosineLimits:
        """Cosines at which two vectors of the network are of one person."""
        return self.network.limits

    @property
    def memory_reductions(self) -> int:
        """Number of times that a batch was halved."""
        return self.network.memory_reductions

    def embed(self, views: Sequence[FaceView]) -> list[np.ndarray | None]:
        """Return a vector for each view; None where the points of the face are not found, motion blurs the face, or the
        network's vector is shorter than its `min_length`."""
        vectors: list[np.ndarray | None] = [None] * len(views)
        faces: dict[int, np.ndarray] = {}
        for at, view in enumerate(views):
            points = self.landmarks.points(view.picture, view.box_px)
            face = None if points is None else self.network.align(view.picture, points)
            if face is not None and evenness(face) >= MIN_EVENNESS:
                faces[at] = face
        if faces:
            for at, vector in zip(faces, self.network.embed(np.stack(list(faces.values()))), strict=True):
                if np.linalg.norm(vector) >= self.network.min_length:
                    vectors[at] = unit(vector)
        return vectors

    def sees_face(self, views: Sequence[FaceView]) -> bool:
        """Return True where a face is found in any view, or the finder of points cannot tell."""
        return any(self.landmarks.sees_face(view.picture, view.box_px) for view in views)


def load_embedder(model: str, weights: Path, yunet: Path | None, device: str = "cpu") -> FaceEmbedder:
    """Load a network of identity, and YuNet or MTCNN to find landmarks for it.

    Args:
        model: ``mobilefacenet``, ``sface`` or ``auraface``.
        weights: the file of its weights.
        yunet: the file of YuNet; None for MTCNN.
        device: ``cpu``, ``cuda``, ``cuda:1`` …; of the three only MobileFaceNet runs elsewhere than on the CPU.

    Raises:
        WeightsError: a file is missing, damaged, or of another network.
        ValueError: the model is unknown.
    """
    return FaceEmbedder(_load_network(model, weights, device), load_landmarks(yunet))


def _load_network(model: str, weights: Path, device: str) -> FaceNetwork:
    if model == "mobilefacenet":
        from pipeline.vision.mobilefacenet import MobileFaceNetRunner

        return MobileFaceNetRunner(weights, device)
    if model == "sface":
        return SFace(weights)
    if model == "auraface":
        return AuraFace(weights)
    raise ValueError(f"load_embedder: expected mobilefacenet, sface or auraface, got {model!r}")
