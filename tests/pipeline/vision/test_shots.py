"""Cuts are found at the right frame, and soon enough."""

from __future__ import annotations

import cv2
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


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("detector", DETECTORS)
def test_cuts_are_at_the_first_frame_of_the_new_shot(detector, size):
    found = cuts(ShotFinder(detector), scenes(0, 12, *size) + scenes(1, 9, *size) + scenes(2, 15, *size))
    assert [cut for cut, _ in found] == [12, 21]


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_cut_is_known_within_the_lag(detector):
    """Even where a picture of one colour, which may be a flash, is at a cut."""
    finder = ShotFinder(detector)
    shots = (scenes(0, 10), scenes(1, 8), pictures([30]), scenes(2, 7), scenes(0, 20))
    found = cuts(finder, [picture for shot in shots for picture in shot])
    assert [cut for cut, _ in found] == [10, 18, 48, 55]
    assert all(cut <= told <= cut + finder.lag for cut, told in found)


@pytest.mark.parametrize("detector", DETECTORS)
def test_one_shot_has_no_cut(detector):
    assert cuts(ShotFinder(detector), pictures([60])) == []


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("detector", DETECTORS)
def test_few_pictures_have_no_cut(detector, count):
    assert cuts(ShotFinder(detector), pictures([count])) == []


@pytest.mark.slow
@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize(
    "lengths",
    [*([20, flash, 20] for flash in (1, 2, 3, 6, 8, 10)), *([15, *[each] * 9, 15] for each in (1, 3, 6, 7, 9, 10))],
    ids=str,
)
def test_flashes_and_strobe_light_are_no_cuts(detector, lengths):
    assert cuts(ShotFinder(detector), pictures(lengths)) == []


@pytest.mark.slow
@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("each", [2, 6, 8, 10])
@pytest.mark.parametrize("light", ["white", "black", "bright", "inverted"])
def test_strobe_light_on_a_scene_is_no_cut(detector, each, light):
    frames = scenes(0, 120)
    for at, frame in enumerate(frames):
        if at // each % 2:
            bright = np.clip(frame.astype(int) + 90, 0, 255).astype(np.uint8)
            lit = {"white": np.full_like(frame, 255), "black": np.zeros_like(frame), "bright": bright}
            frames[at] = lit.get(light, 255 - frame)
    assert cuts(ShotFinder(detector), frames) == []


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("length", [7, 9])
def test_black_between_two_scenes_is_a_cut(detector, length):
    frames = scenes(0, 20) + [np.zeros((36, 64, 3), np.uint8)] * length + scenes(1, 20)
    assert [cut for cut, _ in cuts(ShotFinder(detector), frames)] == [20, 20 + length]


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("flash", [0, 255], ids=["black", "white"])
def test_a_cut_under_a_flash_is_one_cut(detector, flash):
    frames = scenes(0, 20) + [np.full((36, 64, 3), flash, np.uint8)] * 2 + scenes(1, 20)
    finder = ShotFinder(detector)
    found = [cut for cut, _ in cuts(finder, frames)] + finder.finish()
    assert len(found) == 1 and 20 <= found[0] <= 22


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("late", [-2, -1, 0, 1, 2])
def test_a_cut_is_found_under_a_burst_of_flashes_and_they_are_none(detector, late):
    """The flashes light another part of the picture each; one of them is *late* frames after the cut."""
    frames, x = scenes(0, 40) + scenes(4, 40), np.arange(64)[None, :, None]
    for number, at in enumerate([22, 25, 27, 31, 33, 36, 40 + late, 44, 46, 49, 53]):
        field = 1 + 6 * np.exp(-(((x - 13 * number % 64) / 20) ** 2))
        for frame, share in ((at, 1.0), (at + 1, 0.4)):
            frames[frame] = (frames[frame] * (1 + share * (field - 1))).clip(0, 255).astype(np.uint8)
    finder = ShotFinder(detector)
    found = [cut for cut, _ in cuts(finder, frames)] + finder.finish()
    assert len(found) == 1 and abs(found[0] - 40) <= 2


