"""Command that lists, fetches and verifies the weights of models.

On the command line::

    python -m pipeline.weights list|fetch|verify [names...] [--weights-dir DIR]
"""

from __future__ import annotations

import argparse
import functools
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import WeightsError
from pipeline.models.download import check, mismatch, size_text
from pipeline.models.pairs import HELPERS
from pipeline.models.registry import MODELS, Model, default_whisper, lookup
from pipeline.models.store import cache_dir, fetch_missing, find, missing_text, places, require_folder
from pipeline.streams import lasting_streams


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code: 0 all well, 1 a file is missing, damaged or unfetched, 2 wrong use."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.weights", description=_USAGE)
    parser.add_argument("command", choices=("list", "fetch", "verify"))
    parser.add_argument("names", nargs="*", help="models, or all; see list")
    parser.add_argument("--weights-dir", type=Path, help="folder searched first; fetch writes to it")
    options = parser.parse_args(arguments)
    with lasting_streams():
        return _obey(options)


def _obey(options: argparse.Namespace) -> int:
    folder: Path | None = options.weights_dir
    try:
        models = list(MODELS.values()) if "all" in options.names else [lookup(name) for name in options.names]
        if options.command == "fetch":
            return _command_fetch(models or _defaults(), folder)
        require_folder(folder)
        return (_command_list if options.command == "list" else _command_verify)(models, folder)
    except WeightsError as error:
        print(error, file=sys.stderr)
        return 2


_USAGE = (
    "list: every model, its licence and where its file is. fetch: download the named models; without names those "
    "that a run uses by default on this machine. verify: compare the digests of the files that are here."
)


def _command_list(models: Sequence[Model], folder: Path | None) -> int:
    rows = [("job", "model", "size", "NC", "file", "licence", "where")]
    shown = models or list(MODELS.values())
    for model in shown:
        nc = "NC" if model.non_commercial else ""
        if model.file is None:
            rows.append((model.role, model.name, "", nc, "", model.licence, model.note))
            continue
        here = next((path for path in places(model, folder) if path.is_file()), None)
        where = str(here) if here else "not here"
        sizes = [model.size_bytes, model.wheels.size_bytes if model.wheels else None]
        if here and model.size_exact and here.stat().st_size not in sizes:
            where += f" (wrong size: {here.stat().st_size} bytes)"
        rows.append((model.role, model.name, size_text(model), nc, model.file, model.licence, where))
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
            if model.file is None:
                print(f"{model.name}: left out: {model.note}")
            elif here := _present(model, folder):
                print(f"{model.name}: {here} is here already")
            else:
                missing.append(model)
        except WeightsError as error:
            print(error, file=sys.stderr)
            failed = True
    reasons = fetch_missing(missing, folder or cache_dir(), functools.partial(print, flush=True))
    if reasons:
        absent = [model for model in missing if model.name in reasons]
        print(missing_text(absent, reasons, folder), file=sys.stderr)
    return 1 if failed or reasons else 0


def _present(model: Model, folder: Path | None) -> Path | None:
    """The right file of *model* in *folder* itself, or for None in any of the places."""
    if folder is None:
        return find(model.name)
    path = next((folder / name for name in model.files if (folder / name).is_file()), None)
    if path is not None:
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
    """The models of a run with default settings, and what helps them."""
    names = ["s3fd", "talknet", default_whisper(cuda=_has_nvidia_driver()), "mobilefacenet", HELPERS["mobilefacenet"]]
    return [lookup(name) for name in names]


def _has_nvidia_driver() -> bool:
    """Return True where NVIDIA's driver is: a CUDA device cannot be asked for without loading torch."""
    return shutil.which("nvidia-smi") is not None or Path("/dev/nvidiactl").exists()


if __name__ == "__main__":
    sys.exit(main())
