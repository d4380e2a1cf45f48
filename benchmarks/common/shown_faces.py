"""Faces of a source found again in an upright video made of it, by their very pixels.

A face is cut out of the source's picture and looked for in the upright one of the same instant, at any place and at the
sizes that a camera may give it. Whoever is found so is shown whole; that needs no detector, confuses nobody with
somebody alike, and knows no plan.
"""

from __future__ import annotations

import cv2
import numpy as np

WIDTH_PX = 270
"""Width at which upright pictures are looked at."""

FOUND = 0.8
"""Least correlation of a face with its picture."""

MAX_ZOOM = 2.5
"""Largest magnification looked for, over that at which the source's height fills the upright video's."""

STEP = 1.06
"""Ratio of two neighbouring magnifications."""

MIN_SIDE_PX = 10
"""Smallest face that is looked for, in pixels of the upright picture as it is looked at."""


class FaceFinder:
    """Looks for faces of a source's pictures in upright ones.

    Args:
        source_px: width and height of the source's pictures.
        upright_px: those of the upright video.
    """

    def __init__(self, source_px: tuple[int, int], upright_px: tuple[int, int]) -> None:
        height = round(upright_px[1] * WIDTH_PX / upright_px[0])
        self._size = (WIDTH_PX, height)
        least, most = WIDTH_PX / source_px[0] / STEP, MAX_ZOOM * height / source_px[1]
        self._scales = np.geomspace(least, most, int(np.ceil(np.log(most / least) / np.log(STEP))) + 1)
        self._last: int | None = None

    def small(self, upright: np.ndarray) -> np.ndarray:
        """Return an upright picture (H, W, 3) uint8 as `find` looks at it."""
        return cv2.cvtColor(cv2.resize(upright, self._size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)

    def find(self, small: np.ndarray, source: np.ndarray, box_px: np.ndarray) -> bool:
        """Return True where a face of the source is shown whole.

        Args:
            small: an upright picture, as `small` gives it.
            source: (H, W, 3) uint8 picture of the same instant.
            box_px: (4,) the face in it: x1, y1, x2, y2.
        """
        x1, y1, x2, y2 = np.clip(np.round(box_px), 0, (source.shape[1], source.shape[0]) * 2).astype(int)
        if x2 - x1 < 2 or y2 - y1 < 2:
            return False
        face = cv2.cvtColor(source[y1:y2, x1:x2], cv2.COLOR_BGR2GRAY)
        order = np.arange(len(self._scales))
        if self._last is not None:
            order = order[np.argsort(np.abs(order - self._last), kind="stable")]
        for k in order.tolist():
            if self._correlation(small, face, float(self._scales[k])) >= FOUND:
                self._last = k
                return True
        return False

    @staticmethod
    def _correlation(small: np.ndarray, face: np.ndarray, scale: float) -> float:
        width, height = round(face.shape[1] * scale), round(face.shape[0] * scale)
        if min(width, height) < MIN_SIDE_PX or width > small.shape[1] or height > small.shape[0]:
            return -1.0
        shown = cv2.resize(face, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        return float(cv2.matchTemplate(small, shown, cv2.TM_CCOEFF_NORMED).max())
