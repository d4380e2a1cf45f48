"""Wall time, CPU time, memory and busy workers of a command, from its first to its last process. Linux only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.common.busy import Look
from benchmarks.common.places import ROOT
from pipeline.executors.local.process_memory import PROC, stat_fields, tree_bytes

LOOK_EVERY_S = 0.1
WEIGH_EVERY_S = 5.0
"""Time between two measurements of memory: each takes a tenth of a second, as every page of every process counts."""

PARENT = "parent"
"""Name of the first process."""

WORKER = re.compile(r"lipgen-(.+)")

PR_SET_CHILD_SUBREAPER = 36
"""Option of ``prctl`` (linux/prctl.h)."""

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Watched:
    """Resources that a command took."""

    exit_code: int
    began_s: float
    """Seconds since the epoch."""
    ended_s: float
    cpu_s: float
    """CPU seconds of the whole tree."""
    peak_bytes: int
    """Peak of proportional memory: pages that processes share count once."""
    looks: tuple[Look, ...]

    @property
    def wall_s(self) -> float:
        return self.ended_s - self.began_s

    def cpu_until(self, at_s: float) -> float:
        """Return the CPU seconds of the whole tree up to the last look before *at_s*."""
        before = [look for look in self.looks if look.at_s <= at_s]
        return sum(before[-1].cpu_s.values()) + before[-1].ended_cpu_s if before else 0.0


def watch(command: Sequence[str], log: Path, folder: Path = ROOT) -> Watched:
    """Run *command* from *folder* and look at it until it ends; its output goes to the end of *log*."""
    with _adopting_orphans(), log.open("ab") as console:
        return _watch(command, console, folder)


def _watch(command: Sequence[str], console: IO[bytes], folder: Path) -> Watched:
    looks, peak, weighed_s = [], 0, 0.0
    others = set(_children())
    began_s = time.time()
    child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    try:
        while not (ended := os.wait4(child.pid, os.WNOHANG))[0]:
            if time.monotonic() - weighed_s > WEIGH_EVERY_S:
                weighed_s = time.monotonic()
                peak = max(peak, tree_bytes(child.pid))
            looks.append(look(child.pid))
            time.sleep(LOOK_EVERY_S)
        _, status, usage = ended
        child.returncode = os.waitstatus_to_exitcode(status)
        usages = [usage]
        while orphans := set(_children()) - others:
            usages += [os.wait4(orphan, 0)[2] for orphan in orphans]
    except BaseException:
        child.kill()
        child.wait()
        raise
    spent = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return Watched(child.returncode, began_s, time.time(), spent, peak, tuple(looks))


@contextlib.contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Adopt processes that outlive their parents while the context lasts: they are part of the command, and their
    CPU time counts."""
    _adopt_orphans(True)
    try:
        yield
    finally:
        _adopt_orphans(False)


def _adopt_orphans(wanted: bool) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _children() -> list[int]:
    return _threads(os.getpid())[1]


def look(root: int) -> Look:
    """Look at *root* and its workers now; any other process counts for the one that has started it."""
    busy: dict[str, bool] = {}
    spent_s: dict[str, float] = {}
    ended_cpu_s = 0.0
    waiting = [(root, PARENT)]
    while waiting:
        process, owner = waiting.pop()
        with contextlib.suppress(OSError, ValueError, IndexError):
            named = WORKER.fullmatch((PROC / str(process) / "comm").read_text().strip())
            owner = named[1] if named else owner
            states, children = _threads(process)
            spent, of_ended = cpu_s(process)
            busy[owner] = busy.get(owner, False) or any(state in "RD" for state in states)
            if owner == PARENT:
                ended_cpu_s += of_ended
            else:
                spent += of_ended
            spent_s[owner] = spent_s.get(owner, 0.0) + spent
            waiting += [(child, owner) for child in children]
    return Look(time.time(), busy, spent_s, ended_cpu_s)


def cpu_s(process: int) -> tuple[float, float]:
    """Return the CPU seconds of a process, and of those of its children that have ended.

    Raises:
        OSError: it has gone.
    """
    ticks = stat_fields(PROC / str(process) / "stat")[11:15]
    user, system, ended_user, ended_system = (int(tick) / TICKS for tick in ticks)
    return user + system, ended_user + ended_system


def _threads(process: int) -> tuple[list[str], list[int]]:
    """Return the state of each thread of a process, and its live children."""
    states, children = [], []
    for thread in (PROC / str(process) / "task").iterdir():
        with contextlib.suppress(OSError):
            states.append(stat_fields(thread / "stat")[0])
            children += [int(child) for child in (thread / "children").read_text().split()]
    return states, children
