"""Wall time and peak memory of a command with all its processes: ``python -m benchmarks.peak_memory make demo``.

Memory is proportional (PSS): what processes share, such as the picture ring, counts once. Linux only. Ends with one
JSON line: ``command``, ``exit_code``, ``seconds``, ``peak_mb``, ``peak_processes``, and ``peak_mb_by_name``.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

LOOK_EVERY_S = 0.5


def tree_of(root: int) -> list[int]:
    """The process *root* and all its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting += children.get(process, [])
    return found


def memory_kb(process: int) -> int:
    """Proportional memory of one process, 0 when it has gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def name_of(process: int) -> str:
    """What ``ps`` shows of a process."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text().strip()
    return "gone"


def main(command: list[str]) -> int:
    """Runs *command* and prints the JSON line; returns its exit code."""
    if not command:
        print("usage: python -m benchmarks.peak_memory COMMAND ...", file=sys.stderr)
        return 2
    began_s = time.monotonic()
    child = subprocess.Popen(command)
    peak_kb, peak_count, by_name = 0, 0, Counter[str]()
    while child.poll() is None:
        each = {process: memory_kb(process) for process in tree_of(child.pid)}
        if sum(each.values()) > peak_kb:
            peak_kb, peak_count, by_name = sum(each.values()), len(each), Counter()
            for process, size_kb in each.items():
                by_name[name_of(process)] += size_kb
        time.sleep(LOOK_EVERY_S)
    line = {
        "command": command,
        "exit_code": child.returncode,
        "seconds": round(time.monotonic() - began_s, 1),
        "peak_mb": round(peak_kb / 1024),
        "peak_processes": peak_count,
        "peak_mb_by_name": {name: round(size_kb / 1024) for name, size_kb in by_name.most_common()},
    }
    print(json.dumps(line))
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
