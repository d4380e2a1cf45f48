"""Memory of processes: what is shared counts once, what a child takes is seen, limits are found."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.executors.local import process_memory
from pipeline.executors.local.process_memory import limit_bytes, proportional_bytes, tree_bytes, tree_of

MIB = 1 << 20
SIZE = 50 * MIB

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux")

WAIT = "print(flush=True); sys.stdin.read()"
HOLD = f"import sys; held = bytearray(int(sys.argv[1])); {WAIT}"
MAP_IT = "import mmap, sys; held = mmap.mmap(int(sys.argv[-2]), int(sys.argv[-1])); sum(held[::4096])"
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', *sys.argv[1:]], close_fds=False)"
"""Starts a process that runs the code in its first argument."""


@contextmanager
def child(code: str, *arguments: object, descriptors: tuple[int, ...] = ()) -> Iterator[int]:
    """The id of a Python process that has run *code* and waits."""
    argv = [sys.executable, "-I", "-S", "-c", code, *map(str, arguments)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=descriptors) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def test_a_child_is_counted_with_all_that_it_holds() -> None:
    """Beside its parent, which is one of its own: what this process shares with others changes as they come and go."""
    with child(HOLD, SIZE) as process:
        assert process in tree_of(os.getpid())
        assert SIZE <= proportional_bytes(process) < SIZE + 30 * MIB
    with child(PARENT, HOLD, SIZE) as parent:
        assert SIZE <= tree_bytes(parent) - proportional_bytes(parent) < SIZE + 30 * MIB


def test_a_grandchild_is_counted() -> None:
    with child(PARENT, HOLD, SIZE) as process:
        assert len(tree_of(process)) == 2
        assert SIZE <= tree_bytes(process) < SIZE + 60 * MIB


def test_shared_memory_counts_once() -> None:
    file = os.memfd_create("shared")
    try:
        assert os.write(file, bytes(b"x" * SIZE)) == SIZE
        with child(f"{MAP_IT}; {PARENT}", f"{MAP_IT}; {WAIT}", file, SIZE, descriptors=(file,)) as parent:
            _, process = tree_of(parent)
            assert SIZE / 2 <= proportional_bytes(process) < SIZE
            assert SIZE <= tree_bytes(parent) < SIZE + SIZE / 2
    finally:
        os.close(file)


def test_what_has_gone_takes_nothing() -> None:
    with child("print(flush=True)") as process:
        pass
    assert (proportional_bytes(process), tree_of(process), tree_bytes(process)) == (0, [], 0)


def test_without_proportional_memory_resident_memory_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "statm").write_text("1000 25 10 1 0 30 0\n")
    monkeypatch.setattr(process_memory, "PROC", tmp_path)
    assert proportional_bytes(7) == 25 * os.sysconf("SC_PAGE_SIZE")


def test_the_name_of_a_program_does_not_confuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for process, stat in {7: "7 (a) S 3 (b) R 1 7 7", 8: "8 (x y) S 7 8 8"}.items():
        (tmp_path / str(process)).mkdir()
        (tmp_path / str(process) / "stat").write_text(stat)
    monkeypatch.setattr(process_memory, "PROC", tmp_path)
    assert tree_of(7) == [7, 8]


MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("cgroup", "limits", "expected"),
    [
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.max": "3000000"}, 3_000_000),
        ("0::/a/b", {"a/b/memory.max": "2000000", "a/memory.max": "3000000"}, 2_000_000),
        ("0::/docker/of-the-host", {"memory.max": "2000000"}, 2_000_000),
        ("0::/a", {"unified/a/memory.max": "2000000"}, 2_000_000),
        ("5:cpu:/a\n4:memory:/a\n0::/", {"memory/a/memory.limit_in_bytes": "2000000"}, 2_000_000),
        ("4:memory:/", {"memory/memory.limit_in_bytes": "9223372036854771712"}, MACHINE),
        ("0::/a:b", {"a:b/memory.max": str(MACHINE * 2)}, MACHINE),
        ("0::/", {}, MACHINE),
    ],
)
def test_the_smallest_limit_holds(
    cgroup: str, limits: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text(cgroup + "\n")
    for name, said in limits.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said + "\n")
    monkeypatch.setattr(process_memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(process_memory, "CGROUPS", tmp_path / "cgroup")
    assert limit_bytes() == expected


def test_this_machine_has_a_limit() -> None:
    assert 64 * MIB < limit_bytes() <= MACHINE
