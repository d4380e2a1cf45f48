"""The checks that the values share."""

from __future__ import annotations

import numpy as np


def checked(name: str, array: np.ndarray, dtype: type, shape: tuple[int | None, ...]) -> np.ndarray:
    """A read-only view of *array*, or ValueError saying expected and got (None in *shape* is any length)."""
    array = np.asarray(array)
    fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape, strict=False))
    if array.dtype != np.dtype(dtype) or not fits:
        raise ValueError(f"{name}: expected {np.dtype(dtype)} {shape}, got {array.dtype} {array.shape}")
    view = array.view()
    view.flags.writeable = False
    return view


def check_span(name: str, start: float, end: float) -> None:
    if not start <= end:
        raise ValueError(f"{name}: expected start <= end, got {start} and {end}")
