"""What a person looks like, as a vector: MobileFaceNet on aligned faces.

Chen et al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices" (CCBR 2018), in
the weights of github.com/foamliu/MobileFaceNet, whose alignment and normalisation are kept; run by OpenCV on the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from pipeline.errors import WeightsError
from pipeline.vision.samples import FaceView
from s3fd.landmarks import LandmarkFinder

INPUT_PX = 112
"""Side of the aligned face."""

PLACES_PX = ((38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20))
"""Where the five points of a face go in the aligned picture: eyes, nose, corners of the mouth."""

MEAN_RGB, SPREAD_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Taken from, and divided into, pixels in 0..1."""


class Embedder(Protocol):
    """Tells what a person looks like."""

    def embed(self, views: Sequence[FaceView]) -> np.ndarray | None:
        """(D,) float32 of unit length for *views* of one person, nearly the same for others of the same person; None
        when none of them shows enough.
        """
        ...


class FaceEmbedder:
    """`Embedder` with MobileFaceNet.

    Args:
        weights: ``mobilefacenet.onnx``.
        landmarks: finds the points by which a face is aligned.

    Raises:
        WeightsError: the file is missing, or OpenCV cannot run it.
    """

    def __init__(self, weights: Path, landmarks: LandmarkFinder) -> None:
        if not weights.is_file():
            raise WeightsError(
                f"{weights}: there is no such weights file. Name the folder that holds it: --weights-dir"
            )
        try:
            self._network = cv2.dnn.readNetFromONNX(str(weights))
            self.embed_aligned(np.zeros((INPUT_PX, INPUT_PX, 3), np.uint8))
        except cv2.error as error:
            raise WeightsError(f"{weights}: not a network that OpenCV can run ({error.err or error})") from error
        self._landmarks = landmarks

    def embed(self, views: Sequence[FaceView]) -> np.ndarray | None:
        """As `Embedder.embed`: the mean over the views in which the points of the face are found, (128,)."""
        vectors = []
        for view in views:
            points = self._landmarks.points(view.picture, view.box_px)
            if points is not None:
                vectors.append(self.embed_aligned(aligned(view.picture, points)))
        return unit(np.mean(vectors, axis=0)) if vectors else None

    def embed_aligned(self, face: np.ndarray) -> np.ndarray:
        """(128,) float32 of unit length for one aligned face, (112, 112, 3) uint8 BGR."""
        pixels = (face[..., ::-1].astype(np.float32) / 255 - MEAN_RGB) / SPREAD_RGB
        self._network.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32))
        return unit(self._network.forward().reshape(-1))


def unit(vector: np.ndarray) -> np.ndarray:
    """*vector* as float32 of length 1; left as it is when it is zero."""
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return (vector / length if length else vector).astype(np.float32)


def aligned(picture: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    """The face of *picture* with its points near `PLACES_PX`.

    Args:
        picture: (H, W, 3) uint8.
        points_px: (5, 2) in its pixels.

    Returns:
        (112, 112, 3) uint8; black where it reaches outside.
    """
    return cv2.warpAffine(picture, similarity(points_px, np.array(PLACES_PX)), (INPUT_PX, INPUT_PX))


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The turn, scaling and shift that bring points nearest to others, in the sense of least squares.

    After Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (PAMI 1991), in
    the plane: with points as complex numbers it is one division.

    Args:
        source: (N, 2), not all the same point.
        target: (N, 2).

    Returns:
        (2, 3) float64: ``target ~ source @ M[:, :2].T + M[:, 2]``.
    """
    a, b = (np.asarray(points, np.float64) @ np.array([1, 1j]) for points in (source, target))
    spread = a - a.mean()
    turn = np.vdot(spread, b - b.mean()) / np.vdot(spread, spread).real
    shift = b.mean() - turn * a.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
