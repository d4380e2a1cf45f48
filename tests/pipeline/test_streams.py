"""A run outlives those who read what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.streams import lasting_streams

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
from pipeline.streams import lasting_streams
with lasting_streams():
    for stream in (sys.stdout, sys.stderr):
        for _ in range(3):
            print("x" * 10_000, file=stream, flush=True)
            print("y" * 10_000, file=stream)
    sys.stderr.flush()
open(sys.argv[1], "w").write("the work is done")
"""


def _run(tmp_path: Path, **streams: Any) -> None:
    done = tmp_path / "done"
    code = subprocess.run([sys.executable, "-c", PROGRAM, str(done)], cwd=ROOT, timeout=60, **streams).returncode
    assert (code, done.read_text()) == (0, "the work is done")


def test_a_pager_that_was_closed_ends_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        _run(tmp_path, stdout=writing, stderr=writing)
    finally:
        os.close(writing)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_under_the_log_ends_nothing(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        _run(tmp_path, stdout=full.fileno(), stderr=full.fileno())


def test_what_is_read_arrives(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with lasting_streams():
        print("said")
        print("warned", file=sys.stderr)
    assert (sys.stdout, sys.stderr) == before
    assert capfd.readouterr() == ("said\n", "warned\n")


def test_no_streams_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with lasting_streams():
        print("nowhere")
