"""One small Whisper in the three forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.checkpoint_forms import write_ctranslate2, write_hugging_face


@pytest.fixture
def official(make_checkpoint: Callable[..., Path]) -> Path:
    return make_checkpoint()


@pytest.fixture
def content(official: Path) -> dict[str, Any]:
    return torch.load(official, weights_only=True)


@pytest.fixture
def ct2_folder(tmp_path: Path, content: dict[str, Any]) -> Path:
    return write_ctranslate2(tmp_path / "ct2", content)


@pytest.fixture
def hf_folder(tmp_path: Path, content: dict[str, Any]) -> Path:
    return write_hugging_face(tmp_path / "hf", content)


@pytest.fixture
def sound() -> np.ndarray:
    """(48000,) float32: three seconds of noise that swells."""
    generator = np.random.default_rng(5)
    return (generator.normal(size=48_000) * np.linspace(0.01, 0.2, 48_000)).astype(np.float32)
