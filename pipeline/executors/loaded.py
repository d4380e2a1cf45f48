"""Imported once, by the process that workers are forked from (`pipeline.executors.nursery`): loads what they need.

It ends with its parent alone: what interrupts a run is for the parent to deal with.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal

from pipeline.executors.nursery import OWN_FOLDER

for _each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_each, signal.SIG_IGN)


def _leave() -> None:
    """Ends this process without taking the libraries apart, for which nobody needs to wait."""
    shutil.rmtree(os.environ[OWN_FOLDER], ignore_errors=True)
    os._exit(0)


atexit.register(_leave)

with contextlib.suppress(Exception):  # Whoever needs what cannot be loaded says so.
    import torch  # noqa: F401
    import torchaudio.functional  # noqa: F401

    import pipeline.executors.workers  # noqa: F401
