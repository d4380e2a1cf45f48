"""Where worker processes come from: a process that has loaded the libraries and done nothing else, and forks.

PyTorch takes seconds and hundreds of megabytes to load, which all workers share in this way; and no thread and no GPU
state is inherited, as none has come into being there. Systems other than Linux start each worker from nothing.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

    Context = ForkServerContext | SpawnContext

PROJECT = Path(__file__).resolve().parents[3]

LOADED = "pipeline.executors.local.preload"
"""The module that loads the libraries there."""

OWN_FOLDER = "LIPGEN_FORKSERVER_FOLDER"
"""Variable that tells that process which folder to remove at its end."""

FORK_SERVER_OF = "LIPGEN_FORKSERVER_OF"
"""Variable that tells that process that it is the one: the number of the process that started it."""


def clean_processes() -> Context:
    """Return the context for processes that inherit nothing but loaded libraries.

    The first call in a process begins to load them, in the background. Its socket lies in the system's folder for
    temporary files, and goes with this process, even when that is killed.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([LOADED])
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    try:
        with _variables({"PYTHONPATH": path, OWN_FOLDER: get_temp_dir(), FORK_SERVER_OF: str(os.getpid())}):
            multiprocessing.forkserver.ensure_running()
    except OSError:  # such as a name too long for a socket
        return multiprocessing.get_context("spawn")
    return context


def started(context: Context, target: Callable[..., None], args: tuple[Any, ...], name: str) -> BaseProcess:
    """A process of *context* that runs *target*; from nothing where the one that forks has died, as for want of memory.

    It ends with this one, if it does not end before.
    """
    process = context.Process(target=target, args=args, name=name, daemon=True)
    try:
        process.start()
    except (EOFError, ConnectionError):
        process = multiprocessing.get_context("spawn").Process(target=target, args=args, name=name, daemon=True)
        process.start()
    return process


@contextmanager
def _variables(values: Mapping[str, str]) -> Generator[None, None, None]:
    """Inside, the environment has these *values*."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            with contextlib.suppress(KeyError):
                del os.environ[name]
            if value is not None:
                os.environ[name] = value
