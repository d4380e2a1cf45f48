"""What the tests of the sample videos share: their files, and decoders that owe nothing to the pipeline."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

STEMS = ("two_shot", "cuts", "late_sound")


@pytest.fixture(params=STEMS)
def stem(request: pytest.FixtureRequest) -> str:
    """Stem of one sample video."""
    return request.param


@pytest.fixture
def truth(samples: Path, stem: str) -> dict[str, Any]:
    """What is true of that video."""
    return json.loads((samples / f"{stem}.truth.json").read_text("utf-8"))


@pytest.fixture
def video(samples: Path, stem: str) -> Path:
    """Path of that video."""
    return samples / f"{stem}.mp4"


@pytest.fixture(scope="session")
def read_sound() -> Callable[[Path], tuple[np.ndarray, int]]:
    """A function that gives the first channel of a file as (N,) float32 from time zero on, and its rate in Hz."""

    def read(path: Path) -> tuple[np.ndarray, int]:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            blocks = [(round((frame.time or 0.0) * stream.rate), frame) for frame in container.decode(stream)]
            out = np.zeros(max(at + frame.samples for at, frame in blocks), np.float32)
            for at, frame in blocks:
                samples = frame.to_ndarray()[0]
                skipped = max(-at, 0)
                out[at + skipped : at + len(samples)] = samples[skipped:]
            return out, stream.rate

    return read


@pytest.fixture(scope="session")
def read_pictures() -> Callable[[Path], Iterator[tuple[float, np.ndarray]]]:
    """A function that gives the time in seconds and the picture, (H, W, 3) uint8 BGR, of each frame of a file."""

    def read(path: Path) -> Iterator[tuple[float, np.ndarray]]:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                yield frame.time or 0.0, frame.to_ndarray(format="bgr24")

    return read
