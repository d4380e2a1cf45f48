"""Loads a checkpoint of openai-whisper from a file, and says what is wrong with one that is none."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import whisper
from whisper.audio import N_FRAMES
from whisper.model import AudioEncoder, ModelDimensions, TextDecoder, Whisper

from pipeline.checkpoint import check_layout, checked_tensors, unpickled
from pipeline.errors import WeightsError

_FRAMES_PER_POSITION = 2
"""The encoder halves the rate of the spectrogram's frames: 1500 positions to 30 s."""

_MEL_BANDS = (80, 128)
"""Whisper ships mel filters for these."""

_SMALLEST_VOCABULARY = 51864
"""Tokens of the English-only models; the others have more."""

_WIDEST = 1 << 20
"""Numbers to a state and tokens of a vocabulary; the published models have 1280 and 51866."""

_LONGEST_TEXT = 4096
"""Tokens; the published models have 448. The decoder's mask takes their square."""


def load_model(weights: Path, device: str) -> Whisper:
    """The network of a checkpoint, on its device.

    A checkpoint does not say which attention heads follow the sound. For a published file, known by its digest, those
    that its authors name are set; any other file takes Whisper's general choice, the upper half of the decoder.

    Args:
        weights: a file of the official format: ``dims`` and ``model_state_dict``.
        device: as PyTorch names it.

    Raises:
        WeightsError: the file is missing, damaged, of another format, or of dimensions that Whisper cannot run.
    """
    path = Path(weights).absolute()
    if not path.is_file():
        raise WeightsError(
            f"{path}: there is no such checkpoint. Fetch it (python -m pipeline.weights fetch) or name another one "
            "with --whisper-model-size"
        )
    content = unpickled(path)
    for part in ("dims", "model_state_dict"):
        if not isinstance(content, Mapping) or part not in content:
            raise WeightsError(
                f"{path}: no checkpoint of openai-whisper: it lacks {part!r}. Checkpoints of other programs (Hugging "
                "Face, faster-whisper) have another format"
            )
    tensors = checked_tensors(content["model_state_dict"], path)
    dims = _dimensions(content["dims"], path)
    _check_dimensions(dims, len(tensors), path)
    check_layout(tensors, _layout(dims), path)
    model = Whisper(dims)
    model.load_state_dict(tensors)
    if any(not torch.isfinite(tensor).all() for tensor in model.parameters()):
        raise WeightsError(f"{path}: holds numbers that are none (NaN or infinity). Delete it and fetch it again")
    if (heads := _published_heads(path)) is not None:
        model.set_alignment_heads(heads)
    return model.to(torch.device(device)).eval()


def _dimensions(found: Any, path: Path) -> ModelDimensions:
    names = [field.name for field in dataclasses.fields(ModelDimensions)]
    if not isinstance(found, Mapping) or set(found) != set(names):
        raise WeightsError(f"{path}: no checkpoint of openai-whisper: its dimensions should be {', '.join(names)}")
    wrong = [f"{name} is {value!r:.40}" for name, value in found.items() if type(value) is not int or value < 1]
    if wrong:
        raise WeightsError(f"{path}: no network has these dimensions: {'; '.join(wrong)}")
    return ModelDimensions(**found)


def _layout(dims: ModelDimensions) -> dict[str, torch.Tensor]:
    """Names and shapes of the tensors of a network, without memory behind them."""
    with torch.device("meta"):
        encoder = AudioEncoder(dims.n_mels, dims.n_audio_ctx, dims.n_audio_state, dims.n_audio_head, dims.n_audio_layer)
        decoder = TextDecoder(dims.n_vocab, dims.n_text_ctx, dims.n_text_state, dims.n_text_head, dims.n_text_layer)
    parts = {"encoder": encoder.state_dict(), "decoder": decoder.state_dict()}
    return {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}


def _check_dimensions(dims: ModelDimensions, tensor_count: int, path: Path) -> None:
    """Refuses what Whisper cannot run, and what it would take for ever to build."""
    wanted = N_FRAMES // _FRAMES_PER_POSITION
    problems = []
    if dims.n_audio_ctx != wanted:
        problems.append(f"n_audio_ctx is {dims.n_audio_ctx}, expected {wanted}")
    if dims.n_mels not in _MEL_BANDS:
        problems.append(f"n_mels is {dims.n_mels}, expected 80 or 128")
    if dims.n_vocab < _SMALLEST_VOCABULARY:
        problems.append(f"n_vocab is {dims.n_vocab}, expected at least {_SMALLEST_VOCABULARY}")
    if dims.n_text_ctx > _LONGEST_TEXT:
        problems.append(f"n_text_ctx is {dims.n_text_ctx}, expected at most {_LONGEST_TEXT}")
    for part in ("audio", "text"):
        layers, state, heads = (getattr(dims, f"n_{part}_{name}") for name in ("layer", "state", "head"))
        if layers > tensor_count:
            problems.append(f"n_{part}_layer is {layers}, and the file has {tensor_count} tensors")
        if state % heads or state % 2 or state < 4 or state > _WIDEST or dims.n_vocab > _WIDEST:
            problems.append(f"n_{part}_state is {state} with {heads} heads and {dims.n_vocab} tokens")
    if problems:
        raise WeightsError(f"{path}: Whisper cannot run a network of these dimensions: {'; '.join(problems)}")


def _published_heads(path: Path) -> bytes | None:
    """Whisper's record of the alignment heads for a published file; each file's SHA-256 is part of its address."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    names = [name for name, address in whisper._MODELS.items() if digest in address]
    return whisper._ALIGNMENT_HEADS[names[0]] if names else None
