"""Values of the plan of an upright video."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.framing.plan import CameraPath, FramingPlan, Mode, Panel, Run

STILL = CameraPath(np.array([0.0]), np.array([[320.0, 180.0, 360.0]]))


def run(first: int, stop: int, mode: Mode = "follow", panels: int = 1) -> Run:
    shown = tuple(Panel((person,), STILL) for person in range(panels))
    return Run(first, stop, mode, shown, "start", "speaker model", 1, "")


def plan(*runs: Run, content_px: tuple[int, int, int, int] = (0, 0, 640, 360)) -> FramingPlan:
    return FramingPlan((640, 360), (404, 720), content_px, "blur", runs)


def test_a_camera_stands_before_its_first_key_and_after_its_last() -> None:
    path = CameraPath(np.array([10.0, 20.0]), np.array([[100.0, 50.0, 360.0], [200.0, 50.0, 180.0]]))
    assert path.at(0) == (100, 50, 360)
    assert path.at(15) == (150, 50, 270)
    assert path.at(99) == (200, 50, 180)


def test_a_camera_has_keys_in_order() -> None:
    with pytest.raises(ValueError, match="ascending"):
        CameraPath(np.array([3.0, 3.0]), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="expected"):
        CameraPath(np.array([]), np.zeros((0, 3)))


def test_runs_follow_one_another_without_a_gap() -> None:
    assert plan(run(5, 10), run(10, 30)).span_s == (0.2, 1.2)
    with pytest.raises(ValueError, match="from frame 10, got one from 11"):
        plan(run(0, 10), run(11, 30))
    with pytest.raises(ValueError, match="at least one"):
        plan()


def test_a_split_has_two_panels_and_all_else_one() -> None:
    assert plan(run(0, 10, "split", 2)).panel_size_px("split") == (404, 360)
    with pytest.raises(ValueError, match="split has not 1 panels"):
        run(0, 10, "split", 1)
    with pytest.raises(ValueError, match="pair has not 2 panels"):
        run(0, 10, "pair", 2)


def test_a_wide_picture_keeps_the_shape_of_the_content() -> None:
    assert plan(run(0, 1)).panel_size_px("wide") == (404, 228)
    assert plan(run(0, 1), content_px=(0, 45, 640, 315)).panel_size_px("wide") == (404, 170)
    assert plan(run(0, 1), content_px=(260, 0, 380, 360)).panel_size_px("wide") == (240, 720)
