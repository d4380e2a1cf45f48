"""Faces that were seen and are in no track: they say of a moment that somebody was there."""

from __future__ import annotations

import numpy as np

NEAR_FRAMES = 10
"""Stretches that are closer than this are one."""

MAX_STRETCHES = 100_000
"""Stretches kept, a megabyte; of a video with more the last go on to its end."""


class UnkeptFaces:
    """Stretches in which a face was seen that is in no track; those of one cause that meet are one."""

    def __init__(self) -> None:
        self._stretches: list[list[int]] = []
        self._last: dict[int, list[int]] = {}

    def add(self, first_frame: int, stop_frame: int, cause: int) -> None:
        """Add the frames on which a face was in view, and why it is in no track. Stretches come in order of their
        end."""
        last = self._last.get(cause)
        full = len(self._stretches) >= MAX_STRETCHES
        if last is not None and (full or first_frame <= last[1] + NEAR_FRAMES):
            last[:2] = min(last[0], first_frame), max(last[1], stop_frame)
            return
        self._last[cause] = [first_frame, stop_frame, cause]
        self._stretches.append(self._last[cause])

    def table(self) -> np.ndarray:
        """Return (K, 3) int32: first frame, frame after the last, cause; in order."""
        return np.array(sorted(self._stretches), np.int32).reshape(-1, 3)
