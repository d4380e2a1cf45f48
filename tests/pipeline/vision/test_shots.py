"""Cuts are found at the right frame, and soon enough."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.vision.shots import ShotFinder

DETECTORS = ("adaptive", "content")
SIZES = {"16x16": (16, 16), "200 wide": (120, 200), "256 wide": (144, 256), "640 wide": (360, 640), "tall": (900, 300)}


def pictures(lengths: list[int], height: int = 36, width: int = 64) -> list[np.ndarray]:
    """Shots that are alternately dark and bright, with a little noise."""
    rng = np.random.default_rng(0)
    levels = [level for shot, length in enumerate(lengths) for level in [40 + 160 * (shot % 2)] * length]
    return [rng.integers(level - 3, level + 4, (height, width, 3)).astype(np.uint8) for level in levels]


def cuts(finder: ShotFinder, frames: list[np.ndarray]) -> list[tuple[int, int]]:
    """Each cut with the frame whose push told it."""
    return [(cut, frame) for frame, picture in enumerate(frames) for cut in finder.push(frame, picture)]


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("detector", DETECTORS)
def test_cuts_are_at_the_first_frame_of_the_new_shot(detector, size):
    found = cuts(ShotFinder(detector), pictures([12, 9, 15], *size))
    assert [cut for cut, _ in found] == [12, 21]


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_cut_is_known_within_the_lag(detector):
    finder = ShotFinder(detector)
    found = cuts(finder, pictures([10, 8, 30, 7, 10]))
    assert [cut for cut, _ in found] == [10, 18, 48, 55]
    assert all(cut <= told <= cut + finder.lag for cut, told in found)


@pytest.mark.parametrize("detector", DETECTORS)
def test_one_shot_has_no_cut(detector):
    assert cuts(ShotFinder(detector), pictures([60])) == []


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("detector", DETECTORS)
def test_few_pictures_have_no_cut(detector, count):
    assert cuts(ShotFinder(detector), pictures([count])) == []


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_flash_makes_no_shot_of_its_own(detector):
    # 2 frames are fewer than MIN_SHOT_FRAMES: the way back is not a cut. Adaptive: each change hides the other.
    found = [cut for cut, _ in cuts(ShotFinder(detector), pictures([20, 2, 20]))]
    assert found == {"adaptive": [], "content": [20]}[detector]


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_high_threshold_hides_a_cut(detector):
    dim = [np.full((36, 64, 3), level, np.uint8) for level in [40] * 12 + [41, 40] * 3 + [150] * 12]
    assert cuts(ShotFinder(detector), dim) != []
    assert cuts(ShotFinder(detector, 254.0), dim) == []


def test_a_threshold_of_zero_is_not_the_default():
    still = [np.full((36, 64, 3), 90, np.uint8)] * 12
    assert cuts(ShotFinder("content"), still) == []
    assert cuts(ShotFinder("content", 0.0), still) != []


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_picture_is_left_as_it_is(detector):
    finder = ShotFinder(detector)
    for frame, picture in enumerate(pictures([4], 300, 600)):
        picture.flags.writeable = False
        finder.push(frame, picture)
