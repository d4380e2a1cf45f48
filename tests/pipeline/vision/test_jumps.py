"""Jump cuts within one seat are found at their frame, and what looks like one is none."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.vision.jumps import CALM_FRAMES, JumpFinder
from pipeline.vision.shots import ShotFinder

SIZE = (256, 144)
AT = 30
"""First frame after the jump."""


def room(seed: int = 0) -> np.ndarray:
    """A wall with many edges, wider and higher than the picture."""
    spots = np.random.default_rng(seed).integers(60, 140, (20, 34)).astype(np.uint8)
    return cv2.cvtColor(cv2.resize(spots, (320, 180), interpolation=cv2.INTER_NEAREST), cv2.COLOR_GRAY2BGR)


def seated(camera: tuple[float, float] = (0, 0), head: float = 0, nod: float = 0, scale: float = 1.0) -> np.ndarray:
    """A person before the wall: where the camera and the head are, in pixels, and how large all is."""
    picture = room()
    middle = round(160 + head), round(86 + nod)
    cv2.ellipse(picture, (round(160 + head / 2), 190), (64, 66), 0, 0, 360, (50, 40, 90), -1)
    cv2.ellipse(picture, middle, (30, 38), 0, 0, 360, (120, 150, 200), -1)
    for side in (-12, 12):
        cv2.circle(picture, (middle[0] + side, middle[1] - 8), 4, (30, 30, 30), -1)
    move = np.array([[scale, 0, 128 - scale * (160 + camera[0])], [0, scale, 72 - scale * (90 + camera[1])]])
    return cv2.warpAffine(picture, move, SIZE, flags=cv2.INTER_LINEAR)


def filmed(shown: list[np.ndarray]) -> list[np.ndarray]:
    """The pictures with a little noise, as of a camera."""
    rng = np.random.default_rng(1)
    return [(picture.astype(np.int16) + rng.integers(-3, 4, picture.shape)).clip(0, 255).astype(np.uint8)
            for picture in shown]  # fmt: skip


def talking(first: int, stop: int, **where: Any) -> list[np.ndarray]:
    """A person who nods a little, at these frames."""
    return [seated(nod=3 * np.sin(frame / 3), **where) for frame in range(first, stop)]


def jumps(frames: list[np.ndarray]) -> list[tuple[int, int]]:
    """Each jump with the frame whose push told it."""
    finder = JumpFinder()
    told = ((finder.push(picture), frame) for frame, picture in enumerate(frames))
    return [(found, frame) for found, frame in told if found is not None]


MOVED = {
    "shifted": {"camera": (6, 2), "head": 9},
    "enlarged": {"scale": 1.08, "head": -8},
}


@pytest.mark.parametrize("where", MOVED.values(), ids=MOVED)
def test_face_and_background_that_jump_together_are_a_cut(where):
    frames = filmed(talking(0, AT) + talking(60, 100, **where))
    assert jumps(frames) == [(AT, AT + JumpFinder.lag)]


@pytest.mark.parametrize("detector", ["adaptive", "content"])
def test_a_shot_begins_at_a_jump_that_no_detector_sees(detector, monkeypatch):
    frames = filmed(talking(0, AT) + talking(60, 100, **MOVED["shifted"]))

    def cuts() -> list[int]:
        finder = ShotFinder(detector)
        return [cut for frame, picture in enumerate(frames) for cut in finder.push(frame, picture)] + finder.finish()

    assert cuts() == [AT]
    monkeypatch.setattr(JumpFinder, "push", lambda *_: None)
    assert cuts() == []


def test_a_camera_that_is_moved_within_a_few_frames_is_no_cut():
    ways = np.clip((np.arange(70) - AT) / 4, 0, 1)
    assert jumps(filmed([seated(camera=(6 * way, 2 * way), head=9 * way) for way in ways])) == []


def test_a_camera_that_is_bumped_and_swings_is_no_cut():
    late = np.maximum(np.arange(70) - AT, 0)
    swung = np.where(np.arange(70) >= AT, 6 * np.exp(-late / 4) * np.cos(late * 1.2), 0)
    assert jumps(filmed([seated(camera=(way, 0)) for way in swung])) == []


@pytest.mark.parametrize("length", [1, 2, 3])
def test_what_is_as_before_a_moment_later_is_no_cut(length):
    frames = talking(0, 70)
    frames[AT : AT + length] = talking(60, 60 + length, **MOVED["shifted"])
    assert jumps(filmed(frames)) == []


def test_a_picture_that_was_frozen_catches_up_without_a_cut():
    """The noise stands still, too, as it is the same picture that is shown again."""
    frames = filmed(talking(0, AT - 6) + talking(60, 106, **MOVED["shifted"]))
    frames[AT - 6 : AT - 6] = [frames[AT - 7]] * 6
    assert jumps(frames) == []


def test_every_third_frame_of_a_slow_source_is_no_cut():
    frames = filmed([seated(camera=(frame // 3 * 1.5, 0), head=frame // 3 * 2.0) for frame in range(60)])
    assert jumps(frames) == []


@pytest.mark.parametrize("rows", [slice(0, 50), slice(100, 144)], ids=["above", "below"])
def test_a_picture_that_is_put_in_is_no_cut(rows):
    frames = talking(0, 70)
    for frame in frames[AT:]:
        frame[rows] = cv2.resize(room(5), SIZE)[rows]
    assert jumps(filmed(frames)) == []


def lighted(gain: float) -> list[np.ndarray]:
    """A person on whom light is switched on or off."""
    return filmed(talking(0, AT) + [(frame * gain).clip(0, 255).astype(np.uint8) for frame in talking(AT, 70)])


@pytest.mark.parametrize("gain", [0.96, 1.04])
def test_a_little_more_light_is_no_jump(gain):
    assert jumps(lighted(gain)) == []


@pytest.mark.parametrize("gain", [0.8, 1.2])
def test_where_the_light_changes_much_no_shot_begins_by_a_jump(gain):
    frames = lighted(gain)
    assert jumps(frames) != []
    finder = ShotFinder("content")
    assert [cut for frame, picture in enumerate(frames) for cut in finder.push(frame, picture)] == []


@pytest.mark.parametrize("at", [CALM_FRAMES, 70 - CALM_FRAMES])
def test_a_jump_near_the_beginning_or_the_end_is_not_told(at):
    assert jumps(filmed(talking(0, at) + talking(60, 130 - at, **MOVED["shifted"]))) == []
