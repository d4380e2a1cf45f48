"""A portrait that moves: head, eyelids, jaw and lips, by one backward warp for each picture.

The head's sway moves the pixels around the face, then the mouth bends its part of them (:mod:`samples.lips`), then
the eyelids are drawn. Everything is a function of the pose, so the same poses give the same pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from samples.lips import Mouth
from samples.portraits import Eye, Portrait, picture_of
from samples.warp import Curve, smoothstep

HEAD_FADE = 0.45
"""Width of the rim around the head over which its sway fades out, in half axes of its ellipse."""
SWAY_MARGIN = 0.06
"""Widths of the face by which the parts that move may be displaced by the head's sway."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Pose of a face at one instant."""

    opening: float = 0.0
    """0 mouth closed, 1 wide open."""
    spread: float = 0.0
    """-1 lips rounded, 1 drawn wide."""
    blink: float = 0.0
    """0 eyes open, 1 shut."""
    shift_x: float = 0.0
    """Sway of the head to the right, in widths of the face."""
    shift_y: float = 0.0
    """Sway of the head downwards, in widths of the face."""
    roll_deg: float = 0.0
    """Tilt of the head, clockwise."""


@dataclass(frozen=True, slots=True)
class View:
    """Scale at which a portrait is shown, and the part of it that is."""

    scale: float
    """Pixels of the picture to one of the portrait."""
    center: tuple[float, float]
    """Point of the portrait in the middle of the picture."""
    size: tuple[int, int]
    """Width and height of the picture."""


class Face:
    """One portrait in one view, ready to be drawn in any pose.

    Raises:
        ModuleNotFoundError, ValueError: those of :func:`samples.portraits.picture_of`.
    """

    def __init__(self, portrait: Portrait, view: View) -> None:
        width, height = view.size
        scale = view.scale
        self._left, self._top = view.center[0] * scale - width / 2, view.center[1] * scale - height / 2
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        self._source = cv2.resize(picture_of(portrait), None, fx=scale, fy=scale, interpolation=how)
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        self._x, self._y = columns + self._left, rows + self._top
        x1, y1, x2, y2 = (value * scale for value in portrait.face_px)
        self._face_px, self._face_width, self._face_center = (x1, y1, x2, y2), x2 - x1, ((x1 + x2) / 2, (y1 + y2) / 2)
        center_x, center_y, half_width, half_height = (value * scale for value in portrait.head)
        radius = np.hypot((self._x - center_x) / half_width, (self._y - center_y) / half_height)
        self._head_weight = 1 - smoothstep((radius - 1) / HEAD_FADE)
        self._mouth = Mouth(portrait, scale, self._source)
        self._mouth_window = self._window(*self._mouth.reach_px)
        self._lids = [_Lid(eye, scale, self._source) for eye in portrait.eyes]
        self._lid_windows = [self._window(*lid.reach_px) for lid in self._lids]

    def draw(self, pose: Pose) -> np.ndarray:
        """Draw the picture in this pose, (height, width, 3) uint8 BGR."""
        x, y = self._still_head(pose)
        source_x, source_y = x.copy(), y.copy()
        window = self._mouth_window
        warped = self._mouth.warp(x[window], y[window], pose.opening, pose.spread)
        source_x[window], source_y[window] = warped.x, warped.y
        picture = cv2.remap(self._source, source_x, source_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        picture = picture.astype(np.float32)
        self._mouth.fill(picture[window], y[window], warped)
        if pose.blink > 0:
            for lid, window in zip(self._lids, self._lid_windows, strict=True):
                lid.draw(picture[window], x[window], y[window], pose.blink)
        return picture.round().clip(0, 255).astype(np.uint8)

    def box_px(self, pose: Pose) -> tuple[float, float, float, float]:
        """Return x1, y1, x2, y2 of the face in the picture of this pose: it moves with the head and keeps its size."""
        right = pose.shift_x * self._face_width - self._left
        down = pose.shift_y * self._face_width - self._top
        x1, y1, x2, y2 = self._face_px
        return x1 + right, y1 + down, x2 + right, y2 + down

    def _window(self, x1: float, y1: float, x2: float, y2: float) -> tuple[slice, slice]:
        """Return the rows and columns of the picture that can show a part of the portrait, however the head sways."""
        margin = SWAY_MARGIN * self._face_width
        height, width = self._x.shape
        rows = np.clip(np.rint([y1 - margin - self._top, y2 + margin - self._top]), 0, height).astype(int)
        columns = np.clip(np.rint([x1 - margin - self._left, x2 + margin - self._left]), 0, width).astype(int)
        return slice(*rows), slice(*columns)

    def _still_head(self, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """Return x and y of each pixel on the head at rest, (H, W) float32 each, in pixels of the scaled portrait."""
        center_x, center_y = self._face_center
        dx = self._x - center_x - pose.shift_x * self._face_width
        dy = self._y - center_y - pose.shift_y * self._face_width
        cos, sin = np.cos(np.radians(pose.roll_deg)), np.sin(np.radians(pose.roll_deg))
        rest_x, rest_y = center_x + cos * dx + sin * dy, center_y - sin * dx + cos * dy
        weight = self._head_weight
        x, y = self._x + weight * (rest_x - self._x), self._y + weight * (rest_y - self._y)
        return x.astype(np.float32), y.astype(np.float32)


class _Lid:
    """Upper lid of one eye."""

    def __init__(self, eye: Eye, scale: float, source: np.ndarray) -> None:
        self._upper, self._lower, self._scale = Curve(eye.upper, scale), Curve(eye.lower, scale), scale
        x, y = (round(value * scale) for value in eye.skin_at)
        reach = max(1, round(1.5 * scale))
        self._skin_bgr = source[y - reach : y + reach + 1, x - reach : x + reach + 1].mean((0, 1))
        heights = [value for _, value in (*eye.upper, *eye.lower)]
        self.reach_px = (
            self._upper.left,
            (min(heights) - 4) * scale,
            self._upper.right,
            (max(heights) + 4) * scale,
        )
        """x1, y1, x2, y2 of the area that it may cover, in pixels of the scaled portrait."""

    def draw(self, picture: np.ndarray, x: np.ndarray, y: np.ndarray, blink: float) -> None:
        """Draw the lid, with the lashes as its dark rim, over *picture*, (H, W, 3) float32 whose pixels are x, y."""
        top, bottom = self._upper(x), self._lower(x)
        rim = top + blink * (bottom - top)
        across = smoothstep((x - self._upper.left) / 2) * smoothstep((self._upper.right - x) / 2)
        lid = smoothstep((y - top) / (3 * self._scale) + 0.7) * smoothstep((rim - y) / 1.2 + 0.5) * across
        shade = 0.94 - 0.12 * ((y - top) / np.maximum(bottom - top, 1)).clip(0, 1)
        picture += lid[..., None] * (self._skin_bgr * shade[..., None] - picture)
        lashes = 0.45 * across * np.exp(-(((y - rim) / (0.7 * self._scale)) ** 2)) * smoothstep(3 * blink)
        picture -= lashes[..., None] * picture
