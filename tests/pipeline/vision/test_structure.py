"""The structure of a picture stays in any light, and another scene has another one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.vision.structure import alike, grey, structure_of


def scene(number: int, left: int = 0) -> np.ndarray:
    """Spots of colour, seen from *left* pixels to the right."""
    spots = np.random.default_rng(number).integers(20, 230, (9, 20, 3)).astype(np.float32)
    wide = cv2.resize(spots, (320, 144), interpolation=cv2.INTER_CUBIC).clip(8, 247).astype(np.uint8)
    return np.ascontiguousarray(wide[:, left : left + 256])


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    return alike(structure_of(grey(first)), structure_of(grey(second)))


@pytest.mark.parametrize("gain", [0.2, 0.6, 1.5])
def test_light_that_differs_over_the_picture_leaves_the_structure(gain):
    across = np.linspace(1, gain, 256)[None, :, None]
    lit = (scene(0) * across).clip(0, 255).astype(np.uint8)
    assert likeness(scene(0), lit) > 0.85


def test_another_scene_has_another_structure_in_the_same_light():
    found = [likeness(scene(0), scene(number)) for number in range(1, 6)]
    assert max(found) < 0.45


def test_a_camera_that_was_moved_a_little_sees_the_same_structure():
    assert likeness(scene(0), scene(0, left=20)) > 0.8
    assert likeness(scene(0), scene(0, left=60)) < 0.6


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_picture_of_one_colour_shows_nothing(level):
    assert structure_of(grey(np.full((144, 256, 3), level, np.uint8))).is_flat
    assert not structure_of(grey(scene(0))).is_flat
