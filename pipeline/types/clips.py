"""Clips that are cut, and sentences that are not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from pipeline.types.checks import checked
from pipeline.types.grid import GRID_FPS
from pipeline.types.words import AttributedWord, Sentence

CLIP_NAME = re.compile(r"seg_\d{4,}_track_\d{3,}\.(mp4|txt)")
"""Name of a clip's file or of its text. Whoever removes clips removes both."""

UNCERTAIN_SPEAKER = "uncertain_speaker"
"""Reason why a doubtful sentence gets no clip, and the flag of its clip where it is kept."""


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A clip to cut: a span of frames and the window that the camera shows on each of them."""

    index: int
    """Number of the sentence in the video; part of the clip's name."""
    sentence: Sentence
    first_frame: int
    """First frame of the clip, counted at `rate` from the first video frame."""
    window_px: np.ndarray
    """(F, 4) float32: x1, y1, x2, y2 in source pixels for each frame of the clip; may reach outside the picture."""
    style: str
    covered: np.ndarray
    """(F,) bool: frames on which the speaking face is in view."""
    size_px: tuple[int, int]
    """Width and height of the clip's picture, both even; the windows have the same shape."""
    rate: Fraction = Fraction(GRID_FPS)
    tracks: tuple[int, ...] = ()
    """Tracks of the speaker that are in view in the clip, in order of their first frames."""
    gap: Literal["none", "wide", "trim"] = "none"
    """Frames without the face: there are none; they are in the clip; or they are cut off with their words."""
    words_outside: tuple[AttributedWord, ...] = ()
    cuts: tuple[tuple[int, int], ...] = ()
    """Shot cuts that the grid places only between two frames of the clip: the last old one, the first new one."""

    def __post_init__(self) -> None:
        frames = len(self.window_px)
        object.__setattr__(self, "window_px", checked("ClipPlan.window_px", self.window_px, np.float32, (frames, 4)))
        object.__setattr__(self, "covered", checked("ClipPlan.covered", self.covered, np.bool_, (frames,)))
        if frames < 1 or self.first_frame < 0 or any(side < 2 or side % 2 for side in self.size_px):
            got = f"{frames} from {self.first_frame}, {self.size_px}"
            raise ValueError(f"ClipPlan: expected frames from 0 on and even sides, got {got}")

    @property
    def frame_count(self) -> int:
        return len(self.window_px)

    @property
    def start_s(self) -> float:
        return float(self.first_frame / self.rate)

    @property
    def end_s(self) -> float:
        return float((self.first_frame + self.frame_count) / self.rate)

    @property
    def name(self) -> str:
        """Return the file name of the clip, in the form that system 0 wrote."""
        return f"seg_{self.index:04d}_track_{self.sentence.track:03d}.mp4"


@dataclass(frozen=True, slots=True)
class DroppedSentence:
    """A sentence that got no clip, with its number in the video, and why."""

    index: int
    sentence: Sentence
    reason_code: str
    """One of the codes in ``manifest.schema.json``; the message says the same for people, with the numbers."""
    message: str
