"""The structure of pictures, which light leaves as it is, and how alike that of two pictures is. Pure.

Light multiplies what a picture shows, so in logarithms it adds a part that changes slowly over the picture. Without
that part, what is left of a scene is the same with a flash and without. A camera that is moved shifts it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SIDE_PX = (48, 27)
"""Width and height at which pictures are compared."""

MAX_SHIFT = 4
"""Points by which the camera may have been moved between two pictures: a twelfth of the width."""

DARK = 6.0
"""Added to levels before their logarithm: below it there is noise, in grey levels."""

SLOW_POINTS = 3.0
"""Standard deviation of the blur that tells what changes slowly over the picture."""

MIN_CONTRAST = 0.06
"""Least standard deviation of the structure of a picture that shows something."""


@dataclass(frozen=True, slots=True)
class Structure:
    """The structure of one picture, and of its shifted parts."""

    middle: np.ndarray
    """(D,) float32 of unit length: of the part without margins."""
    shifted: np.ndarray
    """(S, D) float32 of unit length: the same of each part of that size."""
    is_flat: bool
    """True where the picture shows nothing: black, white, or one colour."""


def grey(picture: np.ndarray) -> np.ndarray:
    """Return (27, 48) uint8 of a picture (H, W, 3) uint8 BGR, without its colours."""
    return cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), SIDE_PX, interpolation=cv2.INTER_AREA)


def structure_of(picture: np.ndarray) -> Structure:
    """Return the structure of a picture as `grey` gives it."""
    light = np.log(picture.astype(np.float32) + np.float32(DARK))
    points = light - cv2.GaussianBlur(light, (0, 0), SLOW_POINTS)
    (width, height), margin = SIDE_PX, 2 * MAX_SHIFT
    parts = np.lib.stride_tricks.sliding_window_view(points, (height - margin, width - margin))
    rows = parts.reshape((margin + 1) ** 2, -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    shifted = rows / np.maximum(lengths, 1e-6)[:, None]
    is_flat = bool(lengths.max() < MIN_CONTRAST * rows.shape[1] ** 0.5)
    return Structure(shifted[len(shifted) // 2], shifted, is_flat)


def alike(first: Structure, second: Structure) -> float:
    """Return the correlation of two structures, -1..1, where the camera has been moved as it fits best."""
    return float((second.shifted @ first.middle).max())
