"""Pictures of coloured disks in the place of faces, which can be measured by their colour."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

RED, BLUE, GREEN = (40, 40, 220), (220, 60, 40), (40, 200, 40)
GROUND = (128, 128, 128)

Disk = tuple[float, float, float]
"""Centre x, centre y and radius in pixels."""


def disks(size_px: tuple[int, int], places: Mapping[tuple[int, int, int], Disk], ground: object = GROUND) -> np.ndarray:
    """(H, W, 3) uint8 BGR picture with a disk of each colour, drawn to a sixteenth of a pixel."""
    picture = np.full((size_px[1], size_px[0], 3), ground, np.uint8)
    for colour, (x, y, radius) in places.items():
        centre = round((x - 0.5) * 16), round((y - 0.5) * 16)
        cv2.circle(picture, centre, round(radius * 16), colour, -1, cv2.LINE_AA, 4)
    return picture


def disk_in(picture: np.ndarray, colour: tuple[int, int, int]) -> Disk | None:
    """The disk of a colour in a picture: its centroid, to a fraction of a pixel, and its radius; None: not there."""
    strongest = int(np.argmax(colour))
    others = [channel for channel in range(3) if channel != strongest]
    pixels = picture.astype(float)
    weight = np.clip((pixels[..., strongest] - pixels[..., others].max(axis=2)) / 120, 0, 1)
    weight[weight < 0.2] = 0
    if weight.sum() < 4:
        return None
    ys, xs = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    x, y = (float((weight * at).sum() / weight.sum()) for at in (xs, ys))
    return x, y, float(np.sqrt(weight.sum() / np.pi))
