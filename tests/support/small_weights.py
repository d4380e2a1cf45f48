"""Small files in the place of the published weights."""

from __future__ import annotations

from pathlib import Path

from pipeline.models.registry import MODELS
from pipeline.types import ModelChoice


def content_of(name: str) -> bytes:
    """What stands for the published file of a model here."""
    return f"the weights of {name}".encode()


def put(folder: Path, *names: str) -> Path:
    """The files of the named models, right ones, in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / str(MODELS[name].file)).write_bytes(content_of(name))
    return folder


def named(choices: tuple[ModelChoice, ...]) -> list[tuple[str, str]]:
    return [(choice.role, choice.name) for choice in choices]
