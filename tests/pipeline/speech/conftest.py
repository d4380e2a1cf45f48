"""Recordings and a small Whisper checkpoint for the tests of speech."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from whisper.model import ModelDimensions, Whisper

from pipeline.types import AudioTrack

TINY_DIMENSIONS: dict[str, int] = {
    "n_mels": 80,
    "n_audio_ctx": 1500,
    "n_audio_state": 32,
    "n_audio_head": 2,
    "n_audio_layer": 1,
    "n_vocab": 51865,
    "n_text_ctx": 448,
    "n_text_state": 32,
    "n_text_head": 2,
    "n_text_layer": 2,
}


@pytest.fixture(scope="session")
def read_sound() -> Callable[[Path], np.ndarray]:
    """Reads the sound of a media file as (N,) int16 at 16 kHz."""

    def read(path: Path) -> np.ndarray:
        resampler = AudioResampler("s16", "mono", 16_000)
        parts = []
        with av.open(str(path)) as container:
            for frame in container.decode(container.streams.audio[0]):
                assert isinstance(frame, AudioFrame)
                parts.extend(part.to_ndarray()[0] for part in resampler.resample(frame))
        parts.extend(part.to_ndarray()[0] for part in resampler.resample(None))
        return np.concatenate(parts)

    return read


@pytest.fixture(scope="session")
def jfk(shared: Path, read_sound: Callable[[Path], np.ndarray]) -> np.ndarray:
    """(176000,) int16: eleven seconds of one English speaker, with pauses."""
    return read_sound(shared / "audio" / "jfk.flac")


@pytest.fixture
def make_track(tmp_path: Path) -> Callable[[np.ndarray], AudioTrack]:
    """Writes samples as a recording."""
    count = 0

    def make(samples: np.ndarray) -> AudioTrack:
        nonlocal count
        count += 1
        path = tmp_path / f"sound{count}.raw"
        samples.astype("<i2").tofile(path)
        return AudioTrack(path, len(samples))

    return make


@pytest.fixture(scope="session")
def write_checkpoint() -> Callable[..., Path]:
    """Writes a Whisper checkpoint of the official format: random weights, small dimensions.

    With the default seed the network says something; with others it falls silent at once or never stops.
    """

    def write(path: Path, seed: int = 1, std: float = 0.3, **changed: Any) -> Path:
        dimensions = TINY_DIMENSIONS | changed
        model = Whisper(ModelDimensions(**dimensions))
        generator = torch.Generator().manual_seed(seed)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=std, generator=generator)
        torch.save({"dims": dimensions, "model_state_dict": model.state_dict()}, path)
        return path

    return write


@pytest.fixture
def make_checkpoint(tmp_path: Path, write_checkpoint: Callable[..., Path]) -> Callable[..., Path]:
    """`write_checkpoint` to the folder of the test."""

    def make(name: str = "tiny.pt", **changed: Any) -> Path:
        return write_checkpoint(tmp_path / name, **changed)

    return make
