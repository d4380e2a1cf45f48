"""What a window shows."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.render.cut import BORDER, crop


def _window(*edges_px: float) -> np.ndarray:
    return np.array(edges_px, np.float32)


def _ramp(width: int = 200, height: int = 150) -> np.ndarray:
    """A picture that is 40 + x / 2 + y / 4 in the middle of pixel (x, y)."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.repeat(np.rint(40 + x / 2 + y / 4).astype(np.uint8)[:, :, None], 3, axis=2)


def _ramp_in(window: tuple[float, float, float, float], width: int, height: int = 0) -> np.ndarray:
    x1, y1, x2, y2 = window
    across, down = ((np.arange(count) + 0.5) / count for count in (width, height or width))
    x, y = np.meshgrid(x1 + across * (x2 - x1), y1 + down * (y2 - y1))
    return 40 + x / 2 + y / 4


@pytest.mark.parametrize(
    "window",
    [
        (20, 30, 84, 94),  # pixel by pixel
        (20.5, 30.25, 84.5, 94.25),
        (20.3, 30.7, 50.3, 60.7),  # made larger
        (10.2, 10.4, 107.2, 107.4),  # made smaller
        (3, 3, 140.6, 140.6),
        (0, 0, 150, 150),  # to the very edge of the picture
        (50, 0, 200, 150),
    ],
)
def test_a_window_shows_its_place_to_a_fraction_of_a_pixel(window) -> None:
    shown = crop(_ramp(), _window(*window), (64, 64))
    assert (shown.shape, shown.dtype) == ((64, 64, 3), np.uint8)
    difference = np.abs(shown[:, :, 1].astype(float) - _ramp_in(window, 64))
    assert difference[2:-2, 2:-2].max() <= 1.01  # two roundings of half a level
    assert difference.max() <= 2.01  # at the very edge the last pixel is repeated


def _blob_at(picture: np.ndarray) -> np.ndarray:
    """Where the middle of a bright blob lies, x and y in pixels; a pixel reaches from *i* to *i* + 1."""
    bright = picture[:, :, 0].astype(float)
    y, x = np.indices(bright.shape) + 0.5
    return np.array([(bright * x).sum(), (bright * y).sum()]) / bright.sum()


@pytest.mark.parametrize("side_px", [33.4, 61.7, 64.0, 97.3, 139.1])
def test_a_window_that_creeps_over_the_picture_moves_it_evenly(side_px: float) -> None:
    x, y = np.meshgrid(np.arange(200) + 0.5, np.arange(150) + 0.5)
    blob = np.array([101.3, 77.7])
    picture = (255 * np.exp(-((x - blob[0]) ** 2 + (y - blob[1]) ** 2) / (2 * 3.0**2))).round().astype(np.uint8)
    picture = np.repeat(picture[:, :, None], 3, axis=2)
    for step in range(25):
        corner = blob - side_px * 0.55 + step * np.array([0.07, 0.11])
        shown = crop(picture, np.array([*corner, *(corner + side_px)]), (64, 64))
        expected = (blob - corner) * 64 / side_px
        np.testing.assert_allclose(_blob_at(shown), expected, rtol=0, atol=0.05)


@pytest.mark.parametrize("window", [(20.3, 10.2, 65.3, 90.2), (5, 5, 27.5, 45), (0, 0, 84.375, 150)])
def test_a_window_need_not_be_square(window) -> None:
    shown = crop(_ramp(), _window(*window), (36, 64))
    assert shown.shape == (64, 36, 3)
    difference = np.abs(shown[:, :, 1].astype(float) - _ramp_in(window, 36, 64))
    assert difference[2:-2, 2:-2].max() <= 1.01


@pytest.mark.parametrize("size_px", [(200, 150), (100, 76), (240, 180)])
def test_the_whole_picture(size_px) -> None:
    shown = crop(_ramp(), _window(0, 0, 200, 150), size_px)
    assert shown.shape == (size_px[1], size_px[0], 3)
    difference = np.abs(shown[:, :, 1].astype(float) - _ramp_in((0, 0, 200, 150), *size_px))
    assert difference[2:-2, 2:-2].max() <= 1.01


def test_the_whole_picture_at_its_own_size_is_not_touched() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    np.testing.assert_array_equal(crop(picture, _window(0, 0, 120, 90), (120, 90)), picture)


def test_a_window_of_whole_pixels_copies_them() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    np.testing.assert_array_equal(crop(picture, _window(17, 5, 81, 69), (64, 64)), picture[5:69, 17:81])


@pytest.mark.parametrize("side", [100, 150, 200, 256])
def test_fine_patterns_do_not_alias(side: int) -> None:
    picture = np.zeros((256, 256, 3), np.uint8)
    picture[::2, 1::2] = picture[1::2, ::2] = 255
    shown = crop(picture, _window(0, 0, side, side), (32, 32))
    assert shown.astype(float).std() < 20
    assert shown.mean() == pytest.approx(127.5, abs=3)


def test_grey_beyond_the_picture() -> None:
    picture = np.full((50, 80, 3), 255, np.uint8)
    shown = crop(picture, _window(-10, -20, 90, 80), (100, 100))
    assert (shown[:19] == BORDER).all()
    assert (shown[72:] == BORDER).all()
    assert (shown[21:69, 11:89] == 255).all()
    assert (shown[21:69, :9] == BORDER).all()


def test_no_grey_seam_at_the_edge_of_the_picture() -> None:
    picture = np.full((64, 64, 3), 255, np.uint8)
    assert crop(picture, _window(0, 0, 32, 32), (64, 64)).min() == 255


@pytest.mark.parametrize("side_px", [3.3, 31.7, 500.0, 1290.1, 2000.0])
@pytest.mark.parametrize("corner_px", [(-3.2, 4.9), (0.0, 0.0), (0.4, 0.3), (17.7, 600.0), (1999.2, 1400.7)])
def test_a_window_of_any_size_anywhere_gives_the_size_that_is_wanted(corner_px, side_px: float) -> None:
    picture = np.full((1500, 2000, 3), 255, np.uint8)
    shown = crop(picture, _window(*corner_px, corner_px[0] + side_px, corner_px[1] + side_px), (50, 50))
    assert shown.shape == (50, 50, 3)


@pytest.mark.parametrize("window", [(-90, -90, -40, -40), (500, 500, 600, 600)])
def test_a_window_wholly_outside_is_grey(window) -> None:
    assert (crop(_ramp(), _window(*window), (16, 16)) == BORDER).all()


def test_a_turned_picture_is_read_like_any_other() -> None:
    picture = _ramp()
    turned = np.rot90(np.ascontiguousarray(np.rot90(picture)), -1)
    assert not turned.flags.c_contiguous
    window = _window(20.3, 30.7, 90.3, 100.7)
    np.testing.assert_array_equal(crop(turned, window, (48, 48)), crop(picture, window, (48, 48)))
