"""The part of a video that is worked on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipeline.types.grid import GRID_FPS

ROUNDING = 1e-6
"""Frames by which a time may miss a boundary of the grid and be on it all the same: ``0.28 * 25`` is above 7."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Frames ``[first_frame, stop_frame)`` of the grid, counted from the first video frame of the file."""

    first_frame: int = 0
    """First frame; 0 includes whatever lies before the first video frame."""
    stop_frame: int | None = None
    """Frame after the last; None for all up to the end."""

    def __post_init__(self) -> None:
        if self.first_frame < 0 or (self.stop_frame is not None and self.stop_frame <= self.first_frame):
            raise ValueError(f"Excerpt: expected 0 <= first < stop, got {self.first_frame} and {self.stop_frame}")

    @classmethod
    def of(cls, start_s: float, duration_s: float) -> Excerpt:
        """Return all frames partly or wholly in *duration_s* seconds from *start_s* on; 0 seconds is to the end."""
        stop = math.ceil((start_s + duration_s) * GRID_FPS - ROUNDING) if duration_s else None
        return cls(math.floor(start_s * GRID_FPS + ROUNDING), stop)

    @property
    def is_whole(self) -> bool:
        """Return True where the excerpt is the whole file."""
        return self.first_frame == 0 and self.stop_frame is None

    @property
    def start_s(self) -> float:
        """Return its start in seconds after the first video frame; minus infinity where it begins with the file."""
        return self.first_frame / GRID_FPS if self.first_frame else -math.inf

    @property
    def end_s(self) -> float:
        """Return its end in seconds after the first video frame; infinity where it ends with the file."""
        return math.inf if self.stop_frame is None else self.stop_frame / GRID_FPS

    def holds(self, time_s: float) -> bool:
        """Return True where *time_s*, in seconds after the first video frame, lies in the excerpt."""
        return self.start_s <= time_s < self.end_s

    def length_of(self, duration_s: float) -> float:
        """Return the seconds of a picture of *duration_s* seconds that lie in the excerpt."""
        if self.stop_frame is not None and self.end_s <= duration_s:
            return (self.stop_frame - self.first_frame) / GRID_FPS
        return max(duration_s - self.first_frame / GRID_FPS, 0.0)


WHOLE_VIDEO = Excerpt()
"""All of a file, from what lies before its first video frame to its end."""
