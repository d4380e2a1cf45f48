"""Finds the weights of the models of a run, fetches what is missing, and says which models the run gets.

Nothing here connects to anything unless a download is asked for. On the command line::

    python -m pipeline.weights list|fetch|verify [names...] [--weights-dir DIR]
"""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.errors import WeightsError
from pipeline.types import ModelChoice
from pipeline.weights_fetch import UnreachableError, check, fetch, mismatch, sha256_of, size_text
from pipeline.weights_table import (
    HELPERS,
    MODELS,
    STAND_INS,
    Model,
    alignment_model,
    default_whisper,
    lookup,
    models_of,
)

ENVIRONMENT_VARIABLE = "LIPGEN_WEIGHTS"
"""Names a folder that is searched after ``--weights-dir``."""

OFFLINE = "this machine seems to be offline"
DOWNLOADS_OFF = "downloads are switched off"
NO_SOURCE = "no public address of it is known: it must be put there by hand"


def cache_dir() -> Path:
    """The folder that downloads go to: ``lipgen`` in ``$XDG_CACHE_HOME``, or in ``~/.cache``."""
    return _cache_home() / "lipgen"


def places(model: Model, weights_dir: Path | None = None) -> list[Path]:
    """Where the file of *model* is looked for, in order; ends with the cache of the package that publishes it, where
    that keeps it under the same name."""
    assert model.file is not None
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    folders = [weights_dir, Path(named).expanduser() if named else None, cache_dir()]
    if model.job == "words":
        folders.append(_cache_home() / "whisper")
    if model.job == "alignment":
        folders.append(_cache_home() / "torch" / "hub" / "checkpoints")
    return [folder / model.file for folder in folders if folder is not None]


def find(name: str, weights_dir: Path | None = None) -> Path | None:
    """The weights file of a model, its digest checked; None when it is in none of the places.

    Raises:
        WeightsError: the first file found is damaged or another one (it is never passed over in silence), there is no
            such model, or *weights_dir* is no folder.
    """
    model = lookup(name)
    _require_folder(weights_dir)
    if model.file is None:
        return None
    for path in places(model, weights_dir):
        if path.is_file():
            check(model, path)
            return path
    return None


def choose(
    face_detector: str,
    speaker_model: str,
    words_model: str | None,
    identity_model: str | None = None,
    *,
    weights_dir: Path | None = None,
    download: bool = True,
    strict: bool = False,
    language: str | None = None,
    announce: Callable[[str], None] = print,
) -> tuple[ModelChoice, ...]:
    """The models of a run, with their files: those asked for, or what stands in for them.

    Args:
        face_detector: ``s3fd``, ``yunet`` or ``mtcnn``.
        speaker_model: ``talknet``, ``lr-asd``, ``light-asd`` or ``lip-motion``.
        words_model: a Whisper model (``base``, ``whisper-base``), the path of a checkpoint (with a folder in it or
            ending in ``.pt``), or ``pocketsphinx``; None when nothing is to be transcribed. A checkpoint with the
            content of an official one gets the official name.
        identity_model: ``mobilefacenet``, or ``none`` (which is called ``by-track``); None when nobody is to be told
            apart. The landmarks that MobileFaceNet needs come from YuNet, or from MTCNN where YuNet's file is missing.
        weights_dir: searched first; must exist.
        download: fetch to `cache_dir` what is found nowhere.
        strict: refuse to run on a stand-in.
        language: of the speech; None or ``auto`` when not known. Nothing stands in for Whisper in other than English.
        announce: gets what people should read: downloads, and the stand-ins with the reason.

    Returns:
        One choice for each job, in the order faces, speaking, words, identity. Asking for ``mtcnn`` and the like by
        name is no stand-in.

    Raises:
        WeightsError: a file is damaged, a name or path does not exist, or weights are missing and *strict* or
            *language* forbids the stand-in.
    """
    own = _own_checkpoint(words_model) if words_model else None
    asked = [lookup(face_detector, "faces"), lookup(speaker_model, "speaking")]
    if words_model and own is None:
        asked.append(lookup(words_model, "words"))
    if identity_model:
        asked.append(lookup(identity_model, "identity"))
    files: dict[str, Path] = {}
    reasons = _gather(asked, files, weights_dir, download, announce)
    helpers = [lookup(HELPERS[model.name]) for model in asked if model.name in HELPERS and model.name in files]
    reasons |= _gather([model for model in helpers if model not in asked], files, weights_dir, download, announce)
    absent = [model for model in dict.fromkeys([*asked, *helpers]) if model.name in reasons]
    if absent:
        told = _missing_text(absent, reasons, weights_dir)
        if strict:
            raise WeightsError(f"{told}\nNothing may stand in for what is missing: --strict.")
        if "words" in {model.job for model in absent} and language not in (None, "", "auto", "en"):
            raise WeightsError(f"{told}\nPocketSphinx, which could stand in, knows English only, not {language!r}.")
        lines = [
            f"STAND-IN for {model.name} ({model.job}): {STAND_INS[model.job]}. Its output is not {model.name}'s."
            for model in absent
            if model in asked
        ]
        lines += [
            f"STAND-IN for {model.name} (landmarks): mtcnn. What depends on them is not quite the same."
            for model in helpers
            if model in absent
        ]
        announce("\n".join([told, *lines]))
    choices = [_choice(model, files, reasons.get(model.name)) for model in asked]
    return tuple(sorted([*choices, *([own] if own else [])], key=lambda choice: list(STAND_INS).index(choice.job)))


