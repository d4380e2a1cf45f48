from __future__ import annotations

import numpy as np
import pytest

from s3fd.mtcnn_landmarks import MtcnnLandmarks

pytestmark = pytest.mark.slow


def test_a_box_without_area_has_no_points() -> None:
    assert MtcnnLandmarks().points(np.zeros((20, 20, 3), np.uint8), np.array([5, 5, 5, 5])) is None


def test_nothing_but_noise_has_no_points() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
    assert MtcnnLandmarks().points(noise, np.array([10, 10, 80, 80])) is None
