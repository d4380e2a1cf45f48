"""The check of a machine of a cluster before a run begins. Imports no network, so that it is quick."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.stage import VideoJob


def check_node(
    inputs: Mapping[Path, int],
    note: Path | None,
    text: str,
    weights: Mapping[Path, int],
    work_root: Path,
    on_storage: Sequence[VideoJob],
) -> list[str]:
    """Return what this machine cannot see or do that a run needs, one line each; none where it is fit.

    Args:
        inputs: some of the videos, with their sizes in bytes.
        note: a file that the driver has put where the results go; None where that is a storage.
        text: what it holds.
        weights: files of weights, with their sizes.
        work_root: folder for temporary files.
        on_storage: videos of which something lies on a storage; one tells for all.
    """
    found = [f"{path} is not there, or is another file" for path, size in inputs.items() if not _is_as_long(path, size)]
    if found:
        found = [f"{len(found)} of {len(inputs)} videos cannot be seen: {found[0]}"]
    found += [f"weights: {path} is not there" for path, size in weights.items() if not _is_as_long(path, size)]
    if on_storage:
        from pipeline.executors.runtime import storage_problems

        found += storage_problems(on_storage)
    if note is not None:
        try:
            if note.read_text(encoding="utf-8") != text:
                found.append(f"{note.parent} is another folder here")
        except OSError:
            found.append(
                f"{note.parent} is not the folder of the results here: what the driver wrote there is not seen"
            )
    for folder in (work_root,) if note is None else (note.parent, work_root):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            trial = folder / f".{text}.{time.time_ns()}.part"
            trial.write_bytes(b"x")
            trial.unlink()
        except OSError as error:
            found.append(f"nothing can be written to {folder}: {error.strerror}")
    return found


def _is_as_long(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False
