"""Whisper checkpoints in every form that people have: read, renamed into openai-whisper's layout, checked.

A form is a module with a reader that takes a file and returns a `WhisperCheckpoint`. A reader only renames, splits and
reshapes tensors; `pipeline.speech.whisper_file` checks the result, whatever form it came from.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import WeightsError
from pipeline.speech.checkpoints.common import FORMS, WhisperCheckpoint

__all__ = ["WhisperCheckpoint", "checkpoint_file", "read_checkpoint"]

CTRANSLATE2_FILE = "model.bin"
HUGGING_FACE_FILES = ("model.safetensors", "model.safetensors.index.json")


def checkpoint_file(path: Path) -> Path:
    """Return the file that holds the tensors of a checkpoint: *path* itself, or the one in a folder.

    Raises:
        WeightsError: there is nothing at *path*, or the folder holds no form that is known.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise WeightsError(
            f"{path}: there is no such checkpoint. --whisper-model-size takes the path of one that is there, or the "
            "name of a published model, such as small"
        )
    for name in (CTRANSLATE2_FILE, *HUGGING_FACE_FILES):
        if (path / name).is_file():
            return path / name
    raise WeightsError(f"{path}: the folder holds no Whisper checkpoint. {FORMS}")


def read_checkpoint(path: Path) -> WhisperCheckpoint:
    """Read a checkpoint of any form.

    Args:
        path: an openai-whisper ``.pt``; a CTranslate2 folder or its ``model.bin``; or a Hugging Face folder with
            ``config.json`` and ``model.safetensors``, or that file.

    Raises:
        WeightsError: the file is missing, damaged or of no known form.
    """
    file = checkpoint_file(Path(path).absolute())
    if file.name in HUGGING_FACE_FILES or file.suffix == ".safetensors":
        from pipeline.speech.checkpoints import huggingface

        return huggingface.read(file)
    from pipeline.speech.checkpoints import ctranslate2, openai

    return ctranslate2.read(file) if ctranslate2.recognises(file) else openai.read(file)
