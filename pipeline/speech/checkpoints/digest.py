"""The digest of a Whisper model: equal for every form of the same numbers."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

POSITIONS = "encoder.positional_embedding"
"""A table of sines, which no training changes: forms of one model may have it in float32 or float16."""


def digest_of(checkpoint: Path) -> str:
    """Return the digest of a checkpoint of any form, computed in another process: reading it takes PyTorch.

    Raises:
        WeightsError: the checkpoint is missing, damaged or none of Whisper.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(digest_here, checkpoint).result()


def digest_here(checkpoint: Path) -> str:
    """Return the digest of a checkpoint, computed in this process; errors as `digest_of`."""
    from pipeline.speech.whisper_file import read_model

    found, dims = read_model(checkpoint)
    return model_digest(found.tensors, dims.n_audio_head, dims.n_text_head)


def model_digest(tensors: Mapping[str, Tensor], audio_heads: int, text_heads: int) -> str:
    """Return the sha256 of the names, shapes and float32 numbers of tensors, and of the numbers of attention heads.

    Args:
        tensors: tensors in openai-whisper's layout.
        audio_heads: attention heads of the encoder.
        text_heads: attention heads of the decoder.
    """
    digest = hashlib.sha256(f"heads {audio_heads} {text_heads}\n".encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        numbers = tensor.half().float() if name == POSITIONS else tensor.float()
        digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
        digest.update(numbers.contiguous().numpy().astype("<f4", copy=False).data)
    return digest.hexdigest()
