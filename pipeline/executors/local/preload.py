"""Load libraries in the process that workers are forked from (`pipeline.executors.local.forkserver`), as it begins.

multiprocessing has no other way to tell that process than a module that it imports by name. So the import acts in that
process alone, which knows itself by a variable that `forkserver` gives to it; elsewhere it is an import like any other.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import shutil
import signal

from pipeline.executors.local.forkserver import FORK_SERVER_OF, OWN_FOLDER


def is_fork_server() -> bool:
    """Return True in a process that `forkserver` has started to fork workers, as a child of its own."""
    return os.environ.get(FORK_SERVER_OF) == str(os.getppid()) and OWN_FOLDER in os.environ


def load() -> None:
    """Make this process the one that workers are forked from.

    It ends with its parent alone: what interrupts a run is for the parent to deal with.
    """
    del os.environ[FORK_SERVER_OF]
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    atexit.register(_leave, os.environ.pop(OWN_FOLDER))
    with contextlib.suppress(Exception):  # Whoever needs what cannot be loaded says so.
        for name in ("torch", "torchaudio.functional", "pipeline.executors.local.worker", "pipeline.graph"):
            importlib.import_module(name)


def _leave(folder: str) -> None:
    """End this process without taking the libraries apart, for which nobody needs to wait."""
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if is_fork_server():
    load()