def choose_alignment(
    language: str,
    *,
    weights_dir: Path | None = None,
    download: bool = True,
    required: bool = True,
    announce: Callable[[str], None] = print,
) -> ModelChoice | None:
    """The network that aligns words to the sound. Nothing stands in for it.

    Args:
        language: of the speech, or ``auto``.
        weights_dir: searched first; must exist.
        download: fetch it to `cache_dir` when it is found nowhere and *required*.
        required: without it, the network is taken where it happens to be here.
        announce: gets what people should read.

    Returns:
        The choice of the job ``alignment``; None where it is neither here nor required.

    Raises:
        WeightsError: the file is damaged, or cannot be had although it is required.
    """
    model = lookup(alignment_model(language), "alignment")
    files: dict[str, Path] = {}
    reasons = _gather([model], files, weights_dir, download and required, announce)
    if reasons and required:
        smaller = "With --whisper-language en a smaller network serves. " if language != "en" else ""
        raise WeightsError(
            f"{_missing_text([model], reasons, weights_dir)}\n--align needs it, and nothing stands in for it. "
            f"{smaller}Without --align, words keep the times of the recogniser or of the transcript."
        )
    return _choice(model, files, None) if files else None


def _gather(
    models: Sequence[Model],
    files: dict[str, Path],
    weights_dir: Path | None,
    download: bool,
    announce: Callable[[str], None],
) -> dict[str, str]:
    """Puts the files of *models* into *files*, by name, downloaded where needed; for each that is missing, why."""
    files |= {model.name: path for model in models if (path := find(model.name, weights_dir)) is not None}
    missing = [model for model in models if model.file is not None and model.name not in files]
    if not download:
        return {model.name: DOWNLOADS_OFF if model.sources else NO_SOURCE for model in missing}
    reasons = _fetch_missing(missing, cache_dir(), announce)
    fetched = [model.name for model in missing if model.name not in reasons]
    files |= {name: path for name in fetched if (path := find(name, cache_dir())) is not None}
    return reasons


def _choice(model: Model, files: Mapping[str, Path], reason: str | None) -> ModelChoice:
    """*model* with its file of *files*, or what stands in for it for a *reason*."""
    if reason:
        why = f"{model.file} is not on this machine, and {reason.splitlines()[0]}"
        return ModelChoice(model.job, STAND_INS[model.job], None, stands_in_for=model.name, why=why)
    path, helper = files.get(model.name), HELPERS.get(model.name)
    why = "" if helper is None or helper in files else f"{helper} is not on this machine: mtcnn finds the landmarks"
    return ModelChoice(
        model.job,
        model.name,
        path,
        sha256=check(model, path) if path else None,
        why=why,
        helper=files.get(helper) if helper else None,
    )


def _own_checkpoint(words_model: str) -> ModelChoice | None:
    """The user's own Whisper checkpoint; None when *words_model* is no path."""
    path = Path(words_model).expanduser()
    if path.name == words_model and path.suffix != ".pt":
        return None
    if not path.is_file():
        raise WeightsError(f"{words_model}: there is no such Whisper checkpoint")
    sha256 = sha256_of(path)
    official = [model.name for model in models_of("words") if model.sha256 == sha256]
    return ModelChoice("words", official[0] if official else path.name, path, sha256=sha256)


def _fetch_missing(missing: Sequence[Model], folder: Path, announce: Callable[[str], None]) -> dict[str, str]:
    """Downloads the files of *missing* to *folder*; for each that failed, why.

    When one finds no network at all, the others are not tried: each would wait for its timeouts again.
    """
    reasons: dict[str, str] = {}
    for model in missing:
        if not model.sources:
            reasons[model.name] = NO_SOURCE
            continue
        if any(reason.startswith(OFFLINE) for reason in reasons.values()):
            reasons[model.name] = OFFLINE
            continue
        try:
            fetch(model, folder, announce=announce)
        except WeightsError as error:
            failed = OFFLINE if isinstance(error, UnreachableError) else "it could not be downloaded"
            first, *sources = str(error).splitlines()
            reasons[model.name] = "\n".join([failed, *(sources or [f"  {first}"])])
    return reasons


