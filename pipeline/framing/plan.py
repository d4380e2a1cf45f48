"""The plan of an upright video: which part of the picture is shown when, in which mode, and why. Values alone.

    FramingPlan -> runs, one after another without a gap -> panels -> the path of a camera

Times are frames of the 25 fps grid; places are pixels of the source as it is displayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.types import GRID_FPS

Mode = Literal["follow", "pair", "split", "wide", "centre"]
"""Picture of a run: ``follow`` one person; ``pair``, two persons in one window; ``split``, two panels, the left person
on top; ``wide``, the whole picture before itself, blurred and darkened, or before black; ``centre``, the middle of the
picture, where the settings want that rather than ``wide``."""

Tier = Literal["speaker model", "lip motion", "largest face", "none"]
"""Evidence by which a run chose whom to show; ``none`` where there is no face."""

Begin = Literal["start", "cut", "turn", "pan"]
"""Why a run begins: the video does, the source cuts, we cut to somebody else, or the camera pans there."""

Background = Literal["blur", "black"]


@dataclass(frozen=True, slots=True)
class CameraPath:
    """Windows of one panel. Before the first key and after the last the window stands still, in between it is
    interpolated linearly; a path of one key stands still."""

    frame: np.ndarray
    """(K,) float64 ascending: places of the keys in grid frames; whole ones are the middles of grid frames."""
    window: np.ndarray
    """(K, 3) float64: centre x, centre y and height of the window. Its width follows from the panel's shape."""

    def __post_init__(self) -> None:
        if not len(self.frame) or self.window.shape != (len(self.frame), 3):
            raise ValueError(f"CameraPath: expected (K,) and (K, 3), got {self.frame.shape} and {self.window.shape}")
        if (np.diff(self.frame) <= 0).any():
            raise ValueError("CameraPath.frame: expected ascending places")

    def at(self, place: float) -> tuple[float, float, float]:
        """Return centre x, centre y and height at a place in grid frames."""
        x, y, height = (float(np.interp(place, self.frame, self.window[:, column])) for column in range(3))
        return x, y, height


@dataclass(frozen=True, slots=True)
class Panel:
    """Part of the upright picture that has a camera of its own: all of it, or the upper or the lower half."""

    persons: tuple[int, ...]
    """Persons it shows, left to right; empty for ``wide`` without a face and for ``centre``."""
    path: CameraPath


@dataclass(frozen=True, slots=True)
class Run:
    """Stretch of one framing: the same persons in the same mode, within one shot of the source."""

    first: int
    """First grid frame."""
    stop: int
    """Grid frame after its last."""
    mode: Mode
    panels: tuple[Panel, ...]
    """One, and two for ``split``: the upper first."""
    begin: Begin
    tier: Tier
    speaker: int | None
    """Number of the speaker for whose sake it is; None where nobody in view speaks."""
    reason: str
    """Why it is framed so, for people."""

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.stop:
            raise ValueError(f"Run: expected frames from 0, ascending, got {self.first} to {self.stop}")
        if len(self.panels) != (2 if self.mode == "split" else 1):
            raise ValueError(f"Run: {self.mode} has not {len(self.panels)} panels")


@dataclass(frozen=True, slots=True)
class FramingPlan:
    """Framing of a whole video, or of an excerpt."""

    picture_px: tuple[int, int]
    """Width and height of the source as displayed."""
    size_px: tuple[int, int]
    """Width and height of the upright video, both even."""
    content_px: tuple[int, int, int, int]
    """x1, y1, x2, y2 of the source's picture without black bars: nothing beyond it is shown."""
    background: Background
    """Ground behind the picture of ``wide`` runs."""
    runs: tuple[Run, ...]
    """In order, each from where the one before stops."""
    notes: tuple[str, ...] = ()
    """Remarks for people on the plan as a whole."""

    def __post_init__(self) -> None:
        if not self.runs:
            raise ValueError("FramingPlan: expected at least one run")
        for before, after in zip(self.runs, self.runs[1:], strict=False):
            if before.stop != after.first:
                raise ValueError(f"FramingPlan: expected a run from frame {before.stop}, got one from {after.first}")

    def panel_size_px(self, mode: Mode) -> tuple[int, int]:
        """Return width and height of a panel of the upright video. The picture of ``wide`` has the content's shape."""
        width, height = self.size_px
        if mode == "split":
            return width, height // 2
        if mode == "wide":
            x1, y1, x2, y2 = self.content_px
            share = min(width / (x2 - x1), height / (y2 - y1))
            return _even((x2 - x1) * share, width), _even((y2 - y1) * share, height)
        return width, height

    @property
    def span_s(self) -> tuple[float, float]:
        """Start and end in seconds after the first video frame."""
        return self.runs[0].first / GRID_FPS, self.runs[-1].stop / GRID_FPS


def _even(length: float, most: int) -> int:
    return min(max(round(length / 2) * 2, 2), most)
