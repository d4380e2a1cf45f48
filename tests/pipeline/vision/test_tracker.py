"""Faces to tracks: one box a frame, gaps interpolated, crossings told apart, cuts obeyed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.vision.tracker import OpenTrack, Tracker, iou

NONE = np.zeros((0, 4), np.float32)


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def square(x: float, y: float = 0.0, side: float = 100.0) -> tuple[float, float, float, float]:
    return x, y, x + side, y + side


def tracked(frames: dict[int, np.ndarray], least_iou: float = 0.5, max_gap: int = 10) -> list[OpenTrack]:
    """All tracks of one shot, in the order in which they begin."""
    tracker = Tracker(least_iou, max_gap)
    ended = [track for frame in sorted(frames) for track in tracker.update(frame, frames[frame])]
    return sorted(ended + tracker.cut(), key=lambda track: track.first_frame)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (square(0), 1.0),
        (square(50), 50 / 150),  # half of each is shared
        (square(50, 50), 2500 / 17500),
        (square(100), 0.0),  # they touch
        (square(300), 0.0),
        (square(25, 25, 50), 0.25),  # one inside the other
    ],
)
def test_the_overlap_is_intersection_over_union(second, expected):
    assert iou(boxes(square(0)), boxes(second))[0, 0] == pytest.approx(expected)


def test_empty_boxes_overlap_nothing():
    assert iou(boxes(square(5, 5, 0)), boxes(square(5, 5, 0)))[0, 0] == 0


def test_every_box_is_compared_with_every_other():
    first, second = boxes(square(0), square(50)), boxes(square(0), square(50), square(400))
    assert iou(first, second) == pytest.approx(np.array([[1, 1 / 3, 0], [1 / 3, 1, 0]]))


def test_two_faces_over_one_track_give_it_one_box_a_frame():
    frames = {frame: boxes(square(0), square(10)) if frame else boxes(square(4)) for frame in range(30)}
    first, second = tracked(frames)
    assert (first.first_frame, first.stop_frame, len(first.boxes_px())) == (0, 30, 30)
    assert (second.first_frame, second.stop_frame, len(second.boxes_px())) == (1, 30, 29)
    assert (first.boxes_px(1)[:, 0] == 0).all() and (second.boxes_px()[:, 0] == 10).all()


def test_assignment_is_of_all_faces_together_and_not_first_come():
    # Overlaps: track at 0 with faces at 20, -25: 80/120, 75/125; track at 30: 90/110, 45/155.
    # Each track's own best is the face at 20; only the track at 0 can take the other.
    first, second = tracked({0: boxes(square(0), square(30)), 1: boxes(square(20), square(-25))}, least_iou=0.3)
    assert (first.last_box_px[0], second.last_box_px[0]) == (-25, 20)


def test_faces_that_pass_each_other_keep_their_tracks():
    # One to the right, one to the left, 8 pixels a frame; 30 pixels apart in height.
    frames = {frame: boxes(square(8 * frame), square(160 - 8 * frame, 30)) for frame in range(21)}
    first, second = tracked(frames)
    assert first.boxes_px()[:, 0].tolist() == [8 * frame for frame in range(21)]
    assert second.boxes_px()[:, 0].tolist() == [160 - 8 * frame for frame in range(21)]


@pytest.mark.parametrize(("shift_px", "track_count"), [(33, 1), (34, 2)])
def test_the_overlap_must_be_above_the_least(shift_px, track_count):
    # 67/133 is above 0.5, 66/134 is not.
    assert len(tracked({0: boxes(square(0)), 1: boxes(square(shift_px))})) == track_count


def test_an_overlap_equal_to_the_least_is_not_enough():
    assert len(tracked({0: boxes(square(0)), 1: boxes(square(0))}, least_iou=1.0)) == 2


def test_a_least_overlap_of_zero_does_not_join_strangers():
    assert len(tracked({0: boxes(square(0)), 1: boxes(square(500))}, least_iou=0.0)) == 2


@pytest.mark.parametrize(("gap", "lengths"), [(1, [2]), (4, [5]), (5, [1, 1])])
def test_a_track_survives_the_longest_gap_and_no_more(gap, lengths):
    frames = dict.fromkeys(range(gap), NONE) | {0: boxes(square(0)), gap: boxes(square(0))}
    assert [len(track.boxes_px()) for track in tracked(frames, max_gap=4)] == lengths


def test_a_track_ends_with_its_last_detection():
    tracker = Tracker(0.5, 3)
    tracker.update(0, boxes(square(0)))
    tracker.update(1, boxes(square(2)))
    assert [tracker.update(frame, NONE) for frame in (2, 3, 4)] == [[], [], []]
    (ended,) = tracker.update(5, NONE)
    assert (ended.first_frame, ended.stop_frame) == (0, 2)
    assert tracker.open == []


def test_frames_between_detections_are_interpolated():
    (track,) = tracked({0: boxes((0, 0, 100, 100)), 4: boxes((8, 4, 108, 112))})
    expected = [(2 * i, i, 100 + 2 * i, 100 + 3 * i) for i in range(5)]
    assert track.boxes_px().tolist() == [list(map(float, row)) for row in expected]
    assert track.boxes_px().dtype == np.float32


def test_frames_without_faces_shift_nothing():
    seen = {0, 1, 4, 5, 9}
    frames = {frame: boxes(square(3 * frame)) if frame in seen else NONE for frame in range(10)}
    (track,) = tracked(frames)
    assert track.boxes_px()[:, 0] == pytest.approx(3.0 * np.arange(10))


def test_a_video_that_begins_without_faces_numbers_them_right():
    (track,) = tracked({0: NONE, 1: NONE, 2: boxes(square(0)), 3: boxes(square(0))})
    assert (track.first_frame, track.stop_frame) == (2, 4)


def test_a_cut_ends_every_track():
    tracker = Tracker(0.5, 10)
    tracker.update(0, boxes(square(0), square(300)))
    assert len(tracker.cut()) == 2
    tracker.update(1, boxes(square(0), square(300)))
    assert [(track.first_frame, len(track.boxes_px())) for track in tracker.open] == [(1, 1), (1, 1)]


def test_boxes_of_a_part_of_a_track():
    (track,) = tracked({frame: boxes(square(frame)) for frame in range(6)})
    assert track.boxes_px(2, 4)[:, 0].tolist() == [2, 3]


@st.composite
def sightings(draw: st.DrawFn) -> dict[int, np.ndarray]:
    """Up to three faces on each of some frames, anywhere in a small area so that they overlap often."""
    numbers = sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=20)))
    place = st.tuples(st.integers(0, 60), st.integers(0, 30))
    found = {n: [square(*xy, side=40) for xy in draw(st.lists(place, max_size=3))] for n in numbers}
    return {n: boxes(*rows) for n, rows in found.items()}


@pytest.mark.slow
@given(sightings(), st.floats(0, 1), st.integers(1, 12))
def test_every_face_is_in_one_track_and_every_box_is_seen_or_between_two_seen(frames, least_iou, max_gap):
    tracks = tracked(frames, least_iou, max_gap)
    left = {frame: rows.tolist() for frame, rows in frames.items()}
    for track in tracks:
        path = track.boxes_px()
        assert len(path) == track.stop_frame - track.first_frame
        seen = []
        for index, box in enumerate(path.tolist()):
            rows = left.get(track.first_frame + index, [])
            if box in rows:
                rows.remove(box)
                seen.append(index)
        assert seen[0] == 0 and seen[-1] == len(path) - 1
        assert max((b - a for a, b in itertools.pairwise(seen)), default=1) <= max_gap
        for before, after in itertools.pairwise(seen):
            if not any(track.first_frame + i in frames for i in range(before + 1, after)):
                steps = np.linspace(path[before], path[after], after - before + 1)
                assert path[before : after + 1] == pytest.approx(steps, abs=1e-4)
    assert not any(left.values())
