"""Averages over areas of pictures, read from summed-area tables (Crow, "Summed-area tables for texture mapping", 1984).

Shrinking costs the same whatever the size of the area, and gives what ``torch.nn.functional.interpolate`` gives with
``mode="area"``: bin *i* of *n* along a side of *s* pixels covers ``floor(i s / n)`` to ``ceil((i + 1) s / n)``.

A table comes from ``cv2.integral``: (H + 1, W + 1, 3) int32, where entry (y, x) is the sum of all pixels above and left
of it. Sums beyond 2**31 wrap, and wrap back when two entries are subtracted.
"""

from __future__ import annotations

import torch
from torch import Tensor


def shrunk(sums: Tensor, height: int, width: int) -> Tensor:
    """Resize whole pictures.

    Args:
        sums: (B, H + 1, W + 1, 3) int32 summed-area tables.
        height: height of the result.
        width: width of the result.

    Returns:
        (B, 3, height, width) float32 averages in 0..255, channels last in memory.
    """
    full_height, full_width = sums.shape[1] - 1, sums.shape[2] - 1
    zero = torch.zeros(1, dtype=torch.int64, device=sums.device)
    top, bottom = (edge[0] for edge in _bins(zero, zero + full_height, height))
    left, right = (edge[0] for edge in _bins(zero, zero + full_width, width))
    strips = sums.index_select(1, bottom) - sums.index_select(1, top)
    total = strips.index_select(2, right) - strips.index_select(2, left)
    pixels = (bottom - top)[:, None] * (right - left)[None, :]
    return (total.float() / pixels[..., None]).permute(0, 3, 1, 2)


def cut_out(sums: Tensor, owners: Tensor, spans: Tensor, side: int) -> Tensor:
    """Cut rectangles out of pictures, each brought to one square size.

    Args:
        sums: (B, H + 1, W + 1, 3) int32 summed-area tables.
        owners: (N,) int64, the picture that each rectangle lies in.
        spans: (N, 4) int64, x1, y1, x2, y2 half-open, inside the picture and not empty.
        side: side of each result.

    Returns:
        (N, 3, side, side) float32 averages in 0..255, channels last in memory.
    """
    row_count, column_count = sums.shape[1:3]
    entries = sums.reshape(-1, 3)
    left, right = _bins(spans[:, 0], spans[:, 2], side)
    top, bottom = (edge + owners[:, None] * row_count for edge in _bins(spans[:, 1], spans[:, 3], side))

    def at(row: Tensor, column: Tensor) -> Tensor:
        place = row[:, :, None] * column_count + column[:, None, :]
        return entries.index_select(0, place.reshape(-1)).view(len(spans), side, side, 3)

    total = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)
    pixels = (bottom - top)[:, :, None] * (right - left)[:, None, :]
    return (total.float() / pixels[..., None]).permute(0, 3, 1, 2)


def _bins(start: Tensor, end: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """First and past-the-last pixel (N, count) of each of *count* bins between *start* and *end* (N,)."""
    number = torch.arange(count, device=start.device)
    size = (end - start)[:, None]
    first = torch.div(number * size, count, rounding_mode="floor")
    past = -torch.div(-(number + 1) * size, count, rounding_mode="floor")
    return start[:, None] + first, start[:, None] + past
