"""Faces brought to one place and size by five of their points, as networks of identity are trained on them."""

from __future__ import annotations

import cv2
import numpy as np

INPUT_PX = 112
"""Side of the aligned face."""

PLACES_PX = ((38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20))
"""Where the five points of a face go in the aligned picture: eyes, nose, corners of the mouth. Published with ArcFace
(Deng et al., CVPR 2019), and used by all networks that are trained on its data."""


def aligned(picture: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    """Align the face of *picture* with its points near `PLACES_PX`.

    Args:
        picture: (H, W, 3) uint8.
        points_px: (5, 2) in its pixels.

    Returns:
        (112, 112, 3) uint8; black where it reaches outside.
    """
    return cv2.warpAffine(picture, similarity(points_px, np.array(PLACES_PX)), (INPUT_PX, INPUT_PX))


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Fit the turn, scaling and shift that bring points nearest to others, in the sense of least squares.

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
