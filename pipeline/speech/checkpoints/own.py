"""The user's own Whisper checkpoint, named by its path."""

from __future__ import annotations

from pathlib import Path

from pipeline.models.download import sha256_of
from pipeline.models.registry import models_of
from pipeline.speech.checkpoints import checkpoint_file
from pipeline.speech.checkpoints.digest import digest_of
from pipeline.types import ModelChoice

CHECKPOINT_SUFFIXES = (".pt", ".bin", ".safetensors")
"""Endings that make a name without a folder the path of a checkpoint."""


def is_path(words_model: str) -> bool:
    """Return True where *words_model* is the path of a checkpoint: it has a folder in it, or one of
    `CHECKPOINT_SUFFIXES`."""
    path = Path(words_model).expanduser()
    return path.name != words_model or path.suffix in CHECKPOINT_SUFFIXES


def own_checkpoint(words_model: str) -> ModelChoice | None:
    """Return the choice of a checkpoint that is named by its path; None where *words_model* is no path.

    A published file keeps its official name, whatever it is called; of any other the digest of the model itself is
    recorded.

    Raises:
        WeightsError: the checkpoint is missing, damaged, or of no known form.
    """
    if not is_path(words_model):
        return None
    path = Path(words_model).expanduser()
    sha256 = sha256_of(checkpoint_file(path))
    official = next((model for model in models_of("words") if sha256 in model.digests), None)
    if official is not None:
        return ModelChoice("words", official.name, path, sha256=official.model_sha256 or sha256)
    return ModelChoice("words", path.name, path, sha256=digest_of(path))
