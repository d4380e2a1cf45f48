"""Lip motion against sound: a stand-in for the speaker networks that needs no weights.

A face is taken to speak where its mouth moves more than its upper half explains, the motion rises and falls with the
sound, and there is sound at all. It cannot tell speech from song or from chewing beside a voice, and it must never be
taken for the score of a network.

Four numbers are taken for each frame:

- the motion of the mouth and of the upper face, in pixels of the crop: the change of brightness since the frame before,
  head shift taken out by phase correlation, over the mean slope of brightness;
- the correlation of the mouth's motion with the loudness, over about two seconds, at the best of three lags;
- the loudness (coefficient 0 of the MFCC is the log energy) above its own quiet moments.

The first three make the logit of a logistic regression, the last one another; the answer is their soft minimum: never
above the smaller. The constants were fitted on 17 clips of 11 talking heads (retalking 1 to 5, a wav2lip clip, two of
LatentSync, the SyncNet example, two crops of TalkNet, six sentences of GRID), with silero-vad as the truth of speech.
To speak: a face with its own sound where that is speech. Not to speak: the longest silent stretches of the same faces,
played back and forth beside speech of others; and, at a tenth of the weight, talking faces beside speech of others.
The constant was then raised by one, so that calm speakers pass, and the gate of loudness set by hand. With these
constants, on the same clips: above 0 on 91 % of the frames with speech, below on 76 % of those without; of two faces
of which one listens, the speaker is higher on 89 % of the frames, and on 81 % where five of the six sentences of GRID
are left out; where both mouths move, the right one on 64 %. These numbers are in sample. Of faces that were left out of
the fit, before the constant was raised, 85 % of the speaking and 80 % of the listening frames were on the right side.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from talknet.features import ROWS_PER_FRAME
from talknet.inputs import CROP_PX, Track, extended, usable_frames

MOUTH = (slice(44, 92), slice(22, 90))
"""Rows and columns of the crop in which the mouth lies: seen on the crops of all clips named above."""

UPPER_FACE = (slice(0, 40), slice(16, 96))
"""Rows and columns of eyes and nose, which speech moves little."""

FACE = (slice(5, 105), slice(16, 96))
"""Rows and columns whose slope of brightness turns a change of brightness into pixels of motion."""

FACE_WEIGHTS = (5.1, 7.2, -0.6, 4.5)
"""Fitted as said above: constant, weight of the log motion of the mouth, of the upper face, and of the correlation."""

SOUND_WEIGHTS = (-3.0, 1.5)
"""Chosen: constant, and weight of the loudness above the quiet moments; silence then has about -2."""

QUIET_PERCENTILE = 10
"""Share of the track that is taken for its quiet moments."""

QUIET_BOUNDS = (7.0, 12.0)
"""Between these the log energy of quiet moments is believed to lie: below is digital silence, above a track that is
loud throughout. Quiet moments of the clips lie between 8 and 14, speech between 15 and 22."""

MIN_LOUDNESS = 5.0
"""Least log energy: lower ones count as this, so that digital silence does not rule a correlation."""

MIN_MOTION_PX = 0.2
"""Motion added before the logarithm: about that of noise and compression."""

MOTION_SMOOTHING_FRAMES = 8
SOUND_SMOOTHING_FRAMES = 4
AGREEMENT_FRAMES = 12
"""Standard deviations of the Gaussian windows over motion, loudness and correlation."""

LAGS_FRAMES = (-1, 0, 1)
"""Frames by which the sound may lead or trail the lips."""

MAX_SHIFT_PX = 12.0
"""Longest move of a head from one frame to the next; phase correlation that finds more is wrong."""

MIN_SLOPE = 0.5
"""Grey levels per pixel: a face without any texture would turn noise into motion."""

MIN_LOGIT = -8.0
"""Least logit: silence need not be told more firmly."""


class LipMotion:
    """``SpeakerScorer`` without weights, on the CPU."""

    name = "lip-motion"

    def __init__(self) -> None:
        self.memory_reductions = 0

    def score(self, crops: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        """See ``SpeakerScorer.score``; a logit above 0 is a guess, not the verdict of a network."""
        frames = usable_frames(crops, mfcc)
        loudness = frame_loudness(mfcc[: frames * ROWS_PER_FRAME])
        features = face_features(*face_motion(crops[:frames]), loudness)
        face = features @ np.array(FACE_WEIGHTS)
        sound = SOUND_WEIGHTS[0] + SOUND_WEIGHTS[1] * above_quiet(loudness)
        logits = -np.logaddexp(-face, -np.maximum(sound, MIN_LOGIT))
        return extended(np.maximum(logits, MIN_LOGIT), len(crops))

    def score_tracks(self, tracks: Sequence[Track]) -> list[np.ndarray]:
        """See ``SpeakerScorer.score_tracks``."""
        return [self.score(crops, mfcc) for crops, mfcc in tracks]


def face_motion(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure the motion of mouth and upper face since the frame before, the shift of the head taken out.

    Args:
        crops: (T, 112, 112) uint8 grey, T >= 1.

    Returns:
        Two arrays (T,) float64 in pixels; the first frame repeats the second.
    """
    window = cv2.createHanningWindow((CROP_PX, CROP_PX), cv2.CV_32F)
    motion = np.zeros((len(crops), 2))
    before = _smooth(crops[0])
    for number in range(1, len(crops)):
        now = _smooth(crops[number])
        (x, y), _ = cv2.phaseCorrelate(before, now, window)
        if not max(abs(x), abs(y)) <= MAX_SHIFT_PX:
            x = y = 0.0
        shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
        moved = cv2.warpAffine(before, shift, (CROP_PX, CROP_PX), borderMode=cv2.BORDER_REPLICATE)
        change = np.abs(now - moved)
        motion[number] = np.array([change[MOUTH].mean(), change[UPPER_FACE].mean()]) / _slope(now)
        before = now
    motion[0] = motion[1] if len(crops) > 1 else 0.0
    return motion[:, 0], motion[:, 1]


