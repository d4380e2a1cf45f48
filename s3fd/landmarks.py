"""Five points of a known face: eyes, nose and corners of the mouth, for networks that want it aligned."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from s3fd.common import MIN_LANDMARK_SCORE
from s3fd.yunet import open_yunet

MIN_FACE_SCORE = 0.3
"""Least score by which something may be a face, in profile, in the dark or blurred: below it is a hand in the footage
for tests, in all of its views (``benchmarks.blurred_persons``)."""

MIN_OVERLAP = 0.3
"""Least overlap of YuNet's detection with the box of the known face."""


class LandmarkFinder(Protocol):
    """Finder of the points of a face whose box is known."""

    def points(self, picture: np.ndarray, box_px: np.ndarray) -> np.ndarray | None:
        """Find the points of one face.

        Args:
            picture: (H, W, 3) uint8 BGR, with some surroundings of the face.
            box_px: (4,) x1, y1, x2, y2 of the face in it.

        Returns:
            (5, 2) float32 x and y in pixels of *picture*: the eye on the left of the picture, the other eye, the tip of
            the nose, the left and the right corner of the mouth; None where the face is not found.
        """
        ...

    def sees_face(self, picture: np.ndarray, box_px: np.ndarray) -> bool:
        """Return False where nothing like a face is at *box_px* (4,) of *picture* (H, W, 3) uint8 BGR."""
        ...


class YuNetLandmarks:
    """`LandmarkFinder` with YuNet, which gives five points with every face.

    Args:
        weights: an ONNX file of YuNet that takes any picture size.

    Raises:
        WeightsError: the file is missing, or OpenCV cannot read a face detector from it.
    """

    def __init__(self, weights: Path) -> None:
        self._network = open_yunet(weights)

    def points(self, picture: np.ndarray, box_px: np.ndarray) -> np.ndarray | None:
        """See `LandmarkFinder.points`; the points are those of the detection that overlaps the box most."""
        found = self._found(picture, box_px, MIN_LANDMARK_SCORE)
        return None if found is None else found[4:14].reshape(5, 2)

    def sees_face(self, picture: np.ndarray, box_px: np.ndarray) -> bool:
        """See `LandmarkFinder.sees_face`."""
        return self._found(picture, box_px, MIN_FACE_SCORE) is not None

    def _found(self, picture: np.ndarray, box_px: np.ndarray, least_score: float) -> np.ndarray | None:
        """Return the row (15,) of the detection that overlaps the box most; None where none does enough."""
        self._network.setScoreThreshold(least_score)
        self._network.setInputSize((picture.shape[1], picture.shape[0]))
        found = self._network.detect(np.ascontiguousarray(picture))[1]
        if found is None:
            return None
        x1, y1, x2, y2 = np.asarray(box_px, float).tolist()
        width = np.minimum(found[:, 0] + found[:, 2], x2) - np.maximum(found[:, 0], x1)
        height = np.minimum(found[:, 1] + found[:, 3], y2) - np.maximum(found[:, 1], y1)
        shared = np.clip(width, 0, None) * np.clip(height, 0, None)
        overlap = shared / (found[:, 2] * found[:, 3] + (x2 - x1) * (y2 - y1) - shared)
        nearest = int(overlap.argmax())
        return found[nearest] if overlap[nearest] >= MIN_OVERLAP else None


def load_landmarks(yunet: Path | None) -> LandmarkFinder:
    """YuNet from its file, or MTCNN where there is none.

    Raises:
        WeightsError: the file is missing, or OpenCV cannot read a face detector from it.
    """
    if yunet is not None:
        return YuNetLandmarks(yunet)
    from s3fd.mtcnn_landmarks import MtcnnLandmarks

    return MtcnnLandmarks()
