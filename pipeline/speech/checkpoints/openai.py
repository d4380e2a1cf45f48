"""Checkpoints of openai-whisper: a ``.pt`` file with ``dims`` and ``model_state_dict``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.checkpoint import checked_tensors, unpickled
from pipeline.errors import WeightsError
from pipeline.speech.checkpoints.common import FORMS, WhisperCheckpoint


def read(path: Path) -> WhisperCheckpoint:
    """Read *path* with ``weights_only=True``.

    Raises:
        WeightsError: the file is damaged, asks for more than tensors, or is no checkpoint of openai-whisper.
    """
    content = unpickled(path)
    for part in ("dims", "model_state_dict"):
        if not isinstance(content, Mapping) or part not in content:
            raise WeightsError(f"{path}: no checkpoint of openai-whisper: it lacks {part!r}. {FORMS}")
    dimensions = content["dims"]
    if not isinstance(dimensions, Mapping):
        raise WeightsError(f"{path}: no checkpoint of openai-whisper: its dims are {type(dimensions).__name__}")
    return WhisperCheckpoint(dimensions, checked_tensors(content["model_state_dict"], path))
