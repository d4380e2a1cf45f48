"""Checks shared by all values."""

from __future__ import annotations

import numpy as np


def checked(name: str, array: np.ndarray, dtype: type, shape: tuple[int | None, ...]) -> np.ndarray:
    """Return a read-only view of *array*.

    Args:
        name: of the value, for the message.
        array: to check.
        dtype: wanted.
        shape: wanted; None is any length.

    Raises:
        ValueError: dtype or shape differ; the message says expected and got.
    """
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
