"""Lips, jaw and the inside of a mouth, in any pose.

Along each column of the face, the heights of nose, lips, chin and neck are sent to their places in the pose, straight
lines in between. The opening between the lips is filled with teeth, tongue and dark.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from samples.portraits import Portrait
from samples.warp import Curve, along_columns, smoothstep

OPENING = 0.27
"""Height of a wide open mouth in widths of the mouth."""
UPPER_SHARE = 0.12
"""Share of an opening by which the upper lip rises; the lower lip drops by the rest."""
CHIN_SHARE = 0.62
"""Share of the lower lip's drop that the chin makes."""
CLOSED_AT = 0.45
"""Height at which the lips of a smile meet when it closes: 0 at the upper lip, 1 at the lower."""
WIDENING, NARROWING = 0.11, 0.24
"""Part of its width by which a mouth widens at spread 1 and narrows at spread -1."""
OWN_TEETH_PX = 2.0
"""Height in pixels of the portrait from which a mouth that is open there shows teeth that can be used."""

DARK_BGR = (22.0, 16.0, 34.0)
TONGUE_BGR = (62.0, 58.0, 118.0)
TEETH_BGR = (136.0, 162.0, 196.0)


@dataclass(frozen=True, slots=True)
class Warped:
    """Places of the pixels of a window in the portrait at rest, and the gap between the lips."""

    x: np.ndarray
    """(H, W) float32, pixels of the scaled portrait."""
    y: np.ndarray
    """(H, W) float32, pixels of the scaled portrait."""
    top: np.ndarray
    """(H, W): height of the upper lip's lower edge in the pixel's column, in the pose."""
    bottom: np.ndarray
    """(H, W): height of the lower lip's upper edge; the same as ``top`` where the mouth is closed."""


