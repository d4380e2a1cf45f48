"""Faces found again in an upright video by their pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.common.shown_faces import FaceFinder

SOURCE_PX, UPRIGHT_PX = (640, 360), (404, 720)
FACE = np.array([300, 100, 380, 200])


@pytest.fixture(scope="module")
def source() -> np.ndarray:
    """A picture of blurred noise: no part of it looks like another."""
    noise = np.random.default_rng(7).integers(0, 256, (360, 640, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 5), np.empty(0), 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]


def _shown(source: np.ndarray, x1: float, y1: float, height: float) -> np.ndarray:
    """The window from x1, y1 of that height, in the shape of the upright video."""
    scale = UPRIGHT_PX[1] / height
    matrix = np.array([[scale, 0, -x1 * scale], [0, scale, -y1 * scale]])
    return cv2.warpAffine(source, matrix, UPRIGHT_PX, flags=cv2.INTER_LINEAR)


@pytest.mark.parametrize(
    ("x1", "y1", "height", "found"),
    [
        (250, 0, 360, True),
        (290, 60, 200, True),
        (285, 0, 360, True),
        (330, 0, 360, False),  # its left third is cut off
        (200, 0, 360, True),
        (0, 0, 360, False),
        (290, 130, 200, False),  # its forehead is cut off
    ],
)
def test_a_face_is_found_where_it_is_shown_whole(
    source: np.ndarray, x1: float, y1: float, height: float, found: bool
) -> None:
    finder = FaceFinder(SOURCE_PX, UPRIGHT_PX)
    for _ in range(2):  # the second time it knows the size
        assert finder.find(finder.small(_shown(source, x1, y1, height)), source, FACE) == found


def test_a_face_is_found_in_the_whole_picture_made_small(source: np.ndarray) -> None:
    wide = np.zeros((720, 404, 3), np.uint8)
    wide[246:473] = cv2.resize(source, (404, 227), interpolation=cv2.INTER_AREA)
    finder = FaceFinder(SOURCE_PX, UPRIGHT_PX)
    assert finder.find(finder.small(wide), source, FACE)


def test_a_box_without_a_picture_is_not_found(source: np.ndarray) -> None:
    finder = FaceFinder(SOURCE_PX, UPRIGHT_PX)
    small = finder.small(_shown(source, 250, 0, 360))
    assert not finder.find(small, source, np.array([700, 0, 800, 100]))
