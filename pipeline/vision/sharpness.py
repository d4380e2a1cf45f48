"""Blur by motion in an aligned face: what moves sideways is as sharp as before up and down, but not across. Pure."""

from __future__ import annotations

import cv2
import numpy as np

INNER_PX = (slice(16, 100), slice(20, 92))
"""Rows and columns of an aligned face of 112 pixels that show the face alone."""

NOISE_PX = 1.0
"""Standard deviation of the blur that takes noise away before sharpness is measured."""

MIN_EVENNESS = 0.55
"""Least `evenness` of a face that did not move. Chosen on the people of ``benchmarks.blurred_persons`` with ``--people
chosen``."""

_BEND = np.array([[1, 0, -2, 0, 1]], np.float32)


def evenness(face: np.ndarray) -> float:
    """Return the sharpness across an aligned face (112, 112, 3) uint8 BGR by that up and down; 1 without either."""
    grey = cv2.GaussianBlur(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY).astype(np.float32), (0, 0), NOISE_PX)[INNER_PX]
    across, down = (float(cv2.filter2D(grey, -1, kernel).std()) for kernel in (_BEND, _BEND.T))
    return across / down if down else 1.0
