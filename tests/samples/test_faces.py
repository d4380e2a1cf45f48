"""Face detectors find the people of the sample videos where the truth says they are, and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from facenet_pytorch import MTCNN

pytestmark = pytest.mark.slow

ReadPictures = Callable[[Path], Iterator[tuple[float, np.ndarray]]]

FRAMES = 10
"""Frames that are looked at in each video, evenly spread."""


@pytest.fixture(scope="session")
def mtcnn() -> MTCNN:
    return MTCNN(keep_all=True, min_face_size=40, device="cpu")


@pytest.fixture
def seen(truth: dict[str, Any], video: Path, read_pictures: ReadPictures) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures of evenly spread frames of the 25 fps grid, with the true boxes of those in view, (P, 4)."""
    boxes = dict(truth["boxes"])
    grid_fps = boxes.pop("grid_fps")
    frames = list(read_pictures(video))
    times_s = np.array([time_s for time_s, _ in frames])
    wanted = np.linspace(0, len(boxes[next(iter(boxes))]) - 1, FRAMES).astype(int)
    shown = np.searchsorted(times_s, (wanted + 0.5) / grid_fps, side="right") - 1
    return [
        (frames[frame][1], np.array([rows[index] for rows in boxes.values() if rows[index] is not None]))
        for index, frame in zip(wanted, shown, strict=True)
    ]


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(A, B) intersection over union of boxes (A, 4) and (B, 4)."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (bottom_right - top_left).clip(0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None] - shared)


def check(found: np.ndarray, true: np.ndarray) -> None:
    """Each true box has a found face of its own, and no face is found besides."""
    assert len(found) == len(true)
    matches = overlap(true, found)
    assert len(set(matches.argmax(axis=1))) == len(true)
    assert matches.max(axis=1).min() > 0.5


def test_mtcnn_finds_exactly_the_people_in_view(seen: list[tuple[np.ndarray, np.ndarray]], mtcnn: MTCNN) -> None:
    for picture, true in seen:
        result: Any = mtcnn.detect(np.ascontiguousarray(picture[..., ::-1]))
        boxes, probabilities = result
        assert boxes is not None
        check(boxes[probabilities > 0.9], true)


def test_yunet_finds_exactly_the_people_in_view(seen: list[tuple[np.ndarray, np.ndarray]], shared: Path) -> None:
    weights = shared / "weights" / "yunet_n_dynamic.onnx"
    for picture, true in seen:
        height, width = picture.shape[:2]
        detector = cv2.FaceDetectorYN.create(str(weights), "", (width, height), 0.6)
        faces = detector.detect(picture)[1]
        assert faces is not None
        check(np.concatenate([faces[:, :2], faces[:, :2] + faces[:, 2:4]], axis=1), true)


@pytest.mark.parametrize("stem", ["two_shot", "cuts"], indirect=True)
def test_only_the_speaker_moves_the_mouth(truth: dict[str, Any], video: Path, read_pictures: ReadPictures) -> None:
    """The picture of the mouth, carried along with the face, changes more while its owner speaks."""
    boxes = dict(truth["boxes"])
    grid_fps = boxes.pop("grid_fps")
    change: dict[str, tuple[list[float], list[float]]] = {person: ([], []) for person in boxes}
    before: dict[str, tuple[int, np.ndarray]] = {}
    for time_s, picture in read_pictures(video):
        index = int(time_s * grid_fps)
        shot = sum(shot["start_s"] <= time_s for shot in truth["shots"])
        speakers = [turn["person"] for turn in truth["turns"] if turn["start_s"] <= time_s < turn["end_s"]]
        for person, rows in boxes.items():
            if rows[index] is None:
                continue
            x1, y1, x2, y2 = rows[index]
            middle, size = ((x1 + x2) / 2, y1 + 0.74 * (y2 - y1)), (0.5 * (x2 - x1), 0.3 * (y2 - y1))
            mouth = cv2.getRectSubPix(picture, (int(size[0]), int(size[1])), middle)
            mouth = cv2.resize(mouth, (32, 16), interpolation=cv2.INTER_AREA).astype(np.float32)
            if person in before and before[person][0] == shot and speakers:
                change[person][person not in speakers].append(float(np.abs(mouth - before[person][1]).mean()))
            before[person] = shot, mouth
    for person, (speaking, listening) in change.items():
        assert np.median(speaking) > 2 * np.median(listening), person
