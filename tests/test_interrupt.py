"""A run that is interrupted, as by Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.command_line import LONG_S, ROOT, command, environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(LONG_S)]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_130_and_leaves_nothing_running(tmp_path: Path, stop: signal.Signals) -> None:
    (tmp_path / "work").mkdir()
    arguments = command(
        *(ROOT / "samples", "--output-dir", tmp_path / "out", "--work-dir", tmp_path / "work"),
        *("--detect-every", "1", "--grace-s", "0"),
    )
    process = subprocess.Popen(
        arguments, stderr=subprocess.PIPE, text=True, env=environment(tmp_path), start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:  # until the first stage of a video is done: the workers are in the middle of it
        if " decode " in line or " speech " in line:
            break
    process.send_signal(stop)
    said = process.stderr.read()
    assert process.wait(60) == 130, said
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert len(run["videos"]) == 3
    assert "interrupted" in {video["status"] for video in run["videos"]}
    assert list((tmp_path / "work").iterdir()) == []
    assert not session_members(process.pid)


def session_members(session: int) -> list[int]:
    """Processes that still belong to a session, after a moment to go."""
    found: list[int] = []
    for _ in range(50):
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(stat.read_text().rpartition(")")[2].split()[3]) == session:
                    found.append(int(stat.parent.name))
        if not found:
            return []
        time.sleep(0.1)
    return found
