"""Common parts of the three face detectors: their interface, their defaults, and the form of their answers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import cv2
import numpy as np

DETECTORS = ("s3fd", "yunet", "mtcnn")
"""Names that ``load_detector`` knows."""

DEFAULT_THRESHOLD: Mapping[str, float] = MappingProxyType({"s3fd": 0.9, "yunet": 0.7, "mtcnn": 0.95})
"""Lowest score of a face, by detector; what ``detect`` uses when none is given.

S3FD: the value of the published demos of TalkNet. The others were chosen on 17 clips of talking heads, a debate and a
stage: MTCNN takes a hand on a knee for a face at 0.7 to 0.94 (few at 0.98) and gives true faces 0.98 to 1; YuNet scores
profiles 0.73 to 0.81 and most hands below 0.7.
"""

MIN_LANDMARK_SCORE = 0.5
"""Lowest score of a face where one is known to be and its five points are wanted; `DEFAULT_THRESHOLD` is for pictures
of which nothing is known."""

S3FD_SCALE = 0.25
"""Factor at which the published demos of TalkNet run S3FD."""

WORKING_SIDE_PX = 640
"""Longest side of the picture that YuNet and MTCNN read by default: YuNet was trained on 640x640."""


class FaceDetector(Protocol):
    """Network that finds faces in pictures of one size."""

    name: str
    """One of ``DETECTORS``."""

    memory_reductions: int
    """Times that the device ran out of memory since loading, and a batch was halved."""

    def detect(self, frames: np.ndarray, *, scale: float = 1.0, threshold: float | None = None) -> list[np.ndarray]:
        """Find the faces of each frame.

        Args:
            frames: (B, H, W, 3) uint8, BGR.
            scale: factor that the frames are resized by before detection; above 0.
            threshold: lowest score of a face, in 0..1; ``DEFAULT_THRESHOLD`` when None.

        Returns:
            B arrays (N, 5) float32, one to each frame, N = 0 where it has no face: x1, y1, x2, y2 in pixels of the
            frames as given, which may reach outside them, and the score; best score first.

        Raises:
            ValueError: the frames have another shape or type, or the scale is not above 0.
        """
        ...


def auto_scale(model: str, height: int, width: int) -> float:
    """Return the factor at which a detector reads a picture when the user names none.

    Args:
        model: one of ``DETECTORS``.
        height: height of the picture, in pixels.
        width: width of the picture, in pixels.

    Returns:
        0.25 for S3FD; for the others the factor that brings the longest side to 640 pixels, but never above 1.

    Raises:
        ValueError: the model is unknown or the picture is empty.

    >>> auto_scale("s3fd", 1080, 1920), auto_scale("yunet", 720, 1280), auto_scale("mtcnn", 360, 480)
    (0.25, 0.5, 1.0)
    """
    if model not in DETECTORS:
        raise ValueError(f"auto_scale: expected one of {', '.join(DETECTORS)}, got {model!r}")
    if height < 1 or width < 1:
        raise ValueError(f"auto_scale: expected a picture, got {width}x{height}")
    return S3FD_SCALE if model == "s3fd" else min(1.0, WORKING_SIDE_PX / max(height, width))


def check_frames(frames: np.ndarray, scale: float) -> None:
    """Raise ValueError unless *frames* is (B, H, W, 3) uint8 with H, W >= 1, and *scale* is above 0."""
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or 0 in frames.shape[1:]:
        raise ValueError(f"detect: expected frames (B, H, W, 3) uint8, got {frames.dtype} {frames.shape}")
    if not scale > 0:
        raise ValueError(f"detect: expected a scale above 0, got {scale}")


def resized(frame: np.ndarray, scale: float) -> np.ndarray:
    """Resize *frame* (H, W, 3) uint8 by *scale*: averaged over pixels when it shrinks, at least one pixel each way.

    The same array when nothing changes.
    """
    height, width = frame.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (width, height):
        return frame
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def as_detections(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    """Return the (N, 5) float32 detections that may be called faces, best score first.

    Args:
        boxes: (M, 4) x1, y1, x2, y2 in pixels of the frame.
        scores: (M,) in 0..1.
        threshold: lowest score.

    Returns:
        The rows that are finite, have x1 < x2 and y1 < y2, and reach the threshold.
    """
    rows = np.concatenate([boxes.reshape(-1, 4), scores.reshape(-1, 1)], axis=1).astype(np.float32)
    good = np.isfinite(rows).all(1) & (rows[:, 0] < rows[:, 2]) & (rows[:, 1] < rows[:, 3]) & (rows[:, 4] >= threshold)
    rows = rows[good]
    return np.ascontiguousarray(rows[np.argsort(-rows[:, 4], kind="stable")])
