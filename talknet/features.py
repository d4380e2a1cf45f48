"""Sound features of the speaker networks: MFCC, four rows to each frame of the 25 fps grid.

The networks were trained on ``python_speech_features.mfcc(audio, 16000, numcep=13, winlen=0.025, winstep=0.010)`` of
int16 samples; that function computes the rows here too. Two of its habits depend on where the sound is cut:

- The last rows of a cut are computed from zeros behind its end. Here each span is read 240 samples (15 ms) further,
  so that four rows to each frame come out, all of real sound.
- Pre-emphasis subtracts 0.97 times the sample before, and the first sample of a cut has none. Here each span is read
  one step (160 samples) earlier, and the row of that step is dropped.

So a row depends on where it lies in the sound and not on the span that it was asked in: spans joined are the whole.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from python_speech_features import mfcc as published_mfcc

RATE_HZ = 16_000
"""Sample rate that the networks were trained at."""

ROWS_PER_FRAME = 4
"""Rows of MFCC to one frame: a step is 10 ms, a frame 40 ms."""

COEFFICIENTS = 13
"""Numbers in a row: the log energy, then cepstral coefficients 1 to 12."""

STEP_SAMPLES = 160
"""Samples from one row to the next: 10 ms."""

WINDOW_SAMPLES = 400
"""Samples that a row is computed from: 25 ms."""

_FRAME_SAMPLES = ROWS_PER_FRAME * STEP_SAMPLES

ReadSamples = Callable[[int, int], np.ndarray]
"""``read(start, stop)`` gives samples start to stop of the sound as (stop - start,) int16, silence outside of it."""


def mfcc_for_frames(
    read: ReadSamples, first_frame: int, frame_count: int, *, starts_the_sound: bool = False
) -> np.ndarray:
    """Compute the MFCC of consecutive frames, the same in whatever span they are asked for.

    Args:
        read: function that returns samples of the sound; called once, with a start of -160 for frame 0.
        first_frame: number of the first frame; frame *i* begins with sample 640 *i*.
        frame_count: frames wanted.
        starts_the_sound: compute the first row as the published demos do, which cut the sound of each track to a file
            of its own: nothing before its first sample is known. Only for comparing numbers with theirs.

    Returns:
        (4 * frame_count, 13) float32.

    Raises:
        ValueError: the frame count is negative, or ``read`` answers with another type or length.
    """
    if frame_count < 0:
        raise ValueError(f"mfcc_for_frames: expected frame_count >= 0, got {frame_count}")
    row_count = ROWS_PER_FRAME * frame_count
    if frame_count == 0:
        return np.zeros((0, COEFFICIENTS), np.float32)
    lead_rows = 0 if starts_the_sound else 1
    start = first_frame * _FRAME_SAMPLES - lead_rows * STEP_SAMPLES
    stop = (first_frame + frame_count) * _FRAME_SAMPLES - STEP_SAMPLES + WINDOW_SAMPLES
    samples = read(start, stop)
    if samples.shape != (stop - start,) or samples.dtype != np.int16:
        raise ValueError(
            f"mfcc_for_frames: expected {stop - start} int16 samples, got {samples.dtype} of shape {samples.shape}"
        )
    rows = mfcc_of(samples)
    return rows[lead_rows : lead_rows + row_count]


def mfcc_of(samples: np.ndarray) -> np.ndarray:
    """Compute the published MFCC of a whole sound.

    Args:
        samples: (N,) int16 at 16 kHz, N >= 1.

    Returns:
        (R, 13) float32, R = 1 + ceil((N - 400) / 160) rows, the last of them over zeros behind the end.
    """
    rows = published_mfcc(samples.astype(np.float64), RATE_HZ, winlen=0.025, winstep=0.010, numcep=COEFFICIENTS)
    return rows.astype(np.float32)