class Mouth:
    """Mouth of one portrait at one scale.

    Args:
        portrait: the portrait.
        scale: pixels of *source* to one of the portrait.
        source: (H, W, 3) uint8, the scaled portrait.
    """

    def __init__(self, portrait: Portrait, scale: float, source: np.ndarray) -> None:
        self._source, self._scale = source, scale
        self._upper_outer, self._upper_inner = Curve(portrait.upper_outer, scale), Curve(portrait.upper_inner, scale)
        self._lower_inner, self._lower_outer = Curve(portrait.lower_inner, scale), Curve(portrait.lower_outer, scale)
        self._chin = Curve(portrait.chin, scale)
        self._nose_y, self._neck_y = portrait.nose_y * scale, portrait.neck_y * scale
        self._left, self._right = self._upper_inner.left, self._upper_inner.right
        self._middle, self._width = (self._left + self._right) / 2, self._right - self._left
        self._rest_gap = float(self._lower_inner(self._middle) - self._upper_inner(self._middle))
        self._has_teeth = self._rest_gap > OWN_TEETH_PX * scale

    @property
    def reach_px(self) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2 of the part of the scaled portrait that ever moves with the mouth."""
        middle_y = float(self._upper_inner(self._middle))
        left, right = min(self._chin.left, self._left), max(self._chin.right, self._right)
        return left, middle_y - 1.2 * self._width, right, max(self._neck_y, middle_y + 1.2 * self._width)

    def warp(self, x: np.ndarray, y: np.ndarray, opening: float, spread: float) -> Warped:
        """Return the places on the face at rest of the pixels at (*x*, *y*) of a face in this pose.

        Args:
            x, y: (H, W) float32, pixels of the scaled portrait.
            opening: 0 closed, 1 wide open.
            spread: -1 rounded, 1 drawn wide.
        """
        x = self._unwiden(x, y, spread)
        inside = x.clip(self._left, self._right)
        upper_outer, upper_inner = self._upper_outer(inside), self._upper_inner(inside)
        lower_inner, lower_outer = self._lower_inner(inside), self._lower_outer(inside)

        gap = OPENING * self._width * opening
        lens = 1 - np.abs((inside - self._middle) / (self._width / 2)) ** 2.4
        closed = upper_inner + CLOSED_AT * (lower_inner - upper_inner)
        top = closed - UPPER_SHARE * gap * lens
        bottom = closed + (1 - UPPER_SHARE) * gap * lens

        chin = np.maximum(self._chin(x), lower_outer + 1)
        jaw = 1 - smoothstep(np.abs(x - self._middle) / ((self._chin.right - self._chin.left) / 2))
        drop = CHIN_SHARE * ((1 - UPPER_SHARE) * gap - (1 - CLOSED_AT) * self._rest_gap) * jaw
        nose = np.full_like(x, self._nose_y)
        neck = np.maximum(np.full_like(x, self._neck_y), chin + 4 * self._scale)
        at_rest = [nose, upper_outer, upper_inner, lower_inner, lower_outer, chin, neck]
        upper_edge = upper_outer + 0.75 * (top - upper_inner)
        lower_edge = lower_outer + 0.9 * (bottom - lower_inner)
        in_pose = [nose, upper_edge, top, bottom, lower_edge, chin + drop, neck]
        return Warped(x, along_columns(y, in_pose, at_rest), top, bottom)

    def fill(self, picture: np.ndarray, y: np.ndarray, warped: Warped) -> None:
        """Paint teeth, tongue and dark between the lips.

        Args:
            picture: (H, W, 3) float32 BGR, changed in place.
            y: (H, W) float32, heights that were given to :meth:`warp`.
            warped: its result for the same pixels.
        """
        x, top, bottom = warped.x, warped.top, warped.bottom
        gap, depth = bottom - top, y - top
        alpha = smoothstep(depth / 1.2 + 0.5) * smoothstep((bottom - y) / 1.2 + 0.5) * smoothstep(gap / 1.5)
        alpha = np.where((x > self._left) & (x < self._right), alpha, 0)
        if not alpha.any():
            return
        side = np.abs((x - self._middle) / (self._width / 2))
        teeth, teeth_alpha = self._teeth(x, depth, gap, side)
        tongue_alpha = 0.75 * smoothstep((depth / np.maximum(gap, 1) - 0.55) / 0.4) * (1 - smoothstep(side / 0.8))
        inner = np.full_like(picture, DARK_BGR)
        inner += tongue_alpha[..., None] * (np.array(TONGUE_BGR, np.float32) - inner)
        inner += teeth_alpha[..., None] * (0.9 * teeth - inner)
        inner *= (0.45 + 0.55 * smoothstep(depth / (0.05 * self._width)))[..., None]
        picture += alpha[..., None] * (inner - picture)

    def _unwiden(self, x: np.ndarray, y: np.ndarray, spread: float) -> np.ndarray:
        """Return the columns *x* from before the mouth became wider or narrower: (H, W) float32."""
        middle_y = float(self._upper_inner(self._middle))
        reach = np.exp(-(((x - self._middle) / (0.68 * self._width)) ** 4))
        reach *= np.exp(-(((y - middle_y) / (0.55 * self._width)) ** 2))
        widening = 1 + spread * (WIDENING if spread > 0 else NARROWING)
        return (x + (x - self._middle) * (1 / widening - 1) * reach).astype(np.float32)

    def _teeth(
        self, x: np.ndarray, depth: np.ndarray, gap: np.ndarray, side: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return colour (H, W, 3) and opacity (H, W) of the upper teeth; they keep their place when the jaw drops.

        Args:
            x: columns.
            depth: pixels below the upper lip.
            gap: pixels between the lips.
            side: 0 in the middle of the mouth, 1 at its corners.
        """
        upper = self._upper_inner(x)
        if self._has_teeth:
            at_y = (upper + depth).astype(np.float32)
            teeth = cv2.remap(self._source, x, at_y, cv2.INTER_LINEAR).astype(np.float32)
            length = self._lower_inner(x) - upper - self._scale
        else:
            teeth = np.full((*x.shape, 3), TEETH_BGR, np.float32) * (1 - 0.45 * smoothstep(side / 0.6))[..., None]
            corners = [self._left, self._right]
            line = np.interp(x, corners, [float(self._upper_inner(corner)) for corner in corners])
            arch = np.sqrt((1 - (side / 0.8) ** 2).clip(0, 1))
            length = line - upper + np.minimum(self._width * (0.03 + 0.045 * arch), 0.45 * gap)
        return teeth, smoothstep((length - depth) / 1.5 + 0.5) * (1 - smoothstep((side - 0.5) / 0.3))
