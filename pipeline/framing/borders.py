"""Black bars around a picture, found in a few pictures of a video: above and below, at the sides, or both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLACK = 20
"""Greatest luma, of 255, of a pixel of a bar: compression leaves some noise in them."""

BRIGHT = 32
"""Luma from which a pixel is surely of the picture."""

CLEAN_SHARE = 0.97
"""Share of black pixels of a line of a bar without text."""

TEXT_SHARE = 0.55
"""The same where subtitles stand in the bar: their letters cover less than half of a line. The last line of a bar is
clean: light that fades out has none."""

EDGE_SHARE = 0.5
"""Share of bright pixels, just inside a bar, of the pictures that prove its edge: bars end in a straight line."""

PROVING_SHARE = 0.1
"""Share of the pictures, and one at least, in which the edge of a bar must be seen."""

EDGE_LINES = 3
"""Lines inside a bar of which one must be bright: scaling blurs the first."""

SAME_SHARE = 0.02
"""Difference of two opposite bars, as a share of the picture's side, up to which each is cut as it is; beyond it, the
smaller one counts for both: bars come in pairs, and a dark ceiling does not."""

LEAST_SHARE = 0.2
"""Share of each side that a picture has at least; less is no picture between bars."""

LUMA = np.array([0.114, 0.587, 0.299], np.float32)
"""Weights of blue, green and red: ITU-R BT.601."""


def content_of(pictures: Sequence[np.ndarray]) -> tuple[int, int, int, int]:
    """Return x1, y1, x2, y2 of the picture without black bars.

    A line belongs to a bar if it is black in every picture, but for text in it, and if the bar ends in a straight edge
    in some of them. So pictures that are dark as a whole say nothing, and one picture without bars proves that there
    are none: nothing but bars is cut off.

    Args:
        pictures: (H, W, 3) uint8 BGR, all of one size; from all over the video.

    Raises:
        ValueError: there is no picture.
    """
    if not pictures:
        raise ValueError("content_of: expected at least one picture")
    height, width = pictures[0].shape[:2]
    luma = np.stack([picture.astype(np.float32) @ LUMA for picture in pictures])
    luma = luma[(luma > BRIGHT).mean(axis=(1, 2)) > 0.01]
    x1, y1, x2, y2 = 0, 0, width, height
    if not len(luma):
        return x1, y1, x2, y2
    for _ in range(2):  # where both kinds of bars are, the text in the one is found after the other is off
        top, bottom = _bars(luma[:, y1:y2, x1:x2])
        left, right = _bars(luma[:, y1:y2, x1:x2].transpose(0, 2, 1))
        x1, y1, x2, y2 = x1 + left, y1 + top, x2 - right, y2 - bottom
    (y1, y2), (x1, x2) = _paired(y1, y2, height), _paired(x1, x2, width)
    return x1, y1, x2, y2


def _bars(luma: np.ndarray) -> tuple[int, int]:
    """Return the lines of the bars before the first and after the last line of the picture.

    Args:
        luma: (N, L, W) float32.
    """
    across = (luma <= BLACK).mean(axis=1).min(axis=0) < CLEAN_SHARE  # not the other pair of bars
    if not across.any():
        return 0, 0
    black = (luma[:, :, across] <= BLACK).mean(axis=2).min(axis=0)
    edges = (luma[:, :, across] > BRIGHT).mean(axis=2) >= EDGE_SHARE
    return _bar(black, edges), _bar(black[::-1], edges[:, ::-1])


def _bar(black: np.ndarray, edges: np.ndarray) -> int:
    """Return the lines of the bar before the first line of the picture. Text may stand in it, but not at its end.

    Args:
        black: (L,) float64, least share of black pixels of each line.
        edges: (N, L) bool, lines that are bright in each picture.
    """
    lines = int(np.argmin(black >= TEXT_SHARE))  # 0 where all are
    clean = np.flatnonzero(black[:lines] >= CLEAN_SHARE)
    if not len(clean):
        return 0
    count = int(clean[-1]) + 1
    seen = edges[:, count : count + EDGE_LINES].any(axis=1).sum()
    return count if seen >= max(1, round(PROVING_SHARE * len(edges))) else 0


def _paired(low: int, high: int, length: int) -> tuple[int, int]:
    """Return the first place and the place after the last between two bars that belong together."""
    before, after = low, length - high
    if abs(before - after) > SAME_SHARE * length:
        before = after = min(before, after)
    if length - before - after < LEAST_SHARE * length:
        return 0, length
    return before, length - after
