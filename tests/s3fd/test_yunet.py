from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import WeightsError
from s3fd import FaceDetector, load_detector


@pytest.fixture(scope="module")
def detector(shared: Path) -> FaceDetector:
    return load_detector("yunet", shared / "weights" / "yunet_n_dynamic.onnx")


def test_faces_are_found_where_they_are(detector: FaceDetector, stage: np.ndarray) -> None:
    expected = [[525, 43, 567, 103], [57, 184, 83, 220]]
    np.testing.assert_allclose(detector.detect(stage[:1])[0][:, :4], expected, rtol=0, atol=3)


def test_a_frame_without_faces_keeps_its_place(detector: FaceDetector, mixed: np.ndarray) -> None:
    assert [len(found) for found in detector.detect(mixed)] == [0, 2, 0, 4]


def test_boxes_are_in_pixels_of_the_frames_given(detector: FaceDetector, stage: np.ndarray) -> None:
    full = detector.detect(stage[1:2])[0]
    half = detector.detect(stage[1:2], scale=0.5)[0]
    assert len(full) == len(half) == 1
    np.testing.assert_allclose(half[0, :4], full[0, :4], rtol=0, atol=20)


def test_the_threshold_of_one_call_does_not_last(detector: FaceDetector, stage: np.ndarray) -> None:
    assert len(detector.detect(stage[:1], threshold=0.999)[0]) == 0
    assert len(detector.detect(stage[:1])[0]) == 2


def test_sizes_may_change_from_call_to_call(detector: FaceDetector, stage: np.ndarray) -> None:
    assert len(detector.detect(stage[:1, :150, :])[0]) == 1
    assert len(detector.detect(stage[:1])[0]) == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.onnx"):
        load_detector("yunet", tmp_path / "none.onnx")


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "page.onnx"
    path.write_bytes(b"<html>404</html>")
    with pytest.raises(WeightsError, match=r"page\.onnx"):
        load_detector("yunet", path)
