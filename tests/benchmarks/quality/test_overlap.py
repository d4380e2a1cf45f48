"""The count of frames that are called simultaneous, and thresholds with people held out."""

from __future__ import annotations

import numpy as np

from benchmarks.common.truth import Truth, Turn
from benchmarks.quality.calibration import Scored
from benchmarks.quality.overlap import THRESHOLDS, Counted, _held_out, counted
from pipeline.types import ScoredTracks

BOXES = np.tile([0.0, 0.0, 9.0, 9.0], (100, 1))


def _counts(score: float, *turns: Turn) -> Counted:
    """Two faces with that score on frames 25 to 75; their activity is 0."""
    logit = np.tile(np.where((np.arange(100) >= 25) & (np.arange(100) < 75), score, -50.0), 2).astype(np.float32)
    track = np.repeat(np.arange(2, dtype=np.int32), 100)
    tracks = ScoredTracks(
        frame_count=100,
        shot_starts=np.zeros(1, np.int32),
        track=track,
        frame=np.tile(np.arange(100, dtype=np.int32), 2),
        box_px=np.zeros((200, 4), np.float32),
        logit=logit,
        probability=np.full(200, 0.5, np.float32),
        activity=np.zeros(200, np.float32),
        person=track,
    )
    return counted(Scored(Truth("ann__ben", turns, {"ann": BOXES, "ben": BOXES}), tracks, [], np.zeros(0), ()))


def test_frames_of_two_voices_are_judged_where_there_are_two_and_those_of_one_elsewhere() -> None:
    """The frames whose mean over a second reaches 5, cut off there, are 37 to 63."""
    both = _counts(5.0, Turn("ann", 0.0, 4.0), Turn("ben", 1.6, 2.4))
    assert both.heads == {"ann", "ben"} and both.frames == 20
    assert both.found[-1] == 20
    one = _counts(5.0, Turn("ann", 0.0, 1.6))
    assert one.frames == 40 and 0 < one.found[-1] < one.found[0]


def test_the_threshold_of_a_video_is_chosen_without_its_people() -> None:
    count = len(THRESHOLDS)
    own = Counted(frozenset("ab"), 100, tuple(90 - 10 * k for k in range(count)))
    noisy = Counted(frozenset("ac"), 100, (9,) * count)
    quiet = Counted(frozenset("cd"), 100, (9, 1, *[0] * (count - 2)))
    assert _held_out([own], [noisy, quiet]) == 0.8
