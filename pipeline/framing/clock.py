"""Conversion between frames of a clip and frames of the grid, by the instants that they show.

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
"""Largest denominator of a clip's rate: that of 24000/1001. Averages of a file with more digits are rounded to it."""


def clip_rate(source: Fraction, wanted: str) -> Fraction:
    """Return the frames a second of the clips.

    Args:
        source: average rate of the source.
        wanted: ``grid`` or ``source``.
    """
    if wanted == "grid" or not 1 <= source <= HIGHEST_RATE:
        return GRID_RATE
    return source.limit_denominator(MAX_DENOMINATOR)


def frames_within(grid_frames: int, rate: Fraction) -> int:
    """Return the number of frames of *rate* that a picture of *grid_frames* grid frames surely holds."""
    return certainly_before(grid_frames, rate)


def certainly_from(grid_frame: int, rate: Fraction) -> int:
    """Return the first frame of *rate* that shows no earlier instant than *grid_frame*; 0 for frame 0."""
    return math.ceil((grid_frame + Fraction(1, 2)) * rate / GRID_FPS - Fraction(1, 2)) if grid_frame > 0 else 0


def certainly_before(grid_frame: int, rate: Fraction) -> int:
    """Return one after the last frame of *rate* that shows no later instant than the grid frame before *grid_frame*."""
    return math.floor((grid_frame - Fraction(1, 2)) * rate / GRID_FPS + Fraction(1, 2)) if grid_frame > 0 else 0


def grid_span(first: int, stop: int, rate: Fraction, grid_frames: int) -> tuple[int, int]:
    """Return the grid frames that frames ``[first, stop)`` of *rate* touch, out of *grid_frames*; one at least."""
    last = max(grid_frames - 1, 0)
    begin = min(math.floor(first * GRID_FPS / rate), last)
    return begin, max(min(math.ceil(stop * GRID_FPS / rate), grid_frames), begin + 1)


def on_grid_scale(first: int, stop: int, rate: Fraction) -> np.ndarray:
    """Return (stop - first,) float64: places of frames ``[first, stop)`` of *rate* in grid frames, whole on a frame."""
    return (np.arange(first, stop) + 0.5) * float(GRID_FPS / rate) - 0.5
