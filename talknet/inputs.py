"""Interface of the speaker scorers: their inputs and outputs, the same for every network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from talknet.features import COEFFICIENTS, ROWS_PER_FRAME

SCORERS = ("talknet", "lr-asd", "light-asd", "lip-motion")
"""Names that ``load_scorer`` knows."""

CROP_PX = 112
"""Side of the face pictures."""

Track = tuple[np.ndarray, np.ndarray]
"""The crops and the MFCC of one face track."""


class SpeakerScorer(Protocol):
    """Scorer of each frame of a face track: how likely the face speaks the words that are heard."""

    name: str
    """One of ``SCORERS``."""

    @property
    def memory_reductions(self) -> int:
        """Times that the device ran out of memory since loading, and a batch was halved."""
        ...

    def score(self, crops: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        """Score one track.

        With ``n = min(T, len(mfcc) // 4)``, the first n frames are scored and the others repeat the last of them.

        Args:
            crops: (T, 112, 112) uint8 grey, 25 a second.
            mfcc: (R, 13) float32, 4 rows to a frame; see ``talknet.features``.

        Returns:
            (T,) float32 logits, never NaN: above 0 the face speaks.

        Raises:
            ValueError: an array has another form, or T or n is 0.
        """
        ...

    def score_tracks(self, tracks: Sequence[Track]) -> list[np.ndarray]:
        """Score several tracks together: the same numbers as ``score`` of each, at less cost."""
        ...


def usable_frames(crops: np.ndarray, mfcc: np.ndarray) -> int:
    """Frames that have both picture and sound: ``min(T, len(mfcc) // 4)``.

    Raises:
        ValueError: an array has another form than ``SpeakerScorer.score`` asks for, or nothing can be scored.
    """
    if crops.ndim != 3 or crops.shape[1:] != (CROP_PX, CROP_PX) or crops.dtype != np.uint8:
        raise ValueError(f"score: expected crops (T, 112, 112) uint8, got {crops.dtype} {crops.shape}")
    if mfcc.ndim != 2 or mfcc.shape[1] != COEFFICIENTS or not np.issubdtype(mfcc.dtype, np.floating):
        raise ValueError(f"score: expected mfcc (R, 13) float32, got {mfcc.dtype} {mfcc.shape}")
    frames = min(len(crops), len(mfcc) // ROWS_PER_FRAME)
    if frames == 0:
        raise ValueError(f"score: expected at least one frame with sound, got {len(crops)} crops, {len(mfcc)} rows")
    return frames


def extended(logits: np.ndarray, frames: int) -> np.ndarray:
    """*logits* (n,) as (frames,) float32, the last one repeated."""
    return np.concatenate([logits, np.repeat(logits[-1:], frames - len(logits))]).astype(np.float32)
