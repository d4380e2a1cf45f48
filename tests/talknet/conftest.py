"""Weights and reference numbers of the speaker networks, and a small stand-in track."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from talknet.scorer import NetworkScorer

NETWORKS = ("talknet", "lr-asd", "light-asd")


@pytest.fixture(scope="session")
def talknet_state(shared: Path) -> dict[str, torch.Tensor]:
    """Every tensor of the published checkpoint by name, with reproducible numbers."""
    path = shared / "reference" / "reference_weights.py"
    spec = importlib.util.spec_from_file_location("reference_weights", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: torch.from_numpy(array) for name, array in module.state("talknet").items()}


@pytest.fixture(scope="session")
def weights(
    shared: Path, talknet_state: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A weights file for each network: real ones, and stand-ins for TalkNet."""
    talknet = tmp_path_factory.mktemp("talknet") / "pretrain_TalkSet.model"
    torch.save(talknet_state, talknet)
    folder = shared / "weights"
    return {
        "talknet": talknet,
        "lr-asd": folder / "lr_asd_talkset.model",
        "light-asd": folder / "light_asd_talkset.model",
        "lr-asd ava": folder / "lr_asd_ava.model",
        "light-asd ava": folder / "light_asd_ava.model",
    }


@pytest.fixture(scope="session")
def scorer_of(weights: dict[str, Path]) -> Callable[[str], NetworkScorer]:
    """Loads a network on the CPU once: ``scorer_of("talknet")``."""
    loaded: dict[str, NetworkScorer] = {}

    def scorer(model: str) -> NetworkScorer:
        if model not in loaded:
            loaded[model] = NetworkScorer(model.split()[0], weights[model])
        return loaded[model]

    return scorer


@pytest.fixture(scope="session")
def track() -> tuple[np.ndarray, np.ndarray]:
    """183 frames of noise with sound."""
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (183, 112, 112), dtype=np.uint8), rng.normal(0, 5, (732, 13)).astype(np.float32)


@pytest.fixture
def available(device: str) -> None:
    """Skips a test of a device that this machine lacks."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device")
