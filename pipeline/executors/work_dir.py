"""The folder for the sound files of one run: removed at its end, or by a later run when the run itself was killed."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "lipgen-"
LOCK = ".in-use"
"""Held as long as the run lives; the system lets go of it however the run ends."""


@contextmanager
def work_dir(parent: Path | None = None) -> Iterator[Path]:
    """A new folder in *parent*, or in the system's folder for temporary files; those of dead runs are removed first."""
    root = Path(parent or tempfile.gettempdir())
    remove_abandoned(root)
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, dir=root, ignore_cleanup_errors=True) as folder,
        FileLock(Path(folder) / LOCK),
    ):
        yield Path(folder)


def remove_abandoned(root: Path) -> list[Path]:
    """Removes the folders in *root* whose runs are dead, and returns them. Those of other users are left alone."""
    removed = []
    for lock in root.glob(f"{PREFIX}*/{LOCK}"):
        try:
            if not _is_own(lock.parent) or not _is_own(lock):
                continue
            with FileLock(lock, timeout=0):
                shutil.rmtree(lock.parent, ignore_errors=True)
        except (Timeout, OSError):
            continue
        removed.append(lock.parent)
    return removed


def _is_own(path: Path) -> bool:
    """Whether *path* is this user's and no link, which could lead anywhere."""
    found = path.lstat()
    return not stat.S_ISLNK(found.st_mode) and found.st_uid == os.getuid()
