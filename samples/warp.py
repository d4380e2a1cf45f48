"""Tools for bending pictures: smooth ramps, and pieces of a column stretched between given heights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

from samples.portraits import Points


class Curve:
    """Smooth line across a face: a height for each column, level beyond its ends."""

    def __init__(self, points: Points, scale: float) -> None:
        x, y = np.array(points, np.float64).T * scale
        self.left, self.right = float(x[0]), float(x[-1])
        """Columns in which it begins and ends."""
        self._columns = np.linspace(self.left, self.right, 512)
        self._heights = PchipInterpolator(x, y)(self._columns)

    def __call__(self, x: np.ndarray | float) -> np.ndarray:
        """Return the heights in the columns *x*: float64 of its shape."""
        return np.interp(x, self._columns, self._heights)


def smoothstep(values: np.ndarray | float) -> np.ndarray:
    """Return 0 below 0, 1 above 1, smooth in between: float32 of the shape of *values*."""
    values = np.clip(np.asarray(values, np.float32), 0, 1)
    return values * values * (3 - 2 * values)


def along_columns(y: np.ndarray, target: Sequence[np.ndarray], source: Sequence[np.ndarray]) -> np.ndarray:
    """Send heights *y* from *target* keys to *source* keys, straight in between and unchanged outside.

    Args:
        y: (H, W) heights.
        target, source: keys from top to bottom, (H, W) each.

    Returns:
        (H, W) float32.
    """
    result = y.astype(np.float32)
    spans = zip(target[:-1], target[1:], source[:-1], source[1:], strict=True)
    for target_top, target_end, source_top, source_end in spans:
        slope = (source_end - source_top) / np.maximum(target_end - target_top, 1e-3)
        within = (y >= target_top) & (y < target_end)
        result = np.where(within, source_top + (y - target_top) * slope, result)
    return result.astype(np.float32)
