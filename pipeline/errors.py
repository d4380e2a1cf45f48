"""The four errors of the pipeline; everything else that is raised is a bug.

Each carries a ``reason_code`` (short, stable, for programs) beside its message (for people: what is wrong, where,
and what to do about it). They travel between processes, so each can be pickled with its fields.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path


class PipelineError(Exception):
    """Base of the four: never raised itself."""

    reason_code = "internal_error"
    """Short stable code that ends in ``run.json``."""


class InputError(PipelineError):
    """The user's file or folder cannot be used: it is a result, not a crash.

    Args:
        reason_code: such as ``no_audio``, ``no_video``, ``unreadable``, ``not_media``.
        message: the fault of the file, and advice.
        path: the file; named in front of the message.
    """

    def __init__(self, reason_code: str, message: str, path: Path | str | None = None) -> None:
        super().__init__(reason_code, message, path)
        self.reason_code = reason_code
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path is not None else self.message


class ToolError(PipelineError):
    """An external program (ffmpeg) failed.

    Args:
        argv: the command, as a list; never a shell string.
        exit_code: exit code of the system; negative is a signal.
        stderr_tail: the last lines of the program's stderr.
    """

    reason_code = "tool_failed"

    def __init__(self, argv: Sequence[str], exit_code: int, stderr_tail: str) -> None:
        super().__init__(tuple(argv), exit_code, stderr_tail)
        self.argv = tuple(argv)
        self.exit_code = exit_code
        self.stderr_tail = stderr_tail

    def __str__(self) -> str:
        said = self.stderr_tail.strip() or "nothing on stderr"
        return f"{self.argv[0]} ended with exit code {self.exit_code}: {said} (command: {' '.join(self.argv)})"


class WeightsError(PipelineError):
    """A weights file is missing, damaged or of another network; the message has the fault, the places and advice."""

    reason_code = "weights"

    @classmethod
    def missing(cls, path: Path) -> WeightsError:
        """Return the error for a missing weights file at *path*."""
        return cls(
            f"{path}: there is no such weights file. Fetch it (python -m pipeline.weights fetch) "
            "or name the folder that holds it with --weights-dir"
        )


class WorkerDied(PipelineError):  # noqa: N818 - the name that reads best in a log
    """A worker process ended without a word: killed, out of memory, or crashed in native code; or it was ended because
    it said nothing for too long, or because the run took too much memory.

    Args:
        worker: its name, such as ``vision-0``.
        exit_code: ``multiprocessing.Process.exitcode``; negative is a signal. None where nobody knows it.
        silent_s: seconds that it had said nothing when it was ended for that; 0 where it was not.
        over_gb: memory of the run when it was ended for that; 0 where it was not.
    """

    reason_code = "worker_died"

    def __init__(self, worker: str, exit_code: int | None, silent_s: float = 0.0, over_gb: float = 0.0) -> None:
        super().__init__(worker, exit_code, silent_s, over_gb)
        self.worker = worker
        self.exit_code = exit_code
        self.silent_s = silent_s
        self.over_gb = over_gb
        if silent_s:
            self.reason_code = "worker_hung"
        elif over_gb:
            self.reason_code = "out_of_memory"

    @property
    def what(self) -> str:
        """Return the event without advice."""
        if self.silent_s:
            return f"the process {self.worker} hung: it said nothing for {self.silent_s:.0f} s and was ended"
        if self.over_gb:
            taken = f"the run took {self.over_gb:.1f} GB of memory, more than MAX_RAM_GB"
            return f"{taken}: its largest process at work, {self.worker}, was ended"
        if self.exit_code is None:
            return f"the process {self.worker} was lost, by itself or with its machine"
        return f"the process {self.worker} died (exit code {self.exit_code}; -9 is often the kernel short of memory)"

    def __str__(self) -> str:
        if self.silent_s:
            return f"{self.what}. Run this file alone with --debug, or raise HANG_S if the machine is that slow"
        return f"{self.what}. Try fewer workers or a smaller RING_MB, or run this file alone with --debug"


def describe(error: BaseException) -> tuple[str, str]:
    """Return the reason code and the message of an error that ended a video.

    A typed error speaks for itself; the system's own (disk full, no permission) are named; anything else is a bug.
    """
    if isinstance(error, PipelineError):
        return error.reason_code, str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk_full", f"{error}. Make room in the folders for results and for temporary files, and run it again"
    if isinstance(error, OSError):
        return "io_error", f"{error}. Check free space and permissions of the output and the temporary folder"
    if isinstance(error, MemoryError):
        return "out_of_memory", "the memory ran out. Try fewer workers or a smaller RING_MB"
    return "internal_error", f"a bug in the program: {type(error).__name__}: {error}. Run it with --debug and report it"
