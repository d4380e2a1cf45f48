"""Tracks and crops from faces as the published demos make them: a yardstick for ``benchmarks.baseline``.

Written from a description of the demos, with their constants; faults that would stop it are left out. One box after
another in plain Python, a whole picture padded for every crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.signal import medfilt

from pipeline.vision.crops import BORDER_GREY, FULL_PX

MIN_IOU = 0.5
MAX_GAP = 10
MIN_TRACK = 10
MIN_FACE_PX = 1.0
MEDIAN_FRAMES = 13
CROP_SCALE = 0.4


@dataclass(frozen=True, slots=True)
class OldTrack:
    """Track of a face through one shot."""

    frames: np.ndarray
    """(F,) consecutive frame numbers."""
    boxes_px: np.ndarray
    """(F, 4) x1, y1, x2, y2."""

    def path(self) -> np.ndarray:
        """Return (F, 3): centre x and y and half the longer side, each through a median filter padded with zeros."""
        boxes = self.boxes_px
        half = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) / 2
        middles = ((boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2)
        return np.stack([medfilt(row, MEDIAN_FRAMES) for row in (*middles, half)], axis=1)


def old_tracks(faces: Sequence[np.ndarray], first_frame: int) -> list[OldTrack]:
    """Join faces to the tracks of one shot: greedy, first fit.

    Args:
        faces: (N, 4) boxes of each frame of the shot.
        first_frame: number of its first frame.
    """
    left = [list(boxes) for boxes in faces]
    tracks = []
    while any(left):
        begun: list[tuple[int, np.ndarray]] = []
        for offset, boxes in enumerate(left):
            if not begun:
                if boxes:
                    begun.append((offset, boxes.pop(0)))
                continue
            if offset - begun[-1][0] > MAX_GAP:
                break
            for place, box in enumerate(boxes):
                if _iou(begun[-1][1], box) > MIN_IOU:
                    begun.append((offset, boxes.pop(place)))
                    break
        if len(begun) > MIN_TRACK:
            track = _filled(begun, first_frame)
            sides = track.boxes_px[:, 2:] - track.boxes_px[:, :2]
            if sides.mean(axis=0).max() > MIN_FACE_PX:
                tracks.append(track)
    return tracks


def _filled(found: Sequence[tuple[int, np.ndarray]], first_frame: int) -> OldTrack:
    """Return the track with interpolated boxes on the frames between two faces."""
    at = np.array([offset for offset, _ in found])
    boxes = np.array([box for _, box in found])
    frames = np.arange(at[0], at[-1] + 1)
    return OldTrack(frames + first_frame, np.stack([np.interp(frames, at, edge) for edge in boxes.T], axis=1))


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    width = max(min(one[2], other[2]) - max(one[0], other[0]), 0.0)
    height = max(min(one[3], other[3]) - max(one[1], other[1]), 0.0)
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return width * height / (areas - width * height)


def old_crop(picture: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Cut the face at *place* (x, y, half side) from a (H, W, 3) *picture* padded on all sides: (224, 224, 3) uint8."""
    x, y, half = place
    pad = int(half * (1 + 2 * CROP_SCALE))
    padded = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), constant_values=BORDER_GREY)
    top, bottom = int(y + pad - half), int(y + pad + half * (1 + 2 * CROP_SCALE))
    left, right = int(x + pad - half * (1 + CROP_SCALE)), int(x + pad + half * (1 + CROP_SCALE))
    return cv2.resize(padded[max(top, 0) : max(bottom, 1), max(left, 0) : max(right, 1)], (FULL_PX, FULL_PX))
