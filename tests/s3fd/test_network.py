from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from s3fd.detector import deep_dtype, fastest_dtype
from s3fd.network import MEAN_RGB, Halving, S3fdNetwork


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, np.ndarray]:
    return dict(np.load(shared / "reference" / "s3fd.npz"))


@pytest.fixture
def network(s3fd_state: dict[str, torch.Tensor]) -> S3fdNetwork:
    network = S3fdNetwork()
    network.load_state_dict(s3fd_state, strict=True)
    return network.eval()


def _pixels(reference: dict[str, np.ndarray]) -> torch.Tensor:
    scale = float(reference["scale"])
    image = cv2.resize(reference["image_rgb"], (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(image - np.array(MEAN_RGB, np.float32)).permute(2, 0, 1)[None]


def test_the_layout_is_the_published_one(s3fd_state: dict[str, torch.Tensor]) -> None:
    ours = {name: tensor.shape for name, tensor in S3fdNetwork().state_dict().items()}
    assert ours == {name: tensor.shape for name, tensor in s3fd_state.items()}


def _outputs(
    network: S3fdNetwork, reference: dict[str, np.ndarray], device: str, dtype: torch.dtype = torch.float32
) -> tuple[np.ndarray, np.ndarray]:
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        network.to(device).in_format(dtype, deep_dtype(dtype))
        offsets, logits, _ = network(_pixels(reference).to(device, dtype))
    return offsets.cpu().numpy(), logits.cpu().numpy()


def _probabilities(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).softmax(dim=2).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_outputs_are_the_published_ones(
    network: S3fdNetwork, reference: dict[str, np.ndarray], device: str, available: None
) -> None:
    offsets, logits = _outputs(network, reference, device)
    allowed = 1e-4 if device == "cpu" else 1e-3
    np.testing.assert_allclose(offsets, reference["loc"], rtol=0, atol=allowed * np.abs(reference["loc"]).max())
    np.testing.assert_allclose(_probabilities(logits), reference["conf"], rtol=0, atol=allowed)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_fast_format_finds_the_same_faces(
    network: S3fdNetwork, reference: dict[str, np.ndarray], device: str, available: None
) -> None:
    exact_offsets, exact_logits = _outputs(network, reference, device)
    offsets, logits = _outputs(network, reference, device, fastest_dtype(torch.device(device)))
    assert np.abs(offsets - exact_offsets).max() <= 0.01 * np.abs(exact_offsets).max()
    assert np.abs(logits - exact_logits).max() <= 0.01 * np.abs(exact_logits).max()
    np.testing.assert_array_equal(_probabilities(logits)[..., 1] > 0.9, _probabilities(exact_logits)[..., 1] > 0.9)


@pytest.mark.slow
@pytest.mark.parametrize("fine_batch", [1, 2, 3])
def test_outputs_do_not_depend_on_how_many_pictures_pass_the_first_stages_together(
    network: S3fdNetwork, reference: dict[str, np.ndarray], fine_batch: int
) -> None:
    picture = _pixels(reference)
    pixels = torch.cat([picture, picture.flip(3), picture.roll(30, dims=3)])
    with torch.inference_mode():
        together, parted = network(pixels), network(pixels, fine_batch)
    for expected, found in zip(together[:2], parted[:2], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    assert parted[2] == together[2]


@pytest.mark.parametrize("keeps_edge", [True, False])
@pytest.mark.parametrize("size", [(8, 6), (7, 6), (8, 5), (7, 9)])
def test_halving_is_max_pooling(keeps_edge: bool, size: tuple[int, int]) -> None:
    features = torch.randn(2, 3, *size)
    expected = nn.MaxPool2d(2, 2, ceil_mode=keeps_edge)(features)
    assert torch.equal(Halving(keeps_edge)(features), expected)
