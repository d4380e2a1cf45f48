"""Networks of identity that OpenCV runs: SFace and AuraFace, from their published ONNX files; on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from pipeline.errors import WeightsError
from pipeline.vision.face_alignment import INPUT_PX, aligned
from pipeline.vision.likeness import MOBILEFACENET
from s3fd.opencv_log import quiet

SFACE_SAME_PERSON = 0.363
"""Least cosine of one person, as OpenCV's documentation of ``FaceRecognizerSF`` gives it."""

AURAFACE_SAME_PERSON = 0.52
"""Least cosine of one person. Its publisher gives none; projects that measured it came to 0.52 and 0.53. It was not
measured on the footage of this project."""

AURAFACE_MIDDLE, AURAFACE_SPREAD = 127.5, 127.5
"""Taken from, and divided into, pixels in 0..255."""

Loaded = TypeVar("Loaded")


class SFace:
    """`pipeline.vision.embedding.FaceNetwork` with SFace, aligned and read by ``cv2.FaceRecognizerSF``.

    Zhong et al., "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition" (TIP 2021); the file is that
    of github.com/opencv/opencv_zoo.

    Args:
        weights: ``face_recognition_sface_2021dec.onnx``.

    Raises:
        WeightsError: the file is missing, or OpenCV cannot run it as SFace.
    """

    limits = MOBILEFACENET.scaled_to(SFACE_SAME_PERSON)
    min_length = 0.0
    memory_reductions = 0

    def __init__(self, weights: Path) -> None:
        self._network = _opened(weights, lambda: cv2.FaceRecognizerSF.create(str(weights), ""))
        _tried(weights, self, 128)

    def align(self, picture: np.ndarray, points_px: np.ndarray) -> np.ndarray:
        """Align a face as OpenCV does."""
        # Of the row of a detection, (15,), only the points are read: in the middle, behind the box.
        row = np.zeros((1, 15), np.float32)
        row[0, 4:14] = np.asarray(points_px, np.float32).reshape(-1)
        return self._network.alignCrop(np.ascontiguousarray(picture), row)

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Return (n, 128) float32, of any length, for (n, 112, 112, 3) uint8 BGR aligned faces."""
        return np.stack([self._network.feature(face).reshape(-1) for face in faces])


class AuraFace:
    """`pipeline.vision.embedding.FaceNetwork` with AuraFace, a ResNet-100.

    Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition" (CVPR 2019), with its alignment. Its
    faces may be used commercially, as the publisher says (huggingface.co/fal/AuraFace-v1).

    Args:
        weights: the published ``glintr100.onnx``.

    Raises:
        WeightsError: the file is missing, or OpenCV cannot run it as AuraFace.
    """

    limits = MOBILEFACENET.scaled_to(AURAFACE_SAME_PERSON)
    min_length = 0.0
    memory_reductions = 0

    def __init__(self, weights: Path) -> None:
        self._network = _opened(weights, lambda: cv2.dnn.readNetFromONNX(str(weights)))
        _tried(weights, self, 512)

    def align(self, picture: np.ndarray, points_px: np.ndarray) -> np.ndarray:
        """Align a face as ArcFace does (`pipeline.vision.face_alignment.aligned`)."""
        return aligned(picture, points_px)

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Return (n, 512) float32, of any length, for (n, 112, 112, 3) uint8 BGR aligned faces."""
        return np.stack([self._embed(face) for face in faces])

    def _embed(self, face: np.ndarray) -> np.ndarray:
        pixels = (face[..., ::-1].astype(np.float32) - AURAFACE_MIDDLE) / AURAFACE_SPREAD
        self._network.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
        return self._network.forward().reshape(-1)


def _opened(weights: Path, load: Callable[[], Loaded]) -> Loaded:
    """Open the file with *load*.

    Raises:
        WeightsError: the file is missing, or OpenCV cannot read it.
    """
    if not weights.is_file():
        raise WeightsError.missing(weights)
    try:
        with quiet():
            return load()
    except cv2.error as error:
        raise WeightsError(f"{weights}: not a network that OpenCV can read ({error.err or error})") from error


def _tried(weights: Path, network: SFace | AuraFace, size: int) -> None:
    """Read one face with *network*.

    Raises:
        WeightsError: OpenCV cannot run the network on a face, or it gives another number of numbers than *size*.
    """
    try:
        with quiet():
            found = network.embed(np.zeros((1, INPUT_PX, INPUT_PX, 3), np.uint8))
    except cv2.error as error:
        raise WeightsError(f"{weights}: not a network that OpenCV can run on a face ({error.err or error})") from error
    if found.shape != (1, size):
        raise WeightsError(f"{weights}: another network: it gives {found.size} numbers for a face, expected {size}")
