from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline.errors import WeightsError
from s3fd import load_detector
from s3fd.detector import CPU_BATCH_FRAMES, S3fdDetector, fastest_dtype
from s3fd.network import S3fdNetwork

_THRESHOLD = 0.7


@pytest.fixture(scope="module")
def weights(s3fd_state: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("s3fd") / "sfd_face.pth"
    torch.save(s3fd_state, path)
    return path


@pytest.fixture(scope="module")
def exact(weights: Path) -> S3fdDetector:
    return S3fdDetector(weights, dtype=torch.float32)


@pytest.fixture(scope="module")
def picture(shared: Path) -> np.ndarray:
    """(361, 642, 3) uint8 BGR."""
    return cv2.cvtColor(np.load(shared / "reference" / "s3fd.npz")["image_rgb"], cv2.COLOR_RGB2BGR)


@pytest.mark.slow
def test_priors_over_the_score_are_those_of_the_published_network(
    exact: S3fdDetector, picture: np.ndarray, shared: Path
) -> None:
    expected = np.load(shared / "reference" / "s3fd.npz")["conf"][0, :, 1]
    found = exact.detect(picture[None], scale=0.25, threshold=_THRESHOLD)[0]
    assert len(found) > 0
    assert np.isclose(found[:, 4].max(), expected.max(), atol=1e-4)
    assert all(np.isclose(expected, score, rtol=0, atol=1e-4).any() for score in found[:, 4])


@pytest.mark.slow
def test_each_frame_of_a_batch_is_judged_alone(exact: S3fdDetector, picture: np.ndarray) -> None:
    frames = np.stack([picture, picture[:, ::-1], np.roll(picture, 40, axis=1)])
    together = exact.detect(frames, scale=0.25, threshold=_THRESHOLD)
    for frame, found in zip(frames, together, strict=True):
        alone = exact.detect(frame[None], scale=0.25, threshold=_THRESHOLD)[0]
        np.testing.assert_allclose(found, alone, rtol=1e-4, atol=1e-2)


@pytest.mark.slow
def test_a_frame_without_faces_keeps_its_place(exact: S3fdDetector, picture: np.ndarray) -> None:
    grey = np.broadcast_to(np.array([104, 117, 123], np.uint8), picture.shape)
    highest = max((found[:, 4].max() for found in exact.detect(grey[None], scale=0.25, threshold=0.0)), default=0)
    seen = exact.detect(picture[None], scale=0.25, threshold=0.0)[0][0, 4]
    threshold = float((highest + seen) / 2)
    assert highest < seen
    found = exact.detect(np.stack([grey, picture, grey]), scale=0.25, threshold=threshold)
    assert [len(array) > 0 for array in found] == [False, True, False]


@pytest.mark.slow
def test_more_frames_than_a_batch(exact: S3fdDetector, picture: np.ndarray) -> None:
    small = cv2.resize(picture, (160, 90))
    frames = np.repeat(small[None], CPU_BATCH_FRAMES + 1, axis=0)
    found = exact.detect(frames, scale=0.5, threshold=_THRESHOLD)
    assert len(found) == CPU_BATCH_FRAMES + 1
    np.testing.assert_allclose(found[-1], found[0], rtol=1e-4, atol=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "together"), [(0.25, [8, 1]), (0.4, [3, 3, 3]), (1.0, [2, 2, 2, 2, 1])])
def test_larger_pictures_enter_the_network_in_smaller_batches(
    weights: Path, monkeypatch: pytest.MonkeyPatch, scale: float, together: list[int]
) -> None:
    detector, sizes = S3fdDetector(weights), []

    def faces(pictures: np.ndarray, *_: object) -> list[np.ndarray]:
        sizes.append(len(pictures))
        return [np.zeros((0, 5), np.float32)] * len(pictures)

    monkeypatch.setattr(detector, "_faces", faces)
    assert len(detector.detect(np.zeros((9, 720, 1280, 3), np.uint8), scale=scale)) == 9
    assert sizes == together


def test_no_frames(exact: S3fdDetector) -> None:
    assert exact.detect(np.zeros((0, 64, 64, 3), np.uint8)) == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (27, 300), (60, 20)])
def test_pictures_smaller_than_the_network_needs_are_enlarged(exact: S3fdDetector, size: tuple[int, int]) -> None:
    found = exact.detect(np.full((1, *size, 3), 90, np.uint8), scale=0.25)
    assert len(found) == 1


@pytest.mark.slow
def test_running_out_of_memory_halves_the_batch_and_is_counted(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = S3fdDetector(weights, dtype=torch.float32)
    detector._batch = 16
    forward, sizes = detector._network, []

    def short_of_memory(pixels: torch.Tensor, fine_batch: int) -> object:
        sizes.append(len(pixels))
        if len(pixels) > 1:
            raise torch.OutOfMemoryError("no memory")
        return forward(pixels, fine_batch)

    monkeypatch.setattr(detector, "_network", short_of_memory)
    assert len(detector.detect(np.zeros((5, 32, 32, 3), np.uint8))) == 5
    assert sizes == [5, 2, 1, 1, 1, 1, 1]
    assert detector.memory_reductions == 2


@pytest.mark.slow
def test_running_out_of_memory_with_one_frame_is_an_error(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = S3fdDetector(weights, dtype=torch.float32)

    def out_of_memory(pixels: torch.Tensor, fine_batch: int) -> object:
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(detector, "_network", out_of_memory)
    with pytest.raises(torch.OutOfMemoryError):
        detector.detect(np.zeros((2, 32, 32, 3), np.uint8))


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_loaded_detector_uses_the_fast_format(weights: Path, device: str, available: None) -> None:
    detector = load_detector("s3fd", weights, device)
    assert isinstance(detector, S3fdDetector)
    assert detector.dtype == fastest_dtype(torch.device(device))
    assert len(detector.detect(np.zeros((2, 64, 64, 3), np.uint8))) == 2


@pytest.mark.slow
def test_compiling_is_off_unless_asked_for(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []

    def watched(network: torch.nn.Module) -> torch.nn.Module:
        compiled.append(network)
        return network

    monkeypatch.setattr(torch, "compile", watched)
    load_detector("s3fd", weights)
    assert compiled == []
    detector = load_detector("s3fd", weights, compiled=True)
    assert len(compiled) == 1 and isinstance(compiled[0], S3fdNetwork)
    assert len(detector.detect(np.zeros((1, 64, 64, 3), np.uint8))) == 1


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"conv.weight": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match=r"other\.pth.*lacks vgg\.0\.weight"):
        load_detector("s3fd", path)
