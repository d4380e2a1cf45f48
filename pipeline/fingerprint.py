"""A short text that changes when the results of a video would: made of its content, the settings and the models."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from config import Config
from pipeline.errors import InputError
from pipeline.outputs.files import json_text
from pipeline.outputs.manifest import read_manifest, settings_of
from pipeline.types import ModelChoice

SAMPLE_BYTES = 1 << 20
"""How much is read at the beginning, in the middle and at the end of a file: whole files would take hours."""


def fingerprint(path: Path, config: Config, models: tuple[ModelChoice, ...]) -> str:
    """The fingerprint of the results that *path* would have.

    Args:
        path: the video: its size and three samples of its content count, its name and date do not.
        config: the settings that change results count.
        models: name and digest of each count, and whether it has its helper.

    Raises:
        InputError: ``unreadable``.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest.update(size.to_bytes(8, "big"))
            for start in sorted({0, max(size // 2 - SAMPLE_BYTES // 2, 0), max(size - SAMPLE_BYTES, 0)}):
                file.seek(start)
                digest.update(file.read(SAMPLE_BYTES))
    except OSError as error:
        message = f"cannot be read: {error.strerror}. Check that it exists and its permissions"
        raise InputError("unreadable", message, path) from error
    used = [[model.job, model.name, model.sha256, model.helper is not None] for model in models]
    digest.update(json_text([settings_of(config), used]).encode())
    return digest.hexdigest()


def finished_before(folder: Path, wanted: str) -> Path | None:
    """The manifest in *folder* if it has this fingerprint and every clip that it names is there."""
    manifest = folder / "output" / "manifest.json"
    if not manifest.is_file():
        return None
    try:
        content = read_manifest(manifest)
    except InputError:
        return None
    whole = all((manifest.parent / clip["clip"]).is_file() for clip in content["clips"])
    return manifest if whole and content["fingerprint"] == wanted else None
