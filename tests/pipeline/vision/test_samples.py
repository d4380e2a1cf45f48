"""Samples of a face lie all over its track, however long it becomes."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.vision.samples import FIRST_STEP_FRAMES, MAX_SAMPLES, VIEW_PX, FaceSamples, view_of

BOX = np.array([20, 20, 40, 40], np.float32)


def sampled(first: int, count: int) -> list[int]:
    """The frames that were kept, counted from *first*; a picture is as bright as its number modulo 251."""
    samples = FaceSamples(first)
    kept = {}
    for frame in range(first, first + count):
        picture = np.full((60, 60, 3), frame % 251, np.uint8)
        samples.offer(frame, picture, BOX)
        kept[frame % 251] = frame - first
    return [kept[int(view.picture[VIEW_PX // 2, VIEW_PX // 2, 0])] for view in samples.views]


@pytest.mark.parametrize(("count", "expected"), [(2, []), (3, [2]), (11, [2, 7]), (40, list(range(2, 40, 5)))])
def test_short_tracks(count, expected):
    assert sampled(100, count) == expected


@pytest.mark.parametrize("count", [161, 190, 213, 240])
def test_samples_are_few_and_evenly_spread(count):
    kept = sampled(7, count)
    (step,) = set(np.diff(kept))
    assert MAX_SAMPLES / 2 <= len(kept) <= MAX_SAMPLES
    assert kept[0] == FIRST_STEP_FRAMES // 2 and count - kept[-1] <= step


def test_the_view_is_a_square_around_the_face_at_one_size():
    picture = np.zeros((400, 600, 3), np.uint8)
    picture[100:180, 200:260] = 255
    view = view_of(picture, np.array([200, 100, 260, 180], np.float32))
    # The longer side is 80, so the square has 160 pixels and becomes 224: 1.4 times as large.
    assert view.picture.shape == (VIEW_PX, VIEW_PX, 3)
    assert view.box_px == pytest.approx([70, 56, 154, 168])
    ys, xs = np.nonzero(view.picture[..., 0] > 127)
    assert [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] == pytest.approx(view.box_px.tolist(), abs=1)


def test_what_lies_outside_the_picture_is_grey():
    view = view_of(np.zeros((50, 50, 3), np.uint8), np.array([0, 0, 40, 40], np.float32))
    assert (view.picture[:50] == 110).all() and (view.picture[60:150, 60:150] == 0).all()


def test_the_picture_is_copied():
    picture = np.zeros((60, 60, 3), np.uint8)
    view = view_of(picture, BOX)
    picture[:] = 255
    assert view.picture.max() <= 110
