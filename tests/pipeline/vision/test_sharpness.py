"""A face that moved while the picture was taken is less sharp across than up and down."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.vision.sharpness import MIN_EVENNESS, evenness

NOISE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8), (0, 0), 2)


@pytest.mark.parametrize("blur_px", [0.5, 2.0, 6.0])
def test_a_face_out_of_focus_is_as_sharp_in_both_directions(blur_px):
    assert evenness(cv2.GaussianBlur(NOISE, (0, 0), blur_px)) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("length", [9, 15, 31])
def test_motion_sideways_is_uneven_and_up_and_down_the_other_way(length):
    assert evenness(cv2.blur(NOISE, (length, 1))) < MIN_EVENNESS
    assert evenness(cv2.blur(NOISE, (1, length))) > 1 / MIN_EVENNESS


def test_a_picture_of_one_colour_is_even():
    assert evenness(np.full((112, 112, 3), 90, np.uint8)) == 1.0
