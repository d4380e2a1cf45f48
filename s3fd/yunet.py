"""YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", MIR 2023; ShiqiYu/libfacedetection.train) through
OpenCV's own runner ``cv2.FaceDetectorYN``.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from pipeline.errors import WeightsError
from s3fd.common import DEFAULT_THRESHOLD, as_detections, check_frames, resized
from s3fd.opencv_log import quiet

OVERLAP = 0.3
"""Overlap over which the weaker of two boxes is dropped: the default of ``FaceDetectorYN``."""

MAX_CANDIDATES = 5000
"""Boxes kept before suppression: the default of ``FaceDetectorYN``."""


class YuNet:
    """``FaceDetector`` on the CPU, one frame at a time: OpenCV's runner takes no batches.

    Args:
        weights: an ONNX file of YuNet that takes any picture size.

    Raises:
        WeightsError: the file is missing, or OpenCV cannot read a face detector from it.
    """

    name = "yunet"
    memory_reductions = 0

    def __init__(self, weights: Path) -> None:
        self._network = open_yunet(weights)

    def detect(self, frames: np.ndarray, *, scale: float = 1.0, threshold: float | None = None) -> list[np.ndarray]:
        """See ``FaceDetector.detect``."""
        check_frames(frames, scale)
        lowest = DEFAULT_THRESHOLD["yunet"] if threshold is None else threshold
        self._network.setScoreThreshold(lowest)
        return [self._faces(frame, scale, lowest) for frame in frames]

    def _faces(self, frame: np.ndarray, scale: float, threshold: float) -> np.ndarray:
        picture = np.ascontiguousarray(resized(frame, scale))
        height, width = picture.shape[:2]
        self._network.setInputSize((width, height))
        found = self._network.detect(picture)[1]
        if found is None:
            return np.zeros((0, 5), np.float32)
        factor = np.array([frame.shape[1] / width, frame.shape[0] / height] * 2, np.float32)
        corners = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], axis=1)
        return as_detections(corners * factor, found[:, 14], threshold)


def open_yunet(weights: Path) -> cv2.FaceDetectorYN:
    """OpenCV's runner with the network of *weights*: an ONNX file of YuNet that takes any picture size.

    Raises:
        WeightsError: the file is missing, or OpenCV cannot read a face detector from it.
    """
    if not weights.is_file():
        raise WeightsError.missing(weights)
    try:
        with quiet():
            network = cv2.FaceDetectorYN.create(
                str(weights), "", (320, 320), DEFAULT_THRESHOLD["yunet"], OVERLAP, MAX_CANDIDATES
            )
            network.detect(np.zeros((320, 320, 3), np.uint8))
    except cv2.error as error:
        raise WeightsError(f"{weights}: not a YuNet network that OpenCV can run ({error.err or error})") from error
    return network
