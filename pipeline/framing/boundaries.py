"""Frame boundaries between the words of a clip and the words next to them."""

from __future__ import annotations

import math

from pipeline.attribution.faces import ROUNDING


def first_limit(before: float, start: float, padding: float) -> int:
    """Return the earliest first frame of a clip whose words begin at *start*.

    The words before it end at *before*. All times are in frames.
    """
    if before > start:
        return math.floor(start + ROUNDING)
    return _boundary(max(before, start - 2 * padding - 2), start)


def stop_limit(end: float, after: float, padding: float) -> int:
    """Return the latest frame at which a clip may stop whose words end at *end*.

    The words after it begin at *after*. All times are in frames.
    """
    if after < end:
        return math.ceil(end - ROUNDING)
    return _boundary(end, min(after, end + 2 * padding + 2))


def _boundary(before: float, after: float) -> int:
    """Return the frame boundary nearest to the middle of a gap, in frames; inside the gap where it holds one."""
    return math.floor((before + after) / 2 + 0.5 + ROUNDING)
