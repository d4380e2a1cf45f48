"""The picture of a face that the speaker networks read: the published recipe, to the pixel. Pure.

Recipe and constants are those of TalkNet-ASD's demo (github.com/TaoRuijie/TalkNet-ASD), itself after
github.com/joonson/syncnet_python: a median over 13 frames of the face's centre and half side, a margin of 0.4, grey
110 outside the picture, 224x224, of which the grey middle 112x112 is read. Two faults are not kept: the median does
not pad with zeros, and no lossy file lies between.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import median_filter

CROP_PX = 112
"""Side of the square that the networks read."""

FULL_PX = 224
"""Side of the square that it is the middle of."""

BORDER_GREY = 110


def smooth_path(boxes_px: np.ndarray, window: int) -> np.ndarray:
    """Smooth centre and half side of a face over time by a median whose ends repeat the first and last value.

    Args:
        boxes_px: (F, 4) x1, y1, x2, y2 of consecutive frames.
        window: frames of the median; odd.

    Returns:
        (F, 3) float64: centre x, centre y, half of the longer side.
    """
    boxes = np.asarray(boxes_px, np.float64)
    path = np.empty((len(boxes), 3))
    path[:, 0] = (boxes[:, 0] + boxes[:, 2]) / 2
    path[:, 1] = (boxes[:, 1] + boxes[:, 3]) / 2
    path[:, 2] = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) / 2
    return median_filter(path, size=(window, 1), mode="nearest")


def face_square(picture: np.ndarray, center_px: tuple[float, float], half_px: float, crop_scale: float) -> np.ndarray:
    """Return the square around a face with its margin, which is larger below the face than above.

    Args:
        picture: (H, W, 3) uint8.
        center_px: x and y of the face's centre in pixels of *picture*.
        half_px: half of its side.
        crop_scale: the margin, in half sides.

    Returns:
        (224, 224, 3) uint8; grey 110 where the square reaches outside the picture.
    """
    pad = int(half_px * (1 + 2 * crop_scale))
    x, y = center_px[0] + pad, center_px[1] + pad
    top, bottom = int(y - half_px) - pad, int(y + half_px * (1 + 2 * crop_scale)) - pad
    left, right = int(x - half_px * (1 + crop_scale)) - pad, int(x + half_px * (1 + crop_scale)) - pad
    cut = cut_out(picture, top, max(bottom, top + 1), left, max(right, left + 1))
    return cv2.resize(cut, (FULL_PX, FULL_PX))


def model_crop(picture: np.ndarray, center_px: tuple[float, float], half_px: float, crop_scale: float) -> np.ndarray:
    """Return (112, 112) uint8 grey: the middle of `face_square`."""
    edge = (FULL_PX - CROP_PX) // 2
    middle = face_square(picture, center_px, half_px, crop_scale)[edge : edge + CROP_PX, edge : edge + CROP_PX]
    return cv2.cvtColor(middle, cv2.COLOR_BGR2GRAY)


def cut_out(picture: np.ndarray, top: int, bottom: int, left: int, right: int) -> np.ndarray:
    """Return ``picture[top:bottom, left:right]`` of a picture (H, W, 3) uint8, with grey where it reaches outside."""
    height, width = picture.shape[:2]
    if top >= 0 and left >= 0 and bottom <= height and right <= width:
        return picture[top:bottom, left:right]
    out = np.full((bottom - top, right - left, 3), BORDER_GREY, np.uint8)
    y1, y2 = max(top, 0), min(bottom, height)
    x1, x2 = max(left, 0), min(right, width)
    if y1 < y2 and x1 < x2:
        out[y1 - top : y2 - top, x1 - left : x2 - left] = picture[y1:y2, x1:x2]
    return out
