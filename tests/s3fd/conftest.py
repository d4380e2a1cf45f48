"""Pictures with faces, for the tests of the detectors."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch


def _read(path: Path, numbers: Sequence[int]) -> np.ndarray:
    capture = cv2.VideoCapture(str(path))
    frames = []
    for number in range(max(numbers) + 1):
        good, frame = capture.read()
        assert good, f"{path} ends before frame {number}"
        if number in numbers:
            frames.append(frame)
    capture.release()
    return np.stack(frames)


@pytest.fixture(scope="session")
def stage(shared: Path) -> np.ndarray:
    """(3, 360, 640, 3) uint8 BGR with two faces, one face and four faces."""
    return _read(shared / "videos" / "short_hamilton_clip.mp4", (0, 120, 225))


@pytest.fixture(scope="session")
def mixed(stage: np.ndarray) -> np.ndarray:
    """(4, 360, 640, 3): nothing, two faces, nothing, four faces."""
    return np.stack([np.zeros_like(stage[0]), stage[0], np.full_like(stage[0], 128), stage[2]])


@pytest.fixture(scope="session")
def s3fd_state(shared: Path) -> dict[str, torch.Tensor]:
    """Every tensor of the published checkpoint by name, with reproducible numbers."""
    path = shared / "reference" / "reference_weights.py"
    spec = importlib.util.spec_from_file_location("reference_weights", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: torch.from_numpy(array) for name, array in module.state("s3fd").items()}


@pytest.fixture
def available(device: str) -> None:
    """Skips a test of a device that this machine lacks."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device")
