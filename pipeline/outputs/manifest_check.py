"""Check of the manifests of finished results against the whole schema, for ``--doctor``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InputError
from pipeline.outputs.manifest import read_manifest
from pipeline.results import MANIFEST

MAX_SECONDS = 30.0
"""Time after which no more manifests are validated: that of an hour of talk takes about a second."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Result of a check."""

    found: int
    """Manifests that are there."""
    validated: int
    """Manifests that were validated; fewer where there was no time for all."""
    misfits: tuple[InputError, ...]
    """Errors, one for each manifest that does not fit, naming the file, the place in it and the fault."""


def check_manifests(folders: Iterable[Path], recursive: bool = False, most_seconds: float = MAX_SECONDS) -> Checked:
    """Validate the manifests of the results in *folders*, in order of their names, while there is time.

    Args:
        folders: folders of results, or of a single video's results.
        recursive: True where results may lie in folders further inside.
        most_seconds: time after which no other is begun; one is always validated.
    """
    paths = sorted({path for folder in folders for path in _manifests_in(folder, recursive)})
    end_s = time.monotonic() + most_seconds
    validated, misfits = 0, []
    for path in paths:
        if validated and time.monotonic() > end_s:
            break
        validated += 1
        try:
            read_manifest(path)
        except InputError as error:
            misfits.append(error)
    return Checked(len(paths), validated, tuple(misfits))


def _manifests_in(folder: Path, recursive: bool) -> Iterator[Path]:
    folder = folder.absolute()
    patterns = (f"**/{MANIFEST}",) if recursive else (MANIFEST, f"*/{MANIFEST}")
    for pattern in patterns:
        yield from (path for path in folder.glob(pattern) if path.is_file())
