"""Machine, commit and load under which a benchmark of speed was measured: part of its JSON line."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.common.measuring import machine
from benchmarks.common.places import ROOT
from benchmarks.common.watching import TICKS, cpu_s
from pipeline.executors.local.process_memory import tree_of
from pipeline.machine import core_count

STAT = Path("/proc/stat")

QUIET = 0.05
"""Share of the machine that others may take while something is measured."""


def facts(device: str = "cpu") -> dict[str, Any]:
    """Return the machine, the commit, and the share that others took of the machine since this module was imported."""
    return {
        **machine(torch.device(device)),
        "cores": core_count(),
        "others": others(),
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def machine_name(device: str = "cpu") -> str:
    """Return device and number of cores: ratios are compared only between machines of one name."""
    return f"{machine(torch.device(device))['device_name']}, {core_count()} cores"


def others() -> float | None:
    """Return the share of all cores that other processes took, descendants apart; None without ``/proc/stat``.

    Above `QUIET` the machine was not quiet, and neither times nor ratios are to be trusted: two loops do not suffer
    alike.
    """
    now = _clocks()
    if now is None or _BEGAN is None:
        return None
    wall_s, busy_s, own_s = (after - before for after, before in zip(now, _BEGAN, strict=True))
    return share_of_others(wall_s, busy_s, own_s, os.cpu_count() or 1)


def share_of_others(wall_s: float, busy_s: float, own_s: float, cores: int) -> float:
    """Return the busy seconds of all *cores*, one's own left out, as a share of the seconds that there were."""
    return round(max(busy_s - own_s, 0.0) / (wall_s * cores), 3) if wall_s else 0.0


def _clocks() -> tuple[float, float, float] | None:
    """Return the seconds so far: wall time, CPU time of the machine, CPU time of this process and its descendants."""
    if not STAT.exists():
        return None
    user, nice, system, _, _, irq, softirq, steal = (int(ticks) for ticks in STAT.read_text().split()[1:9])
    busy = (user + nice + system + irq + softirq + steal) / TICKS
    return time.monotonic(), busy, _own_s()


def _own_s() -> float:
    """Return the CPU seconds of this process and its descendants, those that have ended included."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    for process in tree_of(os.getpid())[1:]:
        with contextlib.suppress(OSError):
            total += sum(cpu_s(process))
    return total


_BEGAN = _clocks()


def commit() -> str | None:
    """Return the commit that is checked out, with ``+`` where files differ from it; None outside a repository."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        return name + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()
