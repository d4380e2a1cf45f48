"""Frames of a clip and frames of the grid: which instants they show, and what that leaves open.

Frame *k* of a clip of rate *r* shows what is on screen ``(k + 1/2) / r`` seconds after the first video frame, frame
*i* of the grid what is on screen at ``(i + 1/2) / 25``. At the grid's own rate they are the same.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from pipeline.types import GRID_FPS

GRID_RATE = Fraction(GRID_FPS)

HIGHEST_RATE = 240
"""Clips of more frames a second than this are made on the grid: such rates are clocks, not pictures."""

MAX_DENOMINATOR = 1001
"""Of a clip's rate: that of 24000/1001 and its kin. Averages that a file gives with more digits are rounded to it."""


def clip_rate(source: Fraction, wanted: str) -> Fraction:
    """Frames a second of the clips.

    Args:
        source: average rate of the source.
        wanted: ``grid`` or ``source``.
    """
    if wanted == "grid" or not 1 <= source <= HIGHEST_RATE:
        return GRID_RATE
    return source.limit_denominator(MAX_DENOMINATOR)


def frames_within(grid_frames: int, rate: Fraction) -> int:
    """Return the frames of *rate* that there surely are in a picture of so many grid frames."""
    return certainly_before(grid_frames, rate)


def certainly_from(grid_frame: int, rate: Fraction) -> int:
    """The first frame of *rate* that is not before what *grid_frame* shows; 0 for frame 0, before which is nothing."""
    return math.ceil((grid_frame + Fraction(1, 2)) * rate / GRID_FPS - Fraction(1, 2)) if grid_frame > 0 else 0


def certainly_before(grid_frame: int, rate: Fraction) -> int:
    """One after the last frame of *rate* that is not after what the grid frame before *grid_frame* shows."""
    return math.floor((grid_frame - Fraction(1, 2)) * rate / GRID_FPS + Fraction(1, 2)) if grid_frame > 0 else 0


def grid_span(first: int, stop: int, rate: Fraction, grid_frames: int) -> tuple[int, int]:
    """The grid frames that frames ``[first, stop)`` of *rate* touch, out of *grid_frames*; one at least."""
    last = max(grid_frames - 1, 0)
    begin = min(math.floor(first * GRID_FPS / rate), last)
    return begin, max(min(math.ceil(stop * GRID_FPS / rate), grid_frames), begin + 1)


def on_grid_scale(first: int, stop: int, rate: Fraction) -> np.ndarray:
    """(stop - first,) float64: where frames ``[first, stop)`` of *rate* lie, in grid frames; whole on the frames."""
    return (np.arange(first, stop) + 0.5) * float(GRID_FPS / rate) - 0.5
