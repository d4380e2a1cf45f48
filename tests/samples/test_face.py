"""Faces in different poses; the portraits come from the generator's requirements."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from samples.face import Face, Pose, View
from samples.portraits import ADMIRAL, ASTRONAUT, Portrait, picture_of

PORTRAITS = {
    "astronaut": (ASTRONAUT, View(1.0, (225, 120), (240, 200))),
    "admiral": (ADMIRAL, View(0.5, (265, 230), (240, 200))),
}


@pytest.fixture(params=PORTRAITS)
def shown(request: pytest.FixtureRequest) -> tuple[Portrait, View]:
    portrait, view = PORTRAITS[request.param]
    if importlib.util.find_spec(portrait.wheel) is None:
        pytest.skip(f"requirements-samples.txt is not installed (no {portrait.wheel})")
    return portrait, view


@pytest.fixture
def face(shown: tuple[Portrait, View]) -> Face:
    return Face(*shown)


def mouth_of(picture: np.ndarray, shown: tuple[Portrait, View]) -> np.ndarray:
    """The middle of the mouth in a picture without sway, grey."""
    portrait, view = shown
    left, top = view.center[0] * view.scale - view.size[0] / 2, view.center[1] * view.scale - view.size[1] / 2
    x = [(portrait.upper_inner[i][0] * view.scale - left) for i in (0, -1)]
    y = portrait.upper_inner[len(portrait.upper_inner) // 2][1] * view.scale - top
    third = (x[1] - x[0]) / 3
    return picture[round(y) : round(y + third), round(x[0] + third) : round(x[1] - third)].mean(axis=2)


def test_closed_mouth_of_the_admiral_is_the_portrait() -> None:
    portrait, _ = PORTRAITS["admiral"]
    if importlib.util.find_spec(portrait.wheel) is None:
        pytest.skip(f"requirements-samples.txt is not installed (no {portrait.wheel})")
    drawn = Face(portrait, View(1.0, (256, 300), (512, 600))).draw(Pose())
    assert np.abs(drawn.astype(int) - picture_of(portrait)).mean() < 0.2


def test_open_mouth_is_dark_inside(face: Face, shown: tuple[Portrait, View]) -> None:
    closed, opened = (mouth_of(face.draw(Pose(opening=value)), shown) for value in (0.0, 1.0))
    assert np.percentile(opened, 10) < 60 < np.percentile(closed, 10)


def test_mouth_moves_nothing_above_the_nose(face: Face, shown: tuple[Portrait, View]) -> None:
    portrait, view = shown
    eyes_y = round((portrait.nose_y - 35 / view.scale - view.center[1]) * view.scale + view.size[1] / 2)
    change = np.abs(face.draw(Pose(opening=1.0)).astype(int) - face.draw(Pose()))
    assert change[:eyes_y].max() <= 1 < change[eyes_y:].max()


def test_rounded_mouth_is_narrower(face: Face, shown: tuple[Portrait, View]) -> None:
    """What is dark of an open mouth spans fewer columns."""

    def dark_columns(spread: float) -> int:
        change = face.draw(Pose(opening=1.0, spread=spread)).mean(axis=2) < 50
        x1, y1, x2, y2 = (round(value) for value in face.box_px(Pose()))
        height = y2 - y1
        return int(change[y2 - height * 2 // 5 : y2 - height // 8, x1 + 8 : x2 - 8].any(axis=0).sum())

    assert dark_columns(-1.0) < 0.9 * dark_columns(0.0)


def test_blink_changes_both_eyes_only(face: Face) -> None:
    change = np.abs(face.draw(Pose(blink=1.0)).astype(int) - face.draw(Pose())).max(axis=2) > 20
    x1, y1, x2, y2 = (round(value) for value in face.box_px(Pose()))
    middle_x, middle_y = (x1 + x2) // 2, (y1 + y2) // 2
    eyes = change[y1:middle_y]
    assert eyes[:, x1:middle_x].any() and eyes[:, middle_x:x2].any()
    assert change.sum() == eyes[:, x1:x2].sum()


def test_box_follows_the_head(face: Face) -> None:
    rest, moved = face.box_px(Pose()), face.box_px(Pose(shift_x=0.02, shift_y=-0.01, roll_deg=1.0))
    width = rest[2] - rest[0]
    assert np.subtract(moved, rest) == pytest.approx([0.02 * width, -0.01 * width] * 2)


def test_head_moves_and_the_corners_of_the_picture_do_not(face: Face) -> None:
    change = np.abs(face.draw(Pose(shift_x=0.05)).astype(int) - face.draw(Pose())).max(axis=2)
    assert change[-12:, :12].max() == 0 < change[80:120, 80:160].mean()


def test_same_pose_gives_the_same_picture(face: Face) -> None:
    pose = Pose(0.5, -0.3, 0.4, 0.01, 0.01, 1.0)
    assert np.array_equal(face.draw(pose), face.draw(pose))
