"""Settings of the framing of an upright video, and the presets of its camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PresetName = Literal["calm", "normal", "close"]

Fallback = Literal["wide", "centre", "bars"]
"""Picture where no crop fits: the whole picture before itself, blurred; the middle of it; the whole before black."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Calm of a camera. Lengths are in widths of its window, times in grid frames."""

    least_face: float
    """Height of the face as a share of the window's up to which the window zooms in on a smaller one."""
    dead_zone: float
    """Distance of the face from the middle that does not move the camera."""
    max_speed: float
    """A second."""
    max_acceleration: float
    """A second, a second."""
    hold_frames: int
    """Shortest run that a cut of ours begins or ends."""
    cut_cost: float
    """Frames of showing somebody who is silent that are worth a cut."""


PRESETS: dict[PresetName, Preset] = {
    "calm": Preset(0.16, 0.16, 0.4, 1.0, 50, 12.0),
    "normal": Preset(0.16, 0.12, 0.6, 1.5, 30, 6.0),
    "close": Preset(0.26, 0.12, 0.6, 1.5, 30, 6.0),
}
"""``normal``: the camera of the literature on reframing, as an operator would work it. ``calm`` cuts and moves less.
``close`` zooms in on small faces. Set by rule, not fitted to data."""


@dataclass(frozen=True, slots=True)
class FramingOptions:
    """Wishes of the user."""

    preset: PresetName = "normal"
    fallback: Fallback = "wide"
    max_enlarged: float = 2.0
    """Pixels of the upright video that a pixel of the source may become for the sake of a small face."""
    max_split_share: float = 0.5
    """Greatest share of the video in two panels."""

    @property
    def camera(self) -> Preset:
        """Return the preset by its name."""
        return PRESETS[self.preset]
