from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import WeightsError
from s3fd import load_detector
from s3fd.landmarks import LandmarkFinder, YuNetLandmarks, load_landmarks
from s3fd.mtcnn_landmarks import MtcnnLandmarks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def yunet(shared: Path) -> Path:
    return shared / "weights" / "yunet_n_dynamic.onnx"


@pytest.fixture(scope="module")
def boxes(stage: np.ndarray, yunet: Path) -> np.ndarray:
    """(2, 4) the two largest faces of the first picture, left one first."""
    rows = load_detector("yunet", yunet).detect(stage[:1])[0]
    rows = rows[np.argsort(rows[:, 1] - rows[:, 3])][:2, :4]
    return rows[np.argsort(rows[:, 0])]


@pytest.fixture(scope="module", params=["yunet", "mtcnn"])
def finder(request: pytest.FixtureRequest, yunet: Path) -> LandmarkFinder:
    return load_landmarks(yunet if request.param == "yunet" else None)


def surroundings(picture: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The neighbourhood of a face and its box there."""
    side = int((box[2:] - box[:2]).max())
    x, y = int(box[0]) - side // 2, int(box[1]) - side // 2
    part = picture[max(y, 0) : y + 2 * side, max(x, 0) : x + 2 * side]
    return part, box - [max(x, 0), max(y, 0)] * 2


def test_points_lie_in_the_face_in_their_order(finder: LandmarkFinder, stage: np.ndarray, boxes: np.ndarray) -> None:
    for box in boxes:
        picture, place = surroundings(stage[0], box)
        points = finder.points(picture, place)
        assert points is not None and points.shape == (5, 2)
        assert (points > place[:2]).all() and (points < place[2:]).all()
        left_eye, right_eye, nose, left_corner, right_corner = points
        assert left_eye[0] < right_eye[0] and left_corner[0] < right_corner[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_corner[1], right_corner[1])


def test_the_two_agree(stage: np.ndarray, boxes: np.ndarray, yunet: Path) -> None:
    for box in boxes:
        first, second = (finder.points(stage[0], box) for finder in (YuNetLandmarks(yunet), MtcnnLandmarks()))
        assert first is not None and second is not None
        assert np.abs(first - second).max() < 0.12 * (box[2:] - box[:2]).max()


def test_no_face_no_points(finder: LandmarkFinder) -> None:
    assert finder.points(np.full((200, 200, 3), 128, np.uint8), np.array([50, 50, 150, 150])) is None


def test_of_two_faces_the_one_that_was_asked_for(finder: LandmarkFinder, stage: np.ndarray, boxes: np.ndarray) -> None:
    for box in boxes:
        points = finder.points(stage[0], box)
        assert points is not None
        assert (points > box[:2]).all() and (points < box[2:]).all()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such weights file"):
        load_landmarks(tmp_path / "gone.onnx")
