"""The folder for the sound files of one run: removed at its end, or by a later run when the run itself was killed."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "lipgen-run-"
LOCK = ".in-use"
"""Held as long as the run lives; the system lets go of it however the run ends."""

LOCKED_WITHIN_S = 3600.0
"""A folder of this age that has no lock was left by a run that was killed while it made or removed it."""


@contextmanager
def work_dir(parent: Path) -> Generator[Path, None, None]:
    """A new folder in *parent*; those of dead runs are removed first."""
    remove_abandoned(parent)
    made, lock = _locked(parent)
    try:
        yield Path(made.name)
    finally:
        lock.release()
        made.cleanup()


def _locked(parent: Path) -> tuple[tempfile.TemporaryDirectory[str], FileLock]:
    """Make a folder in *parent*, and lock it.

    Another run that begins at the same moment may find the lock before it is held, and take the folder for one of a
    dead run. Then another one is made.
    """
    while True:
        made = tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent, ignore_cleanup_errors=True)
        lock = FileLock(Path(made.name) / LOCK)
        with suppress(FileNotFoundError):
            lock.acquire()
            if os.path.lexists(lock.lock_file):
                return made, lock
            lock.release()
        made.cleanup()


def root_of(named: str) -> Path:
    """The folder for temporary files that a setting names, or the system's."""
    return Path(named or tempfile.gettempdir())


def sound_path(work_dir: Path, job: int) -> Path:
    """Return the path of the sound of a video in work."""
    return work_dir / f"{job}.pcm"


@contextmanager
def temporary_files_in(folder: Path) -> Generator[None, None, None]:
    """Inside, this process and those that it starts put their temporary files into *folder*, which goes as a whole."""
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable


def remove_abandoned(root: Path) -> list[Path]:
    """Removes the folders in *root* whose runs are dead, and returns them. Those of other users are left alone."""
    removed: list[Path] = []
    for folder in root.glob(f"{PREFIX}*/"):
        lock = folder / LOCK
        try:
            if not _is_own(folder):
                continue
            if not os.path.lexists(lock):
                if time.time() - folder.lstat().st_mtime > LOCKED_WITHIN_S and _holds_sound_only(folder):
                    shutil.rmtree(folder, ignore_errors=True)
                    removed.append(folder)
                continue
            if not _is_own(lock):
                continue
            with FileLock(lock, timeout=0):
                for path in folder.iterdir():
                    if path.name != LOCK:
                        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
                shutil.rmtree(folder, ignore_errors=True)
        except (Timeout, OSError):
            continue
        removed.append(folder)
    return removed


def _holds_sound_only(folder: Path) -> bool:
    """Return True where *folder* holds sound files alone: somebody else may use such a name too."""
    return all(path.suffix == ".pcm" for path in folder.iterdir())


def _is_own(path: Path) -> bool:
    """Return True where *path* is this user's and no link, which could lead anywhere."""
    found = path.lstat()
    return not stat.S_ISLNK(found.st_mode) and found.st_uid == os.getuid()
