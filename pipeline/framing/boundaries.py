"""Frame boundaries between the words of a clip and the words next to them."""

from __future__ import annotations

import math

from pipeline.attribution.faces import ROUNDING


def first_limit(before: float, start: float, padding: float) -> int:
    """The first frame that a clip may have whose words begin at *start*, after others that end at *before* (frames)."""
    if before > start:
        return math.floor(start + ROUNDING)
    return _boundary(max(before, start - 2 * padding - 2), start)


def stop_limit(end: float, after: float, padding: float) -> int:
    """The same for the end, with others that begin at *after*."""
    if after < end:
        return math.ceil(end - ROUNDING)
    return _boundary(end, min(after, end + 2 * padding + 2))


def _boundary(before: float, after: float) -> int:
    """The frame boundary nearest to the middle of a gap, given in frames; inside it where one is."""
    return math.floor((before + after) / 2 + 0.5 + ROUNDING)