def frame_loudness(mfcc: np.ndarray) -> np.ndarray:
    """(T,) float64: the log energy of each frame, from (4 T, 13) MFCC."""
    energies = mfcc[:, 0].astype(np.float64).reshape(-1, ROWS_PER_FRAME).mean(axis=1)
    return np.maximum(np.nan_to_num(energies, nan=MIN_LOUDNESS), MIN_LOUDNESS)


def above_quiet(loudness: np.ndarray) -> np.ndarray:
    """(T,) smoothed loudness above the quiet moments of the track."""
    quiet = np.clip(np.percentile(loudness, QUIET_PERCENTILE), *QUIET_BOUNDS)
    return gaussian_filter1d(loudness, SOUND_SMOOTHING_FRAMES) - quiet


def face_features(mouth: np.ndarray, upper: np.ndarray, loudness: np.ndarray) -> np.ndarray:
    """(T, 4): one, smoothed log motion of mouth and upper face, and correlation of mouth and sound.

    Args:
        mouth: (T,) motion in pixels.
        upper: (T,) motion in pixels.
        loudness: (T,), result of ``frame_loudness``.
    """
    mouth, upper = np.log(mouth + MIN_MOTION_PX), np.log(upper + MIN_MOTION_PX)
    agreement = np.max([_correlation(mouth, _delayed(loudness, lag)) for lag in LAGS_FRAMES], axis=0)
    smooth = [gaussian_filter1d(values, MOTION_SMOOTHING_FRAMES) for values in (mouth, upper)]
    return np.stack([np.ones(len(mouth)), *smooth, agreement], axis=1)


def _smooth(crop: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(crop.astype(np.float32), (0, 0), 1.0)


def _slope(crop: np.ndarray) -> float:
    """Mean slope of brightness over the face, in grey levels per pixel."""
    face = crop[FACE]
    slope = np.abs(np.diff(face, axis=0)).mean() + np.abs(np.diff(face, axis=1)).mean()
    return max(float(slope), MIN_SLOPE)


def _delayed(values: np.ndarray, frames: int) -> np.ndarray:
    """*values* moved *frames* later (earlier when negative), the ends repeated."""
    return values[np.clip(np.arange(len(values)) - frames, 0, len(values) - 1)]


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(T,) correlation in -1..1 of two series under a moving Gaussian window; 0 where one of them stands still."""

    def mean(values: np.ndarray) -> np.ndarray:
        return gaussian_filter1d(values, AGREEMENT_FRAMES)

    first, second = first - first.mean(), second - second.mean()
    means = mean(first), mean(second)
    spreads = mean(first**2) - means[0] ** 2, mean(second**2) - means[1] ** 2
    scale = np.sqrt(np.maximum(spreads[0], 1e-6) * np.maximum(spreads[1], 1e-3))
    return np.clip((mean(first * second) - means[0] * means[1]) / scale, -1, 1)
