"""The crop of a face, against the published recipe stated the plain way: pad the whole picture, then slice."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.vision.crops import face_square, model_crop, smooth_path

HEIGHT, WIDTH = 90, 120
PICTURE = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def recipe_square(picture: np.ndarray, x: float, y: float, half: float, scale: float) -> np.ndarray:
    pad = int(half * (1 + 2 * scale))
    padded = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), constant_values=110)
    my, mx = y + pad, x + pad
    rows = slice(int(my - half), int(my + half * (1 + 2 * scale)))
    columns = slice(int(mx - half * (1 + scale)), int(mx + half * (1 + scale)))
    return cv2.resize(padded[rows, columns], (224, 224))


def recipe_crop(picture: np.ndarray, x: float, y: float, half: float, scale: float) -> np.ndarray:
    return cv2.cvtColor(recipe_square(picture, x, y, half, scale), cv2.COLOR_BGR2GRAY)[56:168, 56:168]


CASES = {
    "inside": (60.0, 40.0, 15.0, 0.4),
    "fractions": (60.37, 40.81, 14.29, 0.4),
    "over the top": (60.0, 5.5, 20.2, 0.4),
    "over the bottom": (60.0, 85.0, 20.2, 0.4),
    "over the left": (3.3, 45.0, 20.2, 0.4),
    "over the right": (118.0, 45.0, 20.2, 0.4),
    "in a corner": (1.0, 1.0, 12.0, 0.4),
    "larger than the picture": (60.0, 45.0, 150.0, 0.4),
    "tiny": (60.2, 40.2, 1.0, 0.4),
    "without margin": (60.0, 40.0, 15.0, 0.0),
    "wide margin": (60.0, 40.0, 9.0, 2.0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_square_is_the_recipes_to_the_pixel(case):
    x, y, half, scale = case
    assert np.array_equal(face_square(PICTURE, (x, y), half, scale), recipe_square(PICTURE, x, y, half, scale))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_models_crop_is_the_recipes_to_the_pixel(case):
    x, y, half, scale = case
    found = model_crop(PICTURE, (x, y), half, scale)
    assert found.shape == (112, 112)
    assert np.array_equal(found, recipe_crop(PICTURE, x, y, half, scale))


@settings(max_examples=60)
@given(st.floats(0, WIDTH), st.floats(0, HEIGHT), st.floats(1, 60), st.floats(0, 2))
def test_any_face_whose_centre_is_in_the_picture_is_cut_as_the_recipe_does(x, y, half, scale):
    assert np.array_equal(face_square(PICTURE, (x, y), half, scale), recipe_square(PICTURE, x, y, half, scale))


@pytest.mark.parametrize(
    ("x", "y", "half"), [(-80.0, 40.0, 10.0), (400.0, 300.0, 10.0), (60.0, -50.0, 5.0)], ids=["left", "far", "above"]
)
def test_a_square_outside_the_picture_is_grey(x, y, half):
    assert (face_square(PICTURE, (x, y), half, 0.4) == 110).all()


@pytest.mark.parametrize("half", [0.0, 0.2, 0.5])
def test_a_face_smaller_than_a_pixel_gives_a_crop(half):
    assert model_crop(PICTURE, (60.0, 40.0), half, 0.4).shape == (112, 112)


def test_the_picture_is_left_as_it_is():
    before = PICTURE.copy()
    model_crop(PICTURE, (1.0, 1.0), 30.0, 0.4)
    assert np.array_equal(PICTURE, before)


def test_a_path_is_centre_and_half_of_the_longer_side():
    path = smooth_path(np.array([[10, 20, 50, 40], [10, 20, 30, 80]], np.float32), 1)
    assert path.tolist() == [[30, 30, 20], [20, 50, 30]]


def test_a_face_in_motion_keeps_its_place_up_to_the_ends():
    # The median of a straight line is its middle; only within half a window of an end can the repeated end show,
    # and there the median is that of what is seen.
    x = 6.0 * np.arange(60)
    path = smooth_path(np.stack([x, x * 0, x + 100, x * 0 + 100], axis=1), 13)
    assert np.array_equal(path[6:-6, 0], x[6:-6] + 50)
    assert np.array_equal(path[[0, -1], 0], x[[0, -1]] + 50)
    assert np.array_equal(path[:, 0], x + 50)
    assert (path[:, 1] == 50).all() and (path[:, 2] == 50).all()


def test_one_wild_box_is_smoothed_away():
    boxes = np.tile(np.array([100, 100, 200, 200], np.float32), (20, 1))
    boxes[[0, 10, 19]] += 77
    assert (smooth_path(boxes, 13)[1:-1] == [150, 150, 50]).all()


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 40)), min_size=1, max_size=30),
    st.sampled_from([1, 3, 7, 13]),
)
def test_smoothing_is_the_median_of_the_window_with_ends_repeated(places, window):
    boxes = np.array([(x, y, x + side, y + side) for x, y, side in places], np.float32)
    raw = np.array([(x + side / 2, y + side / 2, side / 2) for x, y, side in places])
    padded = np.pad(raw, ((window // 2, window // 2), (0, 0)), mode="edge")
    expected = [np.median(padded[i : i + window], axis=0) for i in range(len(raw))]
    assert np.array_equal(smooth_path(boxes, window), expected)
