"""A command is watched: who was busy, and what it took."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.common.busy import busy_shares
from benchmarks.common.watching import PARENT, watch

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")]

WORKER = """
import sys, time
from pathlib import Path
Path("/proc/self/comm").write_text("lipgen-mux-0")
end = time.monotonic() + 1.5
while time.monotonic() < end:
    pass
"""
PARENT_CODE = f"import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', {WORKER!r}]); sys.exit(3)"


def test_a_worker_and_its_waiting_parent_are_told_apart(tmp_path: Path) -> None:
    watched = watch([sys.executable, "-I", "-S", "-c", PARENT_CODE], tmp_path / "log")
    shares = busy_shares(watched.looks, watched.began_s, watched.ended_s)
    assert watched.exit_code == 3
    assert shares["mux-0"] > shares[PARENT]
    assert watched.peak_bytes > 0
    assert watched.cpu_s >= max(look.cpu_s.get("mux-0", 0.0) for look in watched.looks) > 0


def test_the_output_goes_to_the_log(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    watch(
        [sys.executable, "-I", "-S", "-c", "import sys; print('out', flush=True); sys.stderr.write('err')"],
        tmp_path / "log",
    )
    assert (tmp_path / "log").read_text() == "before\nout\nerr"
