"""One small Whisper in the three forms."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoint_forms import HEADS, hugging_face_of, variables_of, write_model_bin
from safetensors.torch import save_file


@pytest.fixture
def official(make_checkpoint: Callable[..., Path]) -> Path:
    return make_checkpoint()


@pytest.fixture
def content(official: Path) -> dict[str, Any]:
    return torch.load(official, weights_only=True)


@pytest.fixture
def ct2_folder(tmp_path: Path, content: dict[str, Any]) -> Path:
    folder = tmp_path / "ct2"
    folder.mkdir()
    write_model_bin(folder / "model.bin", variables_of(content))
    (folder / "config.json").write_text(json.dumps({"alignment_heads": HEADS}))
    return folder


@pytest.fixture
def hf_folder(tmp_path: Path, content: dict[str, Any]) -> Path:
    folder = tmp_path / "hf"
    folder.mkdir()
    configuration, tensors = hugging_face_of(content)
    (folder / "config.json").write_text(json.dumps(configuration))
    (folder / "generation_config.json").write_text(json.dumps({"alignment_heads": HEADS}))
    save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.fixture
def sound() -> np.ndarray:
    """(48000,) float32: three seconds of noise that swells."""
    generator = np.random.default_rng(5)
    return (generator.normal(size=48_000) * np.linspace(0.01, 0.2, 48_000)).astype(np.float32)
