"""Pictures of an upright video: the source in the windows of a framing, on top of each other or before a ground."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from pipeline.framing.plan import CameraPath, FramingPlan, Run
from pipeline.render.cut import crop

GROUND_SHARE = 12
"""Pixels of the upright video to one of the small copy in which its ground is blurred."""

GROUND_SIGMA = 2.5
"""Blur of the ground, in pixels of the small copy: nothing in it can be made out."""

GROUND_LIGHT = 0.45
"""Light of the ground, as a share of the picture's: the eye goes to the picture."""

STILL_PX = 1e-6
"""Difference below which two windows are the same."""


class Panels:
    """Draws the pictures of a plan.

    Args:
        plan: the framing; its windows lie inside the source's picture.
    """

    def __init__(self, plan: FramingPlan) -> None:
        self._plan = plan
        self._run: Run | None = None
        self._paths: list[CameraPath] = []

    def draw(self, picture: np.ndarray, run: Run, place: float) -> np.ndarray:
        """Return the upright picture.

        Args:
            picture: (H, W, 3) uint8 BGR of the source, as displayed.
            run: its framing.
            place: of the picture, in grid frames.

        Returns:
            (height, width, 3) uint8 BGR, which may be a view of *picture*.
        """
        plan, size_px = self._plan, self._plan.panel_size_px(run.mode)
        if run is not self._run:
            self._run = run
            self._paths = [on_whole_pixels(panel.path, size_px) for panel in run.panels]
        x1, y1, x2, y2 = plan.content_px
        content = picture[y1:y2, x1:x2]
        windows = [window_of(path, place, size_px) - (x1, y1, x1, y1) for path in self._paths]
        panels = [crop(content, window, size_px) for window in windows]
        if run.mode == "wide":
            return _on_ground(panels[0], content, plan)
        return panels[0] if len(panels) == 1 else np.concatenate(panels)


def window_of(path: CameraPath, place: float, size_px: tuple[int, int]) -> np.ndarray:
    """Return (4,) float64 x1, y1, x2, y2 of a panel's window in source pixels: of the shape of *size_px*."""
    x, y, height = path.at(place)
    width = height * size_px[0] / size_px[1]
    if abs(height - size_px[1]) < 0.5:
        width, height = size_px  # pixel for pixel, and no resampling by a hair
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])


def on_whole_pixels(path: CameraPath, size_px: tuple[int, int]) -> CameraPath:
    """Return the path with each of its standing windows moved to begin on a whole pixel of the source.

    A picture that stands still is then sampled at the same places, and most cheaply. Between two stands the camera
    moves as before, with the small corrections of both blended: it does not jump as it stops.
    """
    corners = np.stack([window_of(path, place, size_px)[:2] for place in path.frame])
    off = np.rint(corners) - corners
    still = np.zeros(len(corners), bool)
    still[[0, -1]] = True
    for number, (before, after) in enumerate(pairwise(path.window)):
        if np.abs(after - before).max() < STILL_PX:
            still[number : number + 2] = True
    at = np.flatnonzero(still)
    window = path.window.astype(np.float64)
    for axis in (0, 1):
        window[:, axis] += np.interp(path.frame, path.frame[at], off[at, axis])
    return CameraPath(path.frame, window)


def _on_ground(picture: np.ndarray, content: np.ndarray, plan: FramingPlan) -> np.ndarray:
    """Return *picture* in the middle of the upright picture, before the content blurred and darkened, or black."""
    width, height = plan.size_px
    if plan.background == "black":
        ground = np.zeros((height, width, 3), np.uint8)
    else:
        small = max(width // GROUND_SHARE, 2), max(height // GROUND_SHARE, 2)
        blurred = cv2.GaussianBlur(_middle(content, small), (0, 0), GROUND_SIGMA)
        dark = cv2.convertScaleAbs(blurred, alpha=GROUND_LIGHT)
        ground = np.asarray(cv2.resize(dark, (width, height), interpolation=cv2.INTER_CUBIC))
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    ground[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return ground


def _middle(content: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """Return the largest middle part of a picture of the shape of *size_px*, at that size."""
    height, width = content.shape[:2]
    share = min(width / size_px[0], height / size_px[1])
    across, down = max(int(size_px[0] * share), 1), max(int(size_px[1] * share), 1)
    left, top = (width - across) // 2, (height - down) // 2
    part = np.ascontiguousarray(content[top : top + down, left : left + across])
    return np.asarray(cv2.resize(part, size_px, interpolation=cv2.INTER_AREA))
