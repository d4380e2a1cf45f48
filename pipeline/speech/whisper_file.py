"""Loads a checkpoint of openai-whisper from a file, and says what is wrong with one that is none."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import torch
import whisper
from whisper.audio import N_FRAMES
from whisper.model import Whisper

from pipeline.errors import WeightsError

_FRAMES_PER_POSITION = 2
"""The encoder halves the rate of the spectrogram's frames: 1500 positions to 30 s."""

_MEL_BANDS = (80, 128)
"""Whisper ships mel filters for these."""

_SMALLEST_VOCABULARY = 51864
"""Tokens of the English-only models; the others have more."""


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
    try:
        model = whisper.load_model(str(path), device="cpu")
    except KeyError as error:
        raise WeightsError(
            f"{path}: no checkpoint of openai-whisper: it lacks {error}. Checkpoints of other programs (Hugging Face, "
            "faster-whisper) have another format"
        ) from error
    except (pickle.UnpicklingError, OSError, EOFError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        first_line = next(iter(str(error).splitlines()), "no message")
        raise WeightsError(
            f"{path}: not a readable checkpoint of openai-whisper ({type(error).__name__}: {first_line}). It may be "
            "damaged or cut short: delete it and fetch it again"
        ) from error
    _check_dimensions(model, path)
    if any(not torch.isfinite(tensor).all() for tensor in model.parameters()):
        raise WeightsError(f"{path}: holds numbers that are none (NaN or infinity). Delete it and fetch it again")
    if (heads := _published_heads(path)) is not None:
        model.set_alignment_heads(heads)
    return model.to(torch.device(device)).eval()


def _check_dimensions(model: Whisper, path: Path) -> None:
    dims = model.dims
    wanted = N_FRAMES // _FRAMES_PER_POSITION
    problems = []
    if dims.n_audio_ctx != wanted:
        problems.append(f"n_audio_ctx is {dims.n_audio_ctx}, expected {wanted}")
    if dims.n_mels not in _MEL_BANDS:
        problems.append(f"n_mels is {dims.n_mels}, expected 80 or 128")
    if dims.n_vocab < _SMALLEST_VOCABULARY:
        problems.append(f"n_vocab is {dims.n_vocab}, expected at least {_SMALLEST_VOCABULARY}")
    if problems:
        raise WeightsError(f"{path}: Whisper cannot run a network of these dimensions: {'; '.join(problems)}")


def _published_heads(path: Path) -> bytes | None:
    """Whisper's record of the alignment heads for a published file; each file's SHA-256 is part of its address."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    names = [name for name, address in whisper._MODELS.items() if digest in address]
    return whisper._ALIGNMENT_HEADS[names[0]] if names else None
