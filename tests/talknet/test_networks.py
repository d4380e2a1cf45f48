"""The networks are the published ones: the same layout, and the same numbers on the same input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.errors import WeightsError
from talknet.light_asd import LightAsd
from talknet.lr_asd import LrAsd
from talknet.scorer import NetworkScorer, load_runner
from talknet.talknet import TalkNetRunner
from talknet.talknet_layout import TalkNet

pytestmark = pytest.mark.slow

_DURATIONS_S = (1, 2, 3, 4, 5, 6)

Scorers = Callable[[str], NetworkScorer]


@pytest.mark.parametrize(("network", "name"), [(TalkNet, "talknet"), (LrAsd, "lr_asd"), (LightAsd, "light_asd")])
def test_the_layout_is_the_published_one(network: type[nn.Module], name: str, shared: Path) -> None:
    expected = json.loads((shared / "reference" / f"{name}.keys.json").read_text())
    assert {key: list(tensor.shape) for key, tensor in network().state_dict().items()} == expected


def _windowed(runner: nn.Module, model: str, crops: np.ndarray, mfcc: np.ndarray, duration_s: int | None) -> np.ndarray:
    """Logits of one duration, each window alone; None is one window over everything."""
    frames = min(len(crops), len(mfcc) // 4)
    step = frames if duration_s is None else 25 * duration_s
    parts = []
    with torch.inference_mode():
        for start in range(0, frames, step):
            stop = min(frames, start + step)
            pictures = torch.from_numpy(crops[start:stop])
            faces = _trunk(runner, pictures) if model == "talknet" else runner.faces.cut_seconds(pictures[None])[0]  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]
            parts.append(runner(torch.from_numpy(mfcc[4 * start : 4 * stop])[None], faces)[0])
    return torch.cat(parts).numpy()


def _trunk(runner: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    assert isinstance(runner, TalkNetRunner)
    around = torch.arange(len(pictures))[:, None] + torch.arange(-2, 3)
    inside = (around >= 0) & (around < len(pictures))
    return runner.trunk(pictures[around.clamp(0, len(pictures) - 1)], inside)[None]


@pytest.fixture(scope="module")
def talknet(weights: dict[str, Path]) -> nn.Module:
    return load_runner("talknet", weights["talknet"])


@pytest.fixture(scope="module")
def talknet_reference(shared: Path) -> dict[str, np.ndarray]:
    return dict(np.load(shared / "reference" / "talknet.npz"))


@pytest.mark.parametrize("duration_s", _DURATIONS_S)
def test_talknet_computes_the_published_logits(
    talknet: nn.Module, talknet_reference: dict[str, np.ndarray], duration_s: int
) -> None:
    got = _windowed(talknet, "talknet", talknet_reference["crops"], talknet_reference["mfcc"], duration_s)
    np.testing.assert_allclose(got, talknet_reference[f"logits_{duration_s}s"], rtol=0, atol=1e-4)


def test_talknet_computes_the_published_embeddings(
    talknet: nn.Module, talknet_reference: dict[str, np.ndarray]
) -> None:
    assert isinstance(talknet, TalkNetRunner)
    crops, mfcc = talknet_reference["crops"][:25], talknet_reference["mfcc"][:100]
    with torch.inference_mode():
        sound, faces = talknet.embeddings(torch.from_numpy(mfcc)[None], _trunk(talknet, torch.from_numpy(crops)))
    np.testing.assert_allclose(faces, talknet_reference["visual_embedding_first_second"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(sound, talknet_reference["audio_embedding_first_second"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("trained_on", ["talkset", "ava"])
@pytest.mark.parametrize("model", ["lr-asd", "light-asd"])
@pytest.mark.parametrize("duration_s", [None, *_DURATIONS_S])
def test_lr_and_light_asd_compute_the_published_logits(
    shared: Path, weights: dict[str, Path], model: str, trained_on: str, duration_s: int | None
) -> None:
    reference = np.load(shared / "reference" / f"{model.replace('-', '_')}.npz")
    runner = load_runner(model, weights[model if trained_on == "talkset" else f"{model} ava"])
    got = _windowed(runner, model, reference["crops"], reference["mfcc"], duration_s)
    kind = "logits_whole" if duration_s is None else f"logits_{duration_s}s"
    np.testing.assert_allclose(got, reference[f"{trained_on}_{kind}"], rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("model", "prefix", "allowed"),
    [
        ("talknet", "", 1e-4),
        ("lr-asd", "talkset_", 1e-3),
        ("lr-asd ava", "ava_", 1e-3),
        ("light-asd", "talkset_", 1e-3),
        ("light-asd ava", "ava_", 1e-3),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_score_is_the_published_mean(
    shared: Path, weights: dict[str, Path], model: str, prefix: str, allowed: float, device: str, available: None
) -> None:
    name = model.split()[0]
    reference = np.load(shared / "reference" / f"{name.replace('-', '_')}.npz")
    expected = reference[f"{prefix}mean_logits"]
    scorer = NetworkScorer(name, weights[model], device, dtype=torch.float32)
    got = scorer.score(reference["crops"], reference["mfcc"])
    np.testing.assert_allclose(got[: len(expected)], expected, rtol=0, atol=allowed if device == "cpu" else 1e-3)
    assert len(got) == len(reference["crops"])


@pytest.mark.parametrize("model", ["talknet", "lr-asd", "light-asd"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_half_precision_stays_on_the_same_side_of_zero(
    shared: Path, weights: dict[str, Path], scorer_of: Scorers, model: str, device: str, available: None
) -> None:
    reference = np.load(shared / "reference" / f"{model.replace('-', '_')}.npz")
    frames = 33 if device == "cpu" else len(reference["crops"])  # CPUs are slow in float16
    crops, mfcc = reference["crops"][:frames], reference["mfcc"][: 4 * frames]
    expected = scorer_of(model).score(crops, mfcc)
    got = NetworkScorer(model, weights[model], device, dtype=torch.float16).score(crops, mfcc)
    assert np.mean((got > 0) == (expected > 0)) >= 0.99


@pytest.mark.parametrize("model", ["talknet", "lr-asd", "light-asd"])
def test_the_prefix_of_data_parallel_is_stripped(tmp_path: Path, weights: dict[str, Path], model: str) -> None:
    tensors = torch.load(weights[model], map_location="cpu", weights_only=True)
    torch.save({f"module.{name}": tensor for name, tensor in tensors.items()}, tmp_path / "parallel.model")
    assert load_runner(model, tmp_path / "parallel.model").head.weight.equal(tensors["lossAV.FC.weight"])


@pytest.mark.parametrize("model", ["talknet", "lr-asd", "light-asd"])
def test_a_checkpoint_that_misses_a_tensor_is_refused(tmp_path: Path, weights: dict[str, Path], model: str) -> None:
    tensors = torch.load(weights[model], map_location="cpu", weights_only=True)
    del tensors["lossV.FC.bias"]
    torch.save(tensors, tmp_path / "short.model")
    with pytest.raises(WeightsError, match=r"short\.model.*lacks lossV\.FC\.bias"):
        load_runner(model, tmp_path / "short.model")


def test_weights_of_another_network_are_refused(weights: dict[str, Path]) -> None:
    with pytest.raises(WeightsError, match="another network"):
        load_runner("lr-asd", weights["light-asd"])
