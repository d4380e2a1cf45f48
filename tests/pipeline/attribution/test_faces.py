"""Which frames belong to a span of time, and what is known of the faces there."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.attribution.faces import MAX_LOGIT, SMOOTHING_FRAMES, Faces, frames_of, smoothed


@pytest.mark.parametrize(
    ("start_s", "end_s", "frames"),
    [
        (0.0, 0.04, (0, 1)),
        (0.0, 1.0, (0, 25)),
        (0.28, 0.56, (7, 14)),  # 0.28 * 25 is 7.000000000000001
        (0.03, 0.05, (1, 2)),  # between the middles of frames 0 and 1: the one that holds its own middle, 0.04
        (0.5, 0.5, (12, 13)),  # nothing long: the frame that it is in
        (0.02, 0.06, (0, 1)),  # the middle of frame 0 is inside, that of frame 1 is the end and is not
    ],
)
def test_frames_of_a_span(start_s: float, end_s: float, frames: tuple[int, int]) -> None:
    assert frames_of(start_s, end_s) == frames


@pytest.mark.slow
@given(st.lists(st.floats(0.021, 5), min_size=1, max_size=20))
def test_spans_without_a_gap_share_no_frame_and_leave_none_out(lengths_s: list[float]) -> None:
    edges = [0.0, *np.cumsum([max(length, 0.05) for length in lengths_s]).tolist()]
    frames = [i for start, end in pairwise(edges) for i in range(*frames_of(start, end))]
    assert frames == list(range(frames[-1] + 1))


def test_smoothing_keeps_to_the_track(make_tracks) -> None:
    tracks = make_tracks((0, 20, 3.0), (20, 40, -3.0), frame_count=40)
    assert smoothed(tracks, tracks.logit).tolist() == [3.0] * 20 + [-3.0] * 20


def test_smoothing_is_a_running_mean_of_cut_off_logits(make_tracks) -> None:
    logits = np.zeros(21)
    logits[10] = 100.0
    tracks = make_tracks((0, 21, logits), frame_count=21)
    reach = SMOOTHING_FRAMES // 2
    expected = np.where(np.abs(np.arange(21) - 10) <= reach, MAX_LOGIT / SMOOTHING_FRAMES, 0.0)
    np.testing.assert_allclose(smoothed(tracks, tracks.logit), expected, atol=1e-12)


def test_a_track_shorter_than_the_window_is_averaged_whole(make_tracks) -> None:
    tracks = make_tracks((5, 7, [1.0, 3.0]), frame_count=9)
    assert smoothed(tracks, tracks.logit).tolist() == [2.0, 2.0]


def test_faces_are_found_by_frame(make_tracks) -> None:
    faces = Faces(make_tracks((0, 10, 1.0), (5, 15, 2.0), (15, 20, 3.0), frame_count=20))
    assert faces.in_view(0, 5) == [0]
    assert faces.in_view(9, 10) == [0, 1]
    assert faces.in_view(10, 16) == [1, 2]
    assert faces.in_view(20, 30) == []
    assert faces.span(1) == (5, 15)
    assert faces.tracks.frame[faces.rows(1, 8, 99)].tolist() == list(range(8, 15))
    assert faces.tracks.frame[faces.rows(2, 0, 15)].tolist() == []


def test_values_are_nan_out_of_view(make_tracks) -> None:
    tracks = make_tracks((0, 3, [1.0, 2.0, 3.0]), (2, 5, [4.0, 5.0, 6.0]), frame_count=9)
    values = Faces(tracks).values(tracks.logit, 1, np.array([4, 1, 2, 8]))
    assert [None if math.isnan(value) else value for value in values] == [6.0, None, 4.0, None]


def test_a_cut_lies_between_two_times(make_tracks) -> None:
    faces = Faces(make_tracks(frame_count=100, shot_starts=(0, 50)))
    assert not faces.cuts_between(0.0, 1.99)
    assert faces.cuts_between(1.9, 2.0)
    assert not faces.cuts_between(2.0, 3.0)


def test_a_video_without_faces(make_tracks) -> None:
    assert Faces(make_tracks(frame_count=10)).in_view(0, 10) == []
