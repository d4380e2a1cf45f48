"""Camera windows in a clip's own frames: framed on the grid, then interpolated to the source's rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from config import Config
from pipeline.framing.clock import GRID_RATE, certainly_before, certainly_from, grid_span, on_grid_scale
from pipeline.framing.path import face_windows
from pipeline.framing.styles import STYLES, clip_size_px
from pipeline.types import ScoredTracks


@dataclass(frozen=True, slots=True)
class Camera:
    """The camera of all clips of a video."""

    style: str
    picture_px: tuple[int, int]
    """Width and height of the source."""
    size_px: tuple[int, int]
    """Width and height of the clips."""
    rate: Fraction
    """Frames a second of the clips."""
    scale: float
    """Margin around the face, in half sides."""
    smooth_frames: int
    """Window of the median that takes out outliers, in grid frames."""

    @classmethod
    def of(cls, config: Config, picture_px: tuple[int, int], rate: Fraction) -> Camera:
        """Return the camera that the settings ask for."""
        style = config.CLIP_STYLE
        size_px = clip_size_px(style, picture_px, config.CLIP_SIZE)
        scale = config.CLIP_SCALE
        if isinstance(scale, str):
            scale = STYLES[style].scale if style in STYLES else 0.0
        return cls(style, picture_px, size_px, rate, scale, config.SMOOTH_FRAMES)

    def windows(
        self, tracks: ScoredTracks, speaking: Sequence[int], first: int, stop: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the windows that the camera shows on frames ``[first, stop)`` of the clips' rate.

        Args:
            tracks: the faces of the video.
            speaking: tracks of the speaker, the one that holds most of the sentence first.
            first, stop: the clip.

        Returns:
            (F, 4) float32 x1, y1, x2, y2 in source pixels; and (F,) bool, whether the face is in view.
        """
        begin, end = grid_span(first, stop, self.rate, tracks.frame_count)
        if self.rate != GRID_RATE:
            begin, end = max(begin - 1, 0), min(end + 1, tracks.frame_count)
        windows, seen = face_windows(
            tracks,
            speaking,
            begin,
            end - begin,
            picture_px=self.picture_px,
            size_px=self.size_px,
            style=STYLES.get(self.style, STYLES["face"]),
            scale=self.scale,
            smooth_frames=self.smooth_frames,
        )
        if self.style == "full":
            windows = np.tile(np.array([0, 0, *self.picture_px], np.float32), (len(windows), 1))
        if self.rate == GRID_RATE:
            return windows, seen
        at = on_grid_scale(first, stop, self.rate)
        nearest = np.clip(np.floor(at + 0.5).astype(int), begin, end - 1)
        return _carried_over(windows, begin, end, at, nearest, tracks.shot_starts), seen[nearest - begin]

    def grid_span(self, first: int, stop: int, grid_frames: int) -> tuple[int, int]:
        """Return the grid frames that frames ``[first, stop)`` of a clip touch."""
        return grid_span(first, stop, self.rate, grid_frames)

    def open_cuts(self, shot_starts: np.ndarray, first: int, stop: int) -> tuple[tuple[int, int], ...]:
        """Return `ClipPlan.cuts` of a clip of frames ``[first, stop)``."""
        found = []
        if self.rate != GRID_RATE and self.style != "full":
            for cut in shot_starts.tolist():
                old, new = certainly_before(cut, self.rate) - 1 - first, certainly_from(cut, self.rate) - first
                if old >= 0 and new < stop - first and new - old > 1:
                    found.append((old, new))
        return tuple(found)


def _carried_over(
    windows: np.ndarray, begin: int, end: int, at: np.ndarray, nearest: np.ndarray, shot_starts: np.ndarray
) -> np.ndarray:
    """Interpolate windows linearly at *at*, in grid frames, within each shot; return (F, 4) float32."""
    out = np.empty((len(at), 4), np.float32)
    edges = [begin, *shot_starts[(shot_starts > begin) & (shot_starts < end)].tolist(), end]
    for low, high in pairwise(edges):
        here = (nearest >= low) & (nearest < high)
        known = np.arange(low, high)
        for column in range(4):
            out[here, column] = np.interp(at[here], known, windows[low - begin : high - begin, column])
    return out
