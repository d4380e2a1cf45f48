"""Views of a face, spread evenly over its track and chosen before its end is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.vision.crops import cut_out

MAX_SAMPLES = 32
"""Pictures kept of one track, 5 MB: enough to find where one face turns into another."""

FIRST_STEP_FRAMES = 5
"""Frames from one sample to the next in a short track; twice as many each time that the samples become too many."""

VIEW_PX = 224
"""Side of the picture that is kept: the face fills half of it, as large as the network of identity reads it."""

VIEW_SIDES = 2.0
"""Side of that square around the face, in longer sides of the face."""


@dataclass(frozen=True, slots=True)
class FaceView:
    """The surroundings of a face on one frame, at one size."""

    picture: np.ndarray
    """(224, 224, 3) uint8 BGR; grey where it reaches outside the frame."""
    box_px: np.ndarray
    """(4,) float32 x1, y1, x2, y2 of the face in that picture."""


@dataclass(frozen=True, slots=True)
class SampledTrack:
    """The views that were kept of a track which has ended."""

    first_frame: int
    stop_frame: int
    """The frame after its last."""
    frames: Sequence[int]
    """Of the views; ascending, evenly spread."""
    views: Sequence[FaceView]


class FaceSamples:
    """Up to `MAX_SAMPLES` views of one face, taken as its frames come.

    Args:
        first_frame: of the track.
    """

    def __init__(self, first_frame: int) -> None:
        self._step = FIRST_STEP_FRAMES
        self._next = first_frame + self._step // 2
        self.frames: list[int] = []
        """Of the views; ascending."""
        self.views: list[FaceView] = []
        """In order of time."""

    def offer(self, frame: int, picture: np.ndarray, box_px: np.ndarray) -> None:
        """Keep a copy of the face if it is this frame's turn.

        Args:
            frame: its number; ascending.
            picture: (H, W, 3) uint8 BGR.
            box_px: (4,) x1, y1, x2, y2 of the face, in pixels of *picture*.
        """
        if frame != self._next:
            return
        if len(self.views) == MAX_SAMPLES:
            self.frames, self.views = self.frames[::2], self.views[::2]
            self._step *= 2
        self.frames.append(frame)
        self.views.append(view_of(picture, box_px))
        self._next = frame + self._step


def view_of(picture: np.ndarray, box_px: np.ndarray) -> FaceView:
    """Copy the face at *box_px* (4,) of *picture* (H, W, 3) uint8, with what is around it."""
    x1, y1, x2, y2 = np.asarray(box_px, float).tolist()
    side = max(round(VIEW_SIDES * max(x2 - x1, y2 - y1)), 1)
    left, top = round((x1 + x2 - side) / 2), round((y1 + y2 - side) / 2)
    cut = cut_out(picture, top, top + side, left, left + side)
    method = cv2.INTER_AREA if side > VIEW_PX else cv2.INTER_LINEAR
    view = cv2.resize(cut, (VIEW_PX, VIEW_PX), interpolation=method)
    factor = VIEW_PX / side
    box = np.array([x1 - left, y1 - top, x2 - left, y2 - top], np.float32) * np.float32(factor)
    return FaceView(view, box)
