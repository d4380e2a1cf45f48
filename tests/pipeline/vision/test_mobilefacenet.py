"""MobileFaceNet gives the numbers of the published network, in any batch, and takes no other file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline.errors import WeightsError
from pipeline.vision.likeness import unit
from pipeline.vision.mobilefacenet import CPU_BATCH, MEAN_RGB, SPREAD_RGB, MobileFaceNet, MobileFaceNetRunner
from pipeline.vision.samples import FaceView
from s3fd.landmarks import YuNetLandmarks

DEVICES = ["cpu", pytest.param("cuda:0", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


@pytest.fixture(scope="module")
def weights(shared: Path) -> Path:
    return shared / "weights" / "mobilefacenet.pt"


@pytest.fixture(scope="module", params=DEVICES)
def runner(request: pytest.FixtureRequest, weights: Path) -> MobileFaceNetRunner:
    return MobileFaceNetRunner(weights, request.param)


@pytest.fixture(scope="module")
def faces(shared: Path, weights: Path, talking_heads: dict[str, list[FaceView]]) -> np.ndarray:
    """(24, 112, 112, 3): six real aligned faces, as they are, mirrored, darker, and upside down."""
    landmarks = YuNetLandmarks(shared / "weights" / "yunet_n_dynamic.onnx")
    network = MobileFaceNetRunner(weights)
    found = []
    for view in (view for views in talking_heads.values() for view in views):
        points = landmarks.points(view.picture, view.box_px)
        assert points is not None
        found.append(network.align(view.picture, points))
    real = np.stack(found)
    return np.concatenate([real, real[:, :, ::-1], real // 2, real[:, ::-1]])


@pytest.mark.slow
def test_the_numbers_are_those_of_the_published_network(runner, faces: np.ndarray, shared: Path):
    published = cv2.dnn.readNetFromONNX(str(shared / "weights" / "mobilefacenet.onnx"))
    expected = []
    for face in faces:
        pixels = (face[..., ::-1].astype(np.float64) / 255 - MEAN_RGB) / SPREAD_RGB
        published.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32))
        expected.append(published.forward().reshape(-1).copy())
    assert np.abs(np.stack(expected)).max() > 1
    np.testing.assert_allclose(runner.embed(faces), np.stack(expected), rtol=0, atol=1e-4)


@pytest.mark.slow
def test_a_face_has_the_same_numbers_in_every_batch(runner, faces: np.ndarray):
    faces = faces[: CPU_BATCH + 2]
    together = runner.embed(faces)
    assert together.shape == (len(faces), 128) and together.dtype == np.float32
    alone = np.concatenate([runner.embed(face[None]) for face in faces])
    np.testing.assert_allclose(together, alone, rtol=0, atol=2e-5)
    assert runner.embed(faces[:0]).shape == (0, 128)


@pytest.mark.slow
def test_a_batch_that_does_not_fit_is_halved(weights: Path, faces: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    runner, faces = MobileFaceNetRunner(weights), faces[:12]
    expected = runner.embed(faces)
    real, tried = runner._embed, []

    def small(batch: np.ndarray) -> np.ndarray:
        tried.append(len(batch))
        if len(batch) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(batch)

    monkeypatch.setattr(runner, "_embed", small)
    np.testing.assert_allclose(runner.embed(faces), expected, rtol=0, atol=2e-5)
    assert tried == [8, 4, *[2] * 6] and runner.memory_reductions == 2


@pytest.mark.slow
def test_the_network_reads_red_green_and_blue_less_their_means(weights: Path):
    runner, seen = MobileFaceNetRunner(weights), []
    runner._network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].numpy()))
    runner.embed(np.tile(np.array([0, 51, 255], np.uint8), (1, 112, 112, 1)))
    assert seen[0].shape == (1, 3, 112, 112) and seen[0].dtype == np.float32
    red, green, blue = (1 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (0 - 0.406) / 0.225
    assert np.ptp(seen[0][0].reshape(3, -1), axis=1).tolist() == [0, 0, 0]
    assert seen[0][0, :, 5, 7] == pytest.approx([red, green, blue], abs=1e-5)


@pytest.mark.slow
def test_people_are_told_apart(runner, faces: np.ndarray):
    vectors = np.stack([unit(vector) for vector in runner.embed(faces[:6])])
    cosines = (vectors @ vectors.T).reshape(3, 2, 3, 2)
    limits = runner.limits
    assert min(cosines[person, 0, person, 1] for person in range(3)) > limits.least_within
    others = [cosines[a, :, b, :].max() for a in range(3) for b in range(3) if a != b]
    assert max(others) < limits.most_across


def _without(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["gdconv.bn.running_var"]


def _with_more(tensors: dict[str, torch.Tensor]) -> None:
    tensors["margin.weight"] = torch.zeros(3)


def _misshaped(tensors: dict[str, torch.Tensor]) -> None:
    tensors["conv3.weight"] = torch.zeros(512, 512, 1, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without, r"lacks gdconv\.bn\.running_var"),
        (_with_more, r"adds margin\.weight"),
        (_misshaped, "misshapes con"),
    ],
)
def test_a_file_of_another_network_is_refused(tmp_path: Path, change, message: str):
    tensors = MobileFaceNet().state_dict()
    change(tensors)
    torch.save(tensors, tmp_path / "m.pt")
    with pytest.raises(WeightsError, match=message):
        MobileFaceNetRunner(tmp_path / "m.pt")


@pytest.mark.parametrize("content", [None, b"x", b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00trueq\x00\x85R."])
def test_what_is_no_plain_checkpoint_is_refused(tmp_path: Path, content: bytes | None):
    path = tmp_path / "m.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"m\.pt"):
        MobileFaceNetRunner(path)
