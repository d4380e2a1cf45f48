from __future__ import annotations

import numpy as np
import pytest
from facenet_pytorch import MTCNN

from s3fd import FaceDetector, load_detector


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return load_detector("mtcnn", None)


@pytest.mark.slow
def test_boxes_are_those_of_facenet_pytorch(detector: FaceDetector, stage: np.ndarray) -> None:
    found = detector.detect(stage, threshold=0.7)
    boxes, scores, *_ = MTCNN(keep_all=True).detect(np.ascontiguousarray(stage[..., ::-1]))
    for ours, box, score in zip(found, boxes, scores, strict=True):
        order = np.argsort(-score, kind="stable")
        np.testing.assert_allclose(ours, np.c_[box, score][order], rtol=0, atol=1e-2)


@pytest.mark.slow
def test_a_frame_without_faces_keeps_its_place(detector: FaceDetector, mixed: np.ndarray) -> None:
    assert [len(found) for found in detector.detect(mixed, threshold=0.7)] == [0, 2, 0, 4]


@pytest.mark.slow
def test_a_batch_of_nothing_but_empty_frames(detector: FaceDetector) -> None:
    found = detector.detect(np.zeros((5, 64, 96, 3), np.uint8))
    assert [array.shape for array in found] == [(0, 5)] * 5


@pytest.mark.slow
def test_each_frame_is_judged_alone(detector: FaceDetector, mixed: np.ndarray) -> None:
    together = detector.detect(mixed)
    for frame, found in zip(mixed, together, strict=True):
        np.testing.assert_allclose(detector.detect(frame[None])[0], found, rtol=0, atol=1e-2)


@pytest.mark.slow
def test_boxes_are_in_pixels_of_the_frames_given(detector: FaceDetector, stage: np.ndarray) -> None:
    full = detector.detect(stage[1:2])[0]
    half = detector.detect(stage[1:2], scale=0.5)[0]
    assert len(full) == len(half) == 1
    np.testing.assert_allclose(half[0, :4], full[0, :4], rtol=0, atol=20)


@pytest.mark.slow
def test_the_threshold_acts(detector: FaceDetector, stage: np.ndarray) -> None:
    scores = np.concatenate([found[:, 4] for found in detector.detect(stage, threshold=0.9)])
    assert (scores >= 0.9).all()
    middle = float(np.sort(scores)[len(scores) // 2])
    assert sum(map(len, detector.detect(stage, threshold=middle + 1e-7))) < len(scores)


@pytest.mark.parametrize("shape", [(1, 8, 8, 3), (1, 19, 300, 3), (0, 64, 64, 3)])
def test_pictures_too_small_for_a_face(detector: FaceDetector, shape: tuple[int, ...]) -> None:
    found = detector.detect(np.full(shape, 200, np.uint8))
    assert [array.shape for array in found] == [(0, 5)] * shape[0]
