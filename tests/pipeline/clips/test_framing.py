"""The camera's path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clips.framing import face_windows
from pipeline.types import ScoredTracks

PICTURE = (1280, 720)


def _moving(centres: np.ndarray, side: float | np.ndarray = 100.0) -> np.ndarray:
    half = np.broadcast_to(np.asarray(side) / 2, (len(centres),))[:, None]
    return np.hstack([centres - half, centres + half]).astype(np.float32)


def _line(count: int, start: tuple[float, float], step: tuple[float, float]) -> np.ndarray:
    return np.array(start) + np.arange(count)[:, None] * np.array(step)


def _windows(tracks: ScoredTracks, first: int, count: int, speaking=(0,), picture_px=PICTURE, scale=0.4):
    return face_windows(tracks, speaking, first, count, picture_px=picture_px, scale=scale, smooth_frames=13)


def _centres(windows: np.ndarray) -> np.ndarray:
    return (windows[:, :2] + windows[:, 2:]) / 2


def test_a_face_at_rest_is_in_the_middle_with_its_margin(make_tracks) -> None:
    tracks = make_tracks((0, 50, 1.0, (590, 310, 690, 410)), frame_count=50)
    windows, covered = _windows(tracks, 10, 20)
    np.testing.assert_allclose(windows, np.tile([570, 290, 710, 430], (20, 1)), atol=1e-3)  # 50 * 1.4 = 70 each way
    assert covered.all()
    assert (windows.dtype, covered.dtype) == (np.float32, np.bool_)


def test_the_longer_side_of_the_box_counts(make_tracks) -> None:
    tracks = make_tracks((0, 50, 1.0, (600, 310, 660, 410)), frame_count=50)
    windows, _ = _windows(tracks, 10, 20, scale=0.0)
    np.testing.assert_allclose(windows[0], [580, 310, 680, 410], atol=1e-3)


@pytest.mark.parametrize("first", [0, 20, 80])
def test_a_steady_move_is_followed_to_the_very_ends(make_tracks, first) -> None:
    """B21: padding with zeros pulled the last six places 6 to 36 pixels away."""
    path = _line(100, (200, 300), (6, 1))
    windows, _ = _windows(make_tracks((0, 100, 1.0, _moving(path)), frame_count=100), first, 20)
    np.testing.assert_allclose(_centres(windows), path[first : first + 20], atol=1.0)


def test_a_trembling_box_gives_a_calm_window(make_tracks) -> None:
    random = np.random.default_rng(3)
    path = _line(200, (300, 300), (2, 0)) + random.normal(0, 4, (200, 2))
    windows, _ = _windows(make_tracks((0, 200, 1.0, _moving(path)), frame_count=200), 50, 100)
    tremble = np.diff(_centres(windows), n=2, axis=0).std()
    assert tremble < np.diff(path, n=2, axis=0).std() / 30


def test_a_single_wild_box_is_not_followed(make_tracks) -> None:
    boxes = _moving(_line(100, (600, 300), (0, 0)))
    boxes[50] += 300
    windows, _ = _windows(make_tracks((0, 100, 1.0, boxes), frame_count=100), 40, 20)
    np.testing.assert_allclose(_centres(windows), np.tile([600, 300], (20, 1)), atol=1e-3)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-12, 12), st.floats(-12, 12), st.floats(0.97, 1.03)), min_size=3, max_size=60),
    st.floats(0.1, 1.0),
)
def test_the_face_is_never_cut(steps, scale) -> None:
    """However it moves: the box, freed of outliers, is inside the window on every frame."""
    moves = np.array(steps)
    centres = np.array([2000.0, 2000.0]) + np.cumsum(moves[:, :2], axis=0)
    boxes = _moving(centres, 150 * np.cumprod(moves[:, 2]))
    count = len(boxes)
    numbers = np.arange(count, dtype=np.int32)
    tracks = ScoredTracks(
        count,
        np.zeros(1, np.int32),
        np.zeros(count, np.int32),
        numbers,
        boxes,
        np.ones(count, np.float32),
        np.ones(count, np.float32),
    )
    windows, _ = face_windows(tracks, [0], 0, count, picture_px=(4000, 4000), scale=scale, smooth_frames=1)
    assert (windows[:, :2] <= boxes[:, :2] + 0.01).all()
    assert (windows[:, 2:] >= boxes[:, 2:] - 0.01).all()


@pytest.mark.parametrize(
    ("box", "window"),
    [
        ((0, 0, 100, 100), (0, 0, 140, 140)),  # moved in from the corner
        ((1200, 650, 1280, 730), (1168, 608, 1280, 720)),
        ((340, 60, 940, 660), (280, 0, 1000, 720)),  # 840 wanted, the picture has 720
        ((340, -60, 1140, 740), (320, -80, 1160, 760)),  # a face of 800: over both edges, 20 beyond it
        ((340, -160, 1140, 640), (320, -120, 1160, 720)),  # and no further over one than it must
    ],
)
def test_the_window_stays_in_the_picture_where_it_fits(make_tracks, box, window) -> None:
    windows, _ = _windows(make_tracks((0, 30, 1.0, box), frame_count=30), 10, 5)
    np.testing.assert_allclose(windows[0], window, atol=1e-2)


def test_before_and_after_the_track_the_window_holds(make_tracks) -> None:
    """B15: the clip has every frame of its span, wherever the face was."""
    boxes = _moving(_line(50, (400, 300), (4, 0)))
    windows, covered = _windows(make_tracks((25, 75, 1.0, boxes), frame_count=100), 0, 100)
    assert covered.tolist() == [False] * 25 + [True] * 50 + [False] * 25
    assert len(windows) == 100
    np.testing.assert_array_equal(windows[:25], np.tile(windows[25], (25, 1)))
    np.testing.assert_array_equal(windows[75:], np.tile(windows[74], (25, 1)))


def test_a_gap_inside_a_shot_is_crossed_in_a_straight_line(make_tracks) -> None:
    tracks = make_tracks((0, 40, 1.0, (300, 300, 400, 400)), (60, 100, 1.0, (500, 300, 600, 400)), frame_count=100)
    windows, covered = _windows(tracks, 20, 60, speaking=(0, 1))
    assert covered.sum() == 40
    centres = _centres(windows)[:, 0]
    np.testing.assert_allclose(centres[19:41], 350 + np.arange(22) / 21 * 200, atol=0.5)


def test_no_window_slides_across_a_cut(make_tracks) -> None:
    tracks = make_tracks(
        (0, 40, 1.0, (300, 300, 400, 400)),
        (60, 100, 1.0, (500, 300, 600, 400)),
        frame_count=100,
        shot_starts=(0, 50),
    )
    windows, _ = _windows(tracks, 20, 60, speaking=(0, 1))
    assert _centres(windows)[:, 0].tolist() == [350] * 30 + [550] * 30


def test_a_cut_between_two_tracks_is_followed_at_once(make_tracks) -> None:
    tracks = make_tracks(
        (0, 50, 1.0, (100, 100, 200, 200)), (50, 99, 1.0, (700, 400, 900, 600)), frame_count=99, shot_starts=(0, 50)
    )
    windows, covered = _windows(tracks, 40, 20, speaking=(1, 0))
    assert covered.all()
    assert _centres(windows).tolist() == [[150, 150]] * 10 + [[800, 500]] * 10


def test_a_clip_reads_the_same_however_long_the_track_is(make_tracks) -> None:
    path = _line(3000, (640, 360), (0, 0)) + 100 * np.sin(np.arange(3000) / 20)[:, None]
    long = make_tracks((0, 3000, 1.0, _moving(path)), frame_count=3000)
    near = make_tracks((1400, 1600, 1.0, _moving(path[1400:1600])), frame_count=3000)
    np.testing.assert_allclose(_windows(long, 1490, 20)[0], _windows(near, 1490, 20)[0], atol=0.05)


def test_a_clip_far_from_any_track_is_refused(make_tracks) -> None:
    with pytest.raises(ValueError, match="no track"):
        _windows(make_tracks((0, 5, 1.0), frame_count=999), 900, 10)
