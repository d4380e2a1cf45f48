"""The results of one video as a whole: removed, or replaced by those of a new state.

Finished results are deleted in two cases only: a new state is complete and takes their place, or the new fingerprint is
known and the fault is the file's own and permanent.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from pipeline.clips.pages import remove_pages
from pipeline.clips.worker import remove_clips
from pipeline.outputs.extras import remove_extras
from pipeline.outputs.kept import FILES, MANIFEST, NEXT


def remove_results(folder: Path) -> None:
    """Remove manifest, clips, pages and extras from the *folder* of a video, the manifest first."""
    (folder / MANIFEST).unlink(missing_ok=True)
    remove_clips(folder / "output")
    remove_pages(folder)
    remove_extras(folder)


def replace_results(folder: Path) -> None:
    """Put what an attempt has made in `NEXT` in the place of the finished results in *folder*, the manifest last.

    A process that is killed in between leaves no manifest, and `recover` brings what it has made into place.
    """
    remove_results(folder)
    _move(folder)
    (folder / MANIFEST).parent.mkdir(parents=True, exist_ok=True)
    (folder / NEXT / MANIFEST).replace(folder / MANIFEST)
    shutil.rmtree(folder / NEXT)


def recover(folder: Path) -> None:
    """Bring what earlier attempts left in `NEXT` into place in the *folder* of a video without a manifest."""
    if not (folder / NEXT).is_dir():
        return
    for name in FILES.values():
        with contextlib.suppress(FileNotFoundError):
            (folder / NEXT / name).replace(folder / name)
    shutil.rmtree(folder / NEXT)


def forget_attempt(folder: Path) -> None:
    """Remove what an attempt that failed has left in the *folder* of a video; results of stages stay for the next one.

    Finished results are not touched.
    """
    if not (folder / NEXT).is_dir():
        if not (folder / MANIFEST).is_file():
            remove_results(folder)
        return
    for path in (folder / NEXT).iterdir():
        if path.name in FILES.values():
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    if not any((folder / NEXT).iterdir()):
        (folder / NEXT).rmdir()


def _move(folder: Path) -> None:
    """Move all files of `NEXT` but its manifest to the same places in *folder*."""
    for path in sorted((folder / NEXT).rglob("*")):
        name = path.relative_to(folder / NEXT)
        if path.is_file() and name.as_posix() != MANIFEST:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            path.replace(folder / name)
