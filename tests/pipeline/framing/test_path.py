"""The camera's path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.framing.path import face_windows, whole_window
from pipeline.framing.styles import STYLES
from pipeline.types import ScoredTracks

PICTURE = (1280, 720)
SHAPES = {"face": (224, 224), "head": (512, 512), "portrait": (404, 718)}


def _moving(centres: np.ndarray, side: float | np.ndarray = 100.0) -> np.ndarray:
    half = np.broadcast_to(np.asarray(side) / 2, (len(centres),))[:, None]
    return np.hstack([centres - half, centres + half]).astype(np.float32)


def _line(count: int, start: tuple[float, float], step: tuple[float, float]) -> np.ndarray:
    return np.array(start) + np.arange(count)[:, None] * np.array(step)


def _windows(
    tracks: ScoredTracks,
    first: int,
    count: int,
    speaking=(0,),
    picture_px=PICTURE,
    scale: float | None = None,
    style: str = "face",
    smooth_frames: int = 13,
):
    return face_windows(
        tracks,
        speaking,
        first,
        count,
        picture_px=picture_px,
        size_px=SHAPES[style],
        style=STYLES[style],
        scale=STYLES[style].scale if scale is None else scale,
        smooth_frames=smooth_frames,
    )


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


@st.composite
def walks(draw: st.DrawFn) -> np.ndarray:
    """(n, 4) boxes of a face that moves as it likes, far from the edges of a picture of 4000 pixels."""
    step = st.tuples(st.floats(-12, 12), st.floats(-12, 12), st.floats(0.97, 1.03))
    moves = np.array(draw(st.lists(step, min_size=3, max_size=60)))
    centres = np.array([2000.0, 2000.0]) + np.cumsum(moves[:, :2], axis=0)
    return _moving(centres, 150 * np.cumprod(moves[:, 2]))


def _one_track(boxes: np.ndarray) -> ScoredTracks:
    count = len(boxes)
    whole, real = np.zeros(count, np.int32), np.ones(count, np.float32)
    return ScoredTracks(count, np.zeros(1, np.int32), whole, np.arange(count, dtype=np.int32), boxes, real, real)


@settings(max_examples=40)
@given(walks(), st.floats(0.1, 3.0), st.sampled_from(sorted(STYLES)))
def test_the_face_is_never_cut(boxes: np.ndarray, scale: float, style: str) -> None:
    """However it moves: the box, freed of outliers, is inside the window on every frame."""
    windows, _ = _windows(_one_track(boxes), 0, len(boxes), (0,), (4000, 4000), scale, style, smooth_frames=1)
    assert (windows[:, :2] <= boxes[:, :2] + 0.01).all()
    assert (windows[:, 2:] >= boxes[:, 2:] - 0.01).all()


@settings(max_examples=40)
@given(walks(), st.sampled_from(sorted(STYLES)))
def test_the_window_keeps_its_shape_and_stays_in_the_picture(boxes: np.ndarray, style: str) -> None:
    windows, _ = _windows(_one_track(boxes - 1700), 0, len(boxes), picture_px=(900, 700), style=style)
    wide, high = (windows[:, 2:] - windows[:, :2]).T
    width, height = SHAPES[style]
    np.testing.assert_allclose(wide / high, width / height, rtol=1e-4)
    assert (windows[:, :2] >= -0.01).all()
    assert (windows[:, 2:] <= np.array([900, 700]) + 0.01).all()


def _trembling(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    path = _line(300, (500, 400), (0.5, 0)) + random.normal(0, 3, (300, 2))
    return _moving(path, 100 + random.normal(0, 4, 300))


@pytest.mark.parametrize("style", sorted(STYLES))
def test_the_camera_neither_jitters_nor_breathes(make_tracks, style) -> None:
    """A detector that errs by 3 pixels in place and 4 in size: both are seen less than a twentieth of a pixel."""
    windows, _ = _windows(make_tracks((0, 300, 1.0, _trembling(5)), frame_count=300), 50, 200, style=style)
    assert np.abs(np.diff(_centres(windows), n=2, axis=0)).max() < 0.35
    size = windows[:, 3] - windows[:, 1]
    assert np.abs(np.diff(size)).max() < 0.004 * size.mean()


def test_wider_styles_have_calmer_cameras(make_tracks) -> None:
    tracks = make_tracks((0, 300, 1.0, _trembling(6)), frame_count=300)
    unrest = {
        style: np.abs(np.diff(_centres(_windows(tracks, 50, 200, style=style)[0]), n=2, axis=0)).mean()
        for style in STYLES
    }
    assert unrest["face"] > 2 * unrest["head"] > 4 * unrest["portrait"]


def test_a_head_has_air_above_and_shoulders_below(make_tracks) -> None:
    windows, _ = _windows(make_tracks((0, 50, 1.0, (600, 300, 700, 400)), frame_count=50), 10, 5, style="head")
    # Half box 50, half window 50 * 2.5 = 125; the face is a fifth of that, 25, above the middle.
    np.testing.assert_allclose(windows[0], [525, 250, 775, 500], atol=1e-2)


def test_a_close_face_leaves_no_room_for_the_lift(make_tracks) -> None:
    """A face of 680 in a picture of 720: the window is the whole height, and no part of the face is out of it."""
    windows, _ = _windows(make_tracks((0, 50, 1.0, (300, 20, 980, 700)), frame_count=50), 10, 5, style="head")
    np.testing.assert_allclose(windows[0], [280, 0, 1000, 720], atol=1e-2)


@pytest.mark.parametrize(
    ("box", "height"),
    [
        ((600, 300, 740, 440), 720),  # a sixth of 840 is wanted, the picture has 720
        ((600, 300, 690, 390), 540),
        ((600, 300, 640, 340), 718 / 1.5),  # 240 is wanted; never more than 1.5 times larger
    ],
)
def test_a_portrait_is_never_enlarged_beyond_sense(make_tracks, box, height) -> None:
    windows, _ = _windows(make_tracks((0, 50, 1.0, box), frame_count=50), 10, 5, style="portrait")
    x1, y1, x2, y2 = windows[0]
    assert y2 - y1 == pytest.approx(height, abs=0.1)
    assert x2 - x1 == pytest.approx(height * 404 / 718, abs=0.1)
    assert (x1 + x2) / 2 == pytest.approx((box[0] + box[2]) / 2, abs=0.1)
    assert (box[1] + box[3]) / 2 < (y1 + y2) / 2 + 20


def test_a_wide_face_in_a_portrait_has_no_bars(make_tracks) -> None:
    """Ears may be cut; chin and forehead, and the edge of the picture, may not."""
    windows, _ = _windows(make_tracks((0, 50, 1.0, (300, 10, 1000, 710)), frame_count=50), 10, 5, style="portrait")
    np.testing.assert_allclose(windows[0], [447.5, 0, 852.5, 720], atol=0.5)


@pytest.mark.parametrize(
    ("box", "window"),
    [
        ((0, 0, 100, 100), (0, 0, 140, 140)),  # moved in from the corner
        ((1200, 650, 1280, 730), (1168, 608, 1280, 720)),
        ((340, 60, 940, 660), (280, 0, 1000, 720)),  # 840 wanted, the picture has 720
        ((340, -60, 1140, 740), (380, 0, 1100, 720)),  # a face of 800: all that there is of its height
    ],
)
def test_the_window_stays_in_the_picture_where_it_fits(make_tracks, box, window) -> None:
    windows, _ = _windows(make_tracks((0, 30, 1.0, box), frame_count=30), 10, 5)
    np.testing.assert_allclose(windows[0], window, atol=1e-2)


def test_a_face_higher_than_the_picture_is_wide_is_not_cut(make_tracks) -> None:
    tracks = make_tracks((0, 30, 1.0, (20, 200, 380, 700)), frame_count=30)
    windows, _ = _windows(tracks, 10, 5, picture_px=(400, 1000))
    np.testing.assert_allclose(windows[0], [-50, 200, 450, 700], atol=1e-2)


def test_before_and_after_the_track_the_window_holds(make_tracks) -> None:
    """B15: the clip has every frame of its span, wherever the face was."""
    boxes = _moving(_line(50, (400, 300), (4, 0)))
    windows, covered = _windows(make_tracks((25, 75, 1.0, boxes), frame_count=100), 0, 100)
    assert covered.tolist() == [False] * 25 + [True] * 50 + [False] * 25
    assert len(windows) == 100
    np.testing.assert_array_equal(windows[:25], np.tile(windows[25], (25, 1)))
    np.testing.assert_array_equal(windows[75:], np.tile(windows[74], (25, 1)))


def test_a_gap_inside_a_shot_is_crossed_without_a_jolt(make_tracks) -> None:
    tracks = make_tracks((0, 40, 1.0, (300, 300, 400, 400)), (60, 100, 1.0, (500, 300, 600, 400)), frame_count=100)
    windows, covered = _windows(tracks, 20, 60, speaking=(0, 1))
    assert covered.sum() == 40
    centres = _centres(windows)[:, 0]
    assert (np.diff(centres) >= -0.01).all()
    np.testing.assert_allclose(centres[[0, 30, 59]], [350, 450 + 200 / 42, 550], atol=1)
    assert np.abs(np.diff(centres, n=2)).max() < 2  # straight lines that meet would turn by 9.5 at once


def test_a_track_that_is_lost_and_found_at_once_makes_no_jolt(make_tracks) -> None:
    path = _moving(_line(100, (300, 300), (3, 0)))
    whole = make_tracks((0, 100, 1.0, path), frame_count=100)
    parted = make_tracks((0, 50, 1.0, path[:50]), (51, 100, 1.0, path[51:]), frame_count=100)
    np.testing.assert_allclose(_windows(parted, 20, 60, (1, 0))[0], _windows(whole, 20, 60)[0], atol=0.01)


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


def test_a_shot_without_the_face_is_shown_whole(make_tracks) -> None:
    tracks = make_tracks((0, 40, 1.0, (300, 300, 400, 400)), frame_count=100, shot_starts=(0, 40))
    windows, covered = _windows(tracks, 20, 60)
    assert covered.tolist() == [True] * 20 + [False] * 40
    np.testing.assert_allclose(windows[:20], np.tile([280, 280, 420, 420], (20, 1)), atol=1e-3)
    np.testing.assert_allclose(windows[20:], np.tile([0, -280, 1280, 1000], (40, 1)))


@pytest.mark.parametrize(
    ("picture", "size", "window"),
    [
        ((1280, 720), (224, 224), (0, -280, 1280, 1000)),
        ((1080, 1920), (224, 224), (-420, 0, 1500, 1920)),
        ((900, 720), (90, 160), (0, -440, 900, 1160)),
        ((100, 400), (90, 160), (-62.5, 0, 162.5, 400)),
        ((640, 360), (640, 360), (0, 0, 640, 360)),
    ],
)
def test_the_whole_window_holds_the_picture(picture, size, window) -> None:
    np.testing.assert_allclose(whole_window(picture, size), window)
