from __future__ import annotations

import numpy as np
import pytest

from s3fd.common import as_detections, auto_scale, check_frames, resized


@pytest.mark.parametrize(
    ("model", "height", "width", "scale"),
    [
        ("s3fd", 1080, 1920, 0.25),
        ("s3fd", 120, 160, 0.25),
        ("yunet", 720, 1280, 0.5),
        ("mtcnn", 1280, 720, 0.5),
        ("mtcnn", 360, 480, 1.0),
    ],
)
def test_auto_scale(model: str, height: int, width: int, scale: float) -> None:
    assert auto_scale(model, height, width) == scale


def test_auto_scale_names_what_it_knows() -> None:
    with pytest.raises(ValueError, match="yunet"):
        auto_scale("haar", 720, 1280)


@pytest.mark.parametrize(
    ("frames", "scale"),
    [
        (np.zeros((2, 4, 4), np.uint8), 1.0),
        (np.zeros((2, 4, 4, 3), np.float32), 1.0),
        (np.zeros((2, 0, 4, 3), np.uint8), 1.0),
        (np.zeros((2, 4, 4, 3), np.uint8), 0.0),
        (np.zeros((2, 4, 4, 3), np.uint8), float("nan")),
    ],
)
def test_frames_of_another_form_are_refused(frames: np.ndarray, scale: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        check_frames(frames, scale)


def test_a_frame_never_shrinks_to_nothing() -> None:
    assert resized(np.zeros((2, 300, 3), np.uint8), 0.01).shape == (1, 3, 3)


def test_detections_are_finite_ordered_over_the_threshold_and_best_first() -> None:
    boxes = np.array([[0, 0, 5, 5], [1, 1, 6, 6], [5, 0, 5, 9], [0, 9, 5, 3], [np.nan, 0, 5, 5], [0, 0, np.inf, 5]])
    scores = np.array([0.5, 0.9, 1.0, 1.0, 1.0, 1.0])
    found = as_detections(boxes, scores, 0.5)
    np.testing.assert_allclose(found, [[1, 1, 6, 6, 0.9], [0, 0, 5, 5, 0.5]], rtol=1e-6)
    assert found.dtype == np.float32


def test_no_boxes_give_an_empty_table() -> None:
    assert as_detections(np.zeros((0, 4)), np.zeros(0), 0.5).shape == (0, 5)
