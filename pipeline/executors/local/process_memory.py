"""Memory that a run takes with all its processes, and memory that this machine allows, read from ``/proc`` on Linux.

Memory is proportional (PSS, see ``man 5 proc``): a page that several processes share, as those of the picture ring,
counts in each by its share, so that it counts once in their sum.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")

UNLIMITED = 1 << 60
"""cgroup v1 has no word for no limit, but gives a number near 2**63."""


def proportional_bytes(process: int) -> int:
    """The proportional memory of the process with that id; 0 when it has gone.

    Where the system does not tell that, all that the process has in memory, which counts shared pages in full.
    """
    folder = PROC / str(process)
    with contextlib.suppress(OSError):
        for line in (folder / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    with contextlib.suppress(OSError):
        return int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def tree_of(process: int) -> list[int]:
    """That process, if it lives, and all that descend from it."""
    children: dict[int, list[int]] = {}
    alive: set[int] = set()
    for path in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat_fields(path)[1])
            children.setdefault(parent, []).append(int(path.parent.name))
            alive.add(int(path.parent.name))
    found: list[int] = []
    waiting = [process] if process in alive else []
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def stat_fields(stat: Path) -> list[str]:
    """Return the fields of a process's or a thread's ``stat``, from the state on.

    The program's name before it stands in brackets and may hold anything.

    Raises:
        OSError: the process has gone.
    """
    return stat.read_text(errors="replace").rpartition(")")[2].split()


def tree_bytes(process: int) -> int:
    """The memory of a process and of all that descend from it, encoders included; what they share counts once."""
    return sum(proportional_bytes(each) for each in tree_of(process))


def limit_bytes() -> int:
    """Return the bytes that this process and its children may take: the machine's memory, or less by its cgroup."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_cgroup_limits()])


def _cgroup_limits() -> Iterator[int]:
    """The limits of this process's cgroups, of version 1 and 2, and of those that they lie in."""
    for folder, name in _cgroup_folders():
        with contextlib.suppress(OSError):
            said = (folder / name).read_text().strip()
            if said.isdigit() and int(said) < UNLIMITED:
                yield int(said)


def _cgroup_folders() -> Iterator[tuple[Path, str]]:
    """Every folder that may hold a limit, with the name of its file.

    Inside a container the path may be that of the host, of which only the end of the way up exists.
    """
    try:
        lines = (PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            roots, name = [CGROUPS, CGROUPS / "unified"], "memory.max"
        elif "memory" in controllers.split(","):
            roots, name = [CGROUPS / "memory"], "memory.limit_in_bytes"
        else:
            continue
        inner = Path(path.lstrip("/"))
        for root in roots:
            yield from ((root / each, name) for each in (inner, *inner.parents))
