"""Sync contrast: how much of a face's score is owed to *this* sound.

A network that has learnt to tell speaking from silent faces gives a high score to every mouth that moves while somebody
is heard. Its score of the same face with the same sound at other times is as high for a mouth that moves to other
words, and lower for one that moves to these. The mean logit with the sound as it is, less the mean over the same sound
at other times, is left of the first kind at about nothing.

The networks that were trained on AVA hear the difference; their fine-tuning on TalkSet has unlearnt it. Nothing of
this is published; `python -m benchmarks.contrast` has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from talknet.features import COEFFICIENTS, ROWS_PER_FRAME, ReadSamples, mfcc_for_frames
from talknet.inputs import SpeakerScorer, Track

SHIFTS_FRAMES = (-53, -33, -18, 18, 33, 53)
"""Frames by which the sound is read later or earlier: 0.7, 1.3 and 2.1 s. Nearer ones would still lie in the same
syllables, and a network forgives some frames."""

MARGIN_FRAMES = max(SHIFTS_FRAMES)
"""Frames of sound that are wanted around a track."""

CONTRAST_DURATIONS_S = (3,)
"""Lengths of the windows in which a face is scored with shifted sound."""


@dataclass(frozen=True, slots=True)
class HeardTrack:
    """A face track with the sound around it."""

    crops: np.ndarray
    """(T, 112, 112) uint8 grey, 25 a second."""
    mfcc: np.ndarray
    """(4 (T + 2 `MARGIN_FRAMES`), 13) float32: that of the crops, and of `MARGIN_FRAMES` frames on each side."""

    def __post_init__(self) -> None:
        wanted = (ROWS_PER_FRAME * (len(self.crops) + 2 * MARGIN_FRAMES), COEFFICIENTS)
        if self.mfcc.shape != wanted:
            raise ValueError(f"HeardTrack.mfcc: expected {wanted} for {len(self.crops)} crops, got {self.mfcc.shape}")

    @property
    def track(self) -> Track:
        """Return the crops and the sound that belongs to them."""
        edge = ROWS_PER_FRAME * MARGIN_FRAMES
        return self.crops, self.mfcc[edge:-edge]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Scores of one face track."""

    logit: np.ndarray
    """(T,) float32: above 0 the face speaks."""
    activity: np.ndarray
    """(T,) float32: logit of the weights that tell best whether anybody speaks; of one set alone, `logit` itself."""
    sync_contrast: np.ndarray
    """(T,) float32 in units of the logit: above 0 the face gains from this sound."""


@runtime_checkable
class ContrastScorer(SpeakerScorer, Protocol):
    """Speaker scorer that tells how much a face gains from the sound."""

    def evidence(self, tracks: Sequence[HeardTrack]) -> list[Evidence]:
        """Score several tracks; the logits are those of `SpeakerScorer.score_tracks`."""
        ...


def heard_track(crops: np.ndarray, read: ReadSamples, around: ReadSamples, first_frame: int) -> HeardTrack:
    """Join the crops of a track to its sound.

    Args:
        crops: (T, 112, 112) uint8 grey.
        read: gives samples of the sound.
        around: gives those before and behind the track, such as `wrapped` does.
        first_frame: grid frame of the first crop.
    """
    count = len(crops)
    before = mfcc_for_frames(around, first_frame - MARGIN_FRAMES, MARGIN_FRAMES)
    behind = mfcc_for_frames(around, first_frame + count, MARGIN_FRAMES)
    return HeardTrack(crops, np.concatenate([before, mfcc_for_frames(read, first_frame, count), behind]))


def wrapped(read: ReadSamples, start: int, stop: int) -> ReadSamples:
    """Return a reader of a sound that goes on behind its end from its beginning, and the other way round.

    Silence is no other sound: against it every mouth that moves would seem to gain.

    Args:
        read: gives samples of the sound.
        start: its first sample.
        stop: the sample after its last; after *start*.
    """

    def read_wrapped(first: int, last: int) -> np.ndarray:
        parts: list[np.ndarray] = []
        while first < last:
            at = start + (first - start) % (stop - start)
            count = min(last - first, stop - at)
            parts.append(read(at, at + count))
            first += count
        return np.concatenate(parts or [np.zeros(0, np.int16)])

    return read_wrapped
