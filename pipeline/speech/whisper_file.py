"""Loader of Whisper's checkpoints, with an error that names the fault of a file that is none."""

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

from pipeline.checkpoint import check_layout
from pipeline.errors import WeightsError
from pipeline.models.registry import MODELS
from pipeline.speech.checkpoints import WhisperCheckpoint, checkpoint_file, read_checkpoint
from pipeline.speech.checkpoints.common import AlignmentHeads

_FRAMES_PER_POSITION = 2
"""Frames of the spectrogram to a position of the encoder, which halves their rate: 1500 positions to 30 s."""

_MEL_BANDS = (80, 128)
"""Numbers of bands for which Whisper ships mel filters."""

_SMALLEST_VOCABULARY = 51864
"""Tokens of the English-only models; the others have more."""

_WIDEST = 1 << 20
"""Most numbers of a state and tokens of a vocabulary; the published models have 1280 and 51866."""

_LONGEST_TEXT = 4096
"""Most tokens of a text; the published models have 448. The decoder's mask takes their square."""


def load_model(weights: Path, device: str) -> Whisper:
    """Build the network of a checkpoint on its device.

    A checkpoint of openai-whisper does not name the attention heads that follow the sound. A published model, known by
    the digest of its file, gets those that its authors name; another one those of its own configuration; the rest take
    Whisper's general choice, the upper half of the decoder.

    Args:
        weights: a checkpoint of any form of `pipeline.speech.checkpoints`.
        device: as PyTorch names it.

    Raises:
        WeightsError: the file is missing, damaged, of another format, or of dimensions that Whisper cannot run.
    """
    path = Path(weights).absolute()
    checkpoint, dims = read_model(path)
    model = Whisper(dims)
    model.load_state_dict(checkpoint.tensors)
    if any(not torch.isfinite(tensor).all() for tensor in model.parameters()):
        raise WeightsError(f"{path}: holds numbers that are none (NaN or infinity). Delete it and fetch it again")
    if (published := _published_heads(checkpoint_file(path))) is not None:
        model.set_alignment_heads(published)
    elif checkpoint.heads is not None:
        _set_heads(model, checkpoint.heads, path)
    return model.to(torch.device(device)).eval()


def read_model(path: Path) -> tuple[WhisperCheckpoint, ModelDimensions]:
    """Read a checkpoint of any form, and check that Whisper can run it.

    Raises:
        WeightsError: those of `load_model`.
    """
    checkpoint = read_checkpoint(path)
    dims = _dimensions(checkpoint.dimensions, path)
    _check_dimensions(dims, len(checkpoint.tensors), path)
    check_layout(checkpoint.tensors, _layout(dims), path)
    return checkpoint, dims


def _dimensions(found: Any, path: Path) -> ModelDimensions:
    names = [field.name for field in dataclasses.fields(ModelDimensions)]
    if not isinstance(found, Mapping) or set(found) != set(names):
        raise WeightsError(f"{path}: no checkpoint of openai-whisper: its dimensions should be {', '.join(names)}")
    wrong = [f"{name} is {value!r:.40}" for name, value in found.items() if type(value) is not int or value < 1]
    if wrong:
        raise WeightsError(f"{path}: no network has these dimensions: {'; '.join(wrong)}")
    return ModelDimensions(**found)


def _layout(dims: ModelDimensions) -> dict[str, torch.Tensor]:
    """Return names and shapes of the tensors of a network, without memory behind them."""
    with torch.device("meta"):
        encoder = AudioEncoder(dims.n_mels, dims.n_audio_ctx, dims.n_audio_state, dims.n_audio_head, dims.n_audio_layer)
        decoder = TextDecoder(dims.n_vocab, dims.n_text_ctx, dims.n_text_state, dims.n_text_head, dims.n_text_layer)
    parts = {"encoder": encoder.state_dict(), "decoder": decoder.state_dict()}
    return {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}


def _check_dimensions(dims: ModelDimensions, tensor_count: int, path: Path) -> None:
    """Refuse dimensions that Whisper cannot run, or that would take for ever to build."""
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


def _set_heads(model: Whisper, heads: AlignmentHeads, path: Path) -> None:
    """Take word times from these heads.

    Raises:
        WeightsError: the decoder has no such head.
    """
    mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
    for layer, head in heads:
        if layer >= mask.shape[0] or head >= mask.shape[1]:
            raise WeightsError(f"{path}: its configuration names head {head} of layer {layer}, which it has not")
        mask[layer, head] = True
    model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)


def _published_heads(path: Path) -> bytes | None:
    """Return Whisper's record of the alignment heads of a published file, known by its digest."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    names = [name for name, address in whisper._MODELS.items() if digest in address]
    names += [name.removeprefix("whisper-") for name, model in MODELS.items() if digest in model.digests]
    return whisper._ALIGNMENT_HEADS[names[0]] if names else None