def _missing_text(absent: Sequence[Model], reasons: dict[str, str], weights_dir: Path | None) -> str:
    """One message for all missing files: which, why, where they were looked for, and how to get them."""
    lines = [f"missing weights: {model.file} of {model.name}: {reasons[model.name]}" for model in absent]
    folders = dict.fromkeys(str(path.parent) for model in absent for path in places(model, weights_dir))
    lines.append(f"Looked in: {', '.join(folders)}")
    names = " ".join(model.name for model in absent if model.sources)
    if names:
        lines += [
            f"To fetch elsewhere: python -m pipeline.weights fetch {names} --weights-dir weights",
            f"Then copy the folder here, and name it with --weights-dir or {ENVIRONMENT_VARIABLE}.",
        ]
    if "identity" in {model.job for model in absent}:
        lines.append("To do without: --identity-model none")
    return "\n".join(lines)


def _require_folder(weights_dir: Path | None) -> None:
    if weights_dir is not None and not weights_dir.is_dir():
        raise WeightsError(f"{weights_dir}: there is no such weights folder")


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code: 0 all well, 1 a file is missing, damaged or unfetched, 2 wrong use."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.weights", description=_USAGE)
    parser.add_argument("command", choices=("list", "fetch", "verify"))
    parser.add_argument("names", nargs="*", help="models, or all; see list")
    parser.add_argument("--weights-dir", type=Path, help="folder searched first; fetch writes to it")
    options = parser.parse_args(arguments)
    folder: Path | None = options.weights_dir
    try:
        models = list(MODELS.values()) if "all" in options.names else [lookup(name) for name in options.names]
        if options.command == "fetch":
            return _command_fetch(models or _defaults(), folder)
        _require_folder(folder)
        return (_command_list if options.command == "list" else _command_verify)(models, folder)
    except WeightsError as error:
        print(error, file=sys.stderr)
        return 2


_USAGE = (
    "list: every model, its licence and where its file is. fetch: download the named models; without names the three "
    "that a run uses by default on this machine. verify: compare the digests of the files that are here."
)


def _command_list(models: Sequence[Model], folder: Path | None) -> int:
    rows = [("job", "model", "size", "NC", "file", "licence", "where")]
    shown = models or list(MODELS.values())
    for model in shown:
        nc = "NC" if model.non_commercial else ""
        if model.file is None:
            rows.append((model.job, model.name, "", nc, "", model.licence, model.note))
            continue
        here = next((path for path in places(model, folder) if path.is_file()), None)
        where = str(here) if here else "not here"
        if here and model.size_exact and model.size_bytes != here.stat().st_size:
            where += f" (wrong size: {here.stat().st_size} bytes)"
        rows.append((model.job, model.name, size_text(model), nc, model.file, model.licence, where))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip())
    print("\nNC: commercial use is excluded or in doubt, as far as known:")
    for model in shown:
        if model.non_commercial:
            print(f"  {model.name}: {model.non_commercial}")
    return 0


def _command_fetch(models: Sequence[Model], folder: Path | None) -> int:
    missing: list[Model] = []
    failed = False
    for model in models:
        try:
            if model.file is None or (not model.sources and len(models) == len(MODELS)):
                print(f"{model.name}: left out: {model.note}")
            elif here := _present(model, folder):
                print(f"{model.name}: {here} is here already")
            else:
                missing.append(model)
        except WeightsError as error:
            print(error, file=sys.stderr)
            failed = True
    reasons = _fetch_missing(missing, folder or cache_dir(), functools.partial(print, flush=True))
    if reasons:
        absent = [model for model in missing if model.name in reasons]
        print(_missing_text(absent, reasons, folder), file=sys.stderr)
    return 1 if failed or reasons else 0


def _present(model: Model, folder: Path | None) -> Path | None:
    """The right file of *model* in *folder* itself, or for None in any of the places."""
    if folder is None:
        return find(model.name)
    path = folder / (model.file or "")
    if not path.is_file():
        return None
    check(model, path)
    return path


def _command_verify(models: Sequence[Model], folder: Path | None) -> int:
    failed = False
    found = 0
    for model in models or MODELS.values():
        if model.file is None:
            continue
        copies = [path for path in dict.fromkeys(places(model, folder)) if path.is_file()]
        found += len(copies)
        for path in copies:
            wrong = mismatch(model, path)
            print(f"{'WRONG' if wrong else 'right'}  {model.name}  {path}{f': {wrong}' if wrong else ''}")
            failed = failed or bool(wrong)
        if models and not copies:
            print(f"not here  {model.name}  {model.file}")
            failed = True
    if not found and not models:
        print("no weights file was found: nothing was verified")
    return 1 if failed or not found else 0


def _defaults() -> list[Model]:
    """The models of a run with default settings."""
    return [lookup("s3fd"), lookup("talknet"), lookup(default_whisper(cuda=_has_nvidia_driver()))]


def _has_nvidia_driver() -> bool:
    """Stands for a CUDA device, which cannot be asked for without loading torch."""
    return shutil.which("nvidia-smi") is not None or Path("/dev/nvidiactl").exists()


if __name__ == "__main__":
    sys.exit(main())