@pytest.mark.parametrize("detector", DETECTORS)
def test_dark_scenes_are_told_apart_though_a_flash_changes_more_than_the_cut(detector):
    frames = [(frame * 0.12).astype(np.uint8) for frame in scenes(0, 30) + scenes(1, 30)]
    frames[29] = np.full_like(frames[29], 250)
    finder = ShotFinder(detector)
    found = [cut for cut, _ in cuts(finder, frames)] + finder.finish()
    assert len(found) == 1 and 29 <= found[0] <= 30


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_short_reverse_shot_stays(detector):
    frames = scenes(0, 30) + scenes(1, 10) + scenes(0, 30)
    assert [cut for cut, _ in cuts(ShotFinder(detector), frames)] == [30, 40]


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_cut_near_the_end_is_known_at_the_end(detector):
    finder = ShotFinder(detector)
    assert [cut for cut, _ in cuts(finder, scenes(0, 20) + scenes(1, 5))] == []
    assert finder.finish() == [20]


@pytest.mark.parametrize("length", [5, 10, 25, 40, 50])
@pytest.mark.parametrize("kind", ["dissolve", "wipe", "black"])
def test_a_gradual_transition_is_one_cut_in_it(kind, length):
    before, after = scenes(0, 40), scenes(1, 40)
    between = [mixed(before[0], after[0], (at + 1) / (length + 1), kind) for at in range(length)]
    finder = ShotFinder("adaptive")
    found = cuts(finder, before + between + after)
    assert len(found) == 1 and 40 <= found[0][0] <= 40 + length
    assert found[0][1] <= found[0][0] + finder.lag
    if length <= 25:
        assert found[0][0] == pytest.approx(40 + length / 2, abs=3)


@pytest.mark.slow
@pytest.mark.parametrize("step", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("kind", ["pan", "zoom", "light"])
def test_a_moving_camera_and_light_are_no_transition(kind, step):
    still, frames = scenes(0, 1, 270, 480)[0], []
    for at in range(80):
        moved = step * min(max(at - 15, 0), 50)
        if kind == "light":
            frames.append((still * (1 - moved / 200)).astype(np.uint8))
            continue
        left, margin = (moved, 0) if kind == "pan" else (0, moved / 3)
        x, y = round(left + margin), round(margin * 9 / 16)
        frames.append(cv2.resize(still[y : 144 - y or None, x : 256 + round(left - margin)], (256, 144)))
    assert cuts(ShotFinder("adaptive"), frames) == []


def scenes(number: int, count: int, height: int = 36, width: int = 64) -> list[np.ndarray]:
    """Pictures of one scene: large spots of colour, and a little noise."""
    rng = np.random.default_rng(number)
    spots = rng.integers(20, 230, (5, 8, 3)).astype(np.float32)
    scene = cv2.resize(spots, (width, height), interpolation=cv2.INTER_CUBIC).clip(8, 247)
    return [(scene + rng.integers(-3, 4, scene.shape)).astype(np.uint8) for _ in range(count)]


def mixed(before: np.ndarray, after: np.ndarray, share: float, kind: str) -> np.ndarray:
    """A picture of a transition, *share* of the way."""
    if kind == "wipe":
        edge = round(share * before.shape[1])
        return np.concatenate([after[:, :edge], before[:, edge:]], axis=1)
    if kind == "black":
        shown = before if share < 0.5 else after
        return (shown * abs(2 * share - 1)).astype(np.uint8)
    return (before * (1 - share) + after * share).astype(np.uint8)


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_high_threshold_hides_a_cut(detector):
    dim = [np.full((36, 64, 3), level, np.uint8) for level in [40] * 12 + [41, 40] * 3 + [150] * 12]
    assert cuts(ShotFinder(detector), dim) != []
    assert cuts(ShotFinder(detector, 254.0), dim) == []


def test_a_threshold_of_zero_is_not_the_default():
    still = [np.full((36, 64, 3), 90, np.uint8)] * 20
    assert cuts(ShotFinder("content"), still) == []
    assert cuts(ShotFinder("content", 0.0), still) != []


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_picture_is_left_as_it_is(detector):
    finder = ShotFinder(detector)
    for frame, picture in enumerate(pictures([4], 300, 600)):
        picture.flags.writeable = False
        finder.push(frame, picture)
