"""Run of the product whose processes and left-overs can be told from all others. Linux only."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.places import ROOT

MARK = "LIPGEN_WATCHED_RUN"
"""Environment variable that every process of a run inherits, whoever its parent becomes."""

SHARED_MEMORY = Path("/dev/shm")

WORKER = re.compile(r"lipgen-([a-z]+)-\d+")
"""Name that ``ps`` shows for a worker that has started: its kind stands in the middle."""

UNFINISHED = re.compile(r".*\.(part|lock|tmp)|\.in-use.*")
"""Names that no file may have after a run."""


class WatchedRun:
    """``optimized_runner.py`` in a session of its own, with a folder of its own for temporary files.

    Args:
        videos: folder that it works on.
        output: folder of the results.
        temp: made when missing; nothing but the run and those before it may write there.
        flags: further words of the command line.
        log: file to which its output is appended.
    """

    def __init__(self, videos: Path, output: Path, temp: Path, flags: Sequence[str], log: Path) -> None:
        self._mark = f"{MARK}={uuid.uuid4().hex}"
        temp.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "optimized_runner.py", str(videos), "--output-dir", str(output), *flags]
        name, _, value = self._mark.partition("=")
        with log.open("ab") as console:
            self.process = subprocess.Popen(
                argv,
                cwd=ROOT,
                env={**os.environ, name: value, "TMPDIR": str(temp)},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    def processes(self) -> dict[int, str]:
        """Return the live processes of this run, by process id, with the name that ``ps`` shows."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self._mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "comm").read_text().strip()
        return found

    def workers(self) -> dict[int, str]:
        """Return the workers that have started, by process id, each with its kind."""
        named = {process: WORKER.fullmatch(name) for process, name in self.processes().items()}
        return {process: match[1] for process, match in named.items() if match}

    def all_end_within(self, seconds: float) -> bool:
        """Wait until no process of this run lives; return False if some still do after *seconds*."""
        end_s = time.monotonic() + seconds
        while self.processes():
            if time.monotonic() > end_s:
                return False
            time.sleep(0.1)
        return True

    def kill_all(self) -> None:
        """Kill the processes of this run that still live."""
        for process in self.processes():
            kill(process)
        self.process.wait()


def kill(process: int) -> bool:
    """Send SIGKILL; return False where the process has gone."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def shared_memory() -> set[str]:
    """Return the names in ``/dev/shm``."""
    return {path.name for path in SHARED_MEMORY.iterdir()} if SHARED_MEMORY.is_dir() else set()


def left_behind(output: Path, temp: Path, shared_before: set[str]) -> list[str]:
    """Return the left-overs of a run: temporary files, names in shared memory, unfinished files among results.

    Args:
        output: folder of the results.
        temp: the folder for temporary files.
        shared_before: `shared_memory` before the run.
    """
    found = [f"temporary: {path.relative_to(temp)}" for path in sorted(temp.rglob("*"))]
    found += [f"shared memory: {name}" for name in sorted(shared_memory() - shared_before)]
    found += [f"result: {path.relative_to(output)}" for path in sorted(output.rglob("*")) if is_unfinished(path.name)]
    return found


def is_unfinished(name: str) -> bool:
    """Return True for the name of a lock, or of a file that was not written to its end."""
    return UNFINISHED.fullmatch(name) is not None
