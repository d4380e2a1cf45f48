"""Processes and left-overs of a watched run are told from all others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.common import watched_run
from benchmarks.common.watched_run import WORKER, WatchedRun, is_unfinished, left_behind
from benchmarks.robustness.interrupted import kind_of

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux")

LEAVES_A_CHILD = """
import subprocess, sys, tempfile
from pathlib import Path
Path(tempfile.gettempdir(), "left").touch()
subprocess.Popen(["sleep", "60"], start_new_session=True)
print(sys.argv[1:])
"""


def test_what_outlives_the_run_is_found_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "optimized_runner.py").write_text(LEAVES_A_CHILD)
    monkeypatch.setattr(watched_run, "ROOT", tmp_path)
    with subprocess.Popen(["sleep", "60"]) as other:
        run = WatchedRun(tmp_path / "v", tmp_path / "o", tmp_path / "temp", ["--force"], tmp_path / "console")
        run.process.wait()
        assert list(run.processes().values()) == ["sleep"]
        assert other.pid not in run.processes()
        assert not run.all_end_within(0.0)
        run.kill_all()
        assert run.all_end_within(10.0)
        other.kill()
    assert "--output-dir" in (tmp_path / "console").read_text()
    assert left_behind(tmp_path / "o", tmp_path / "temp", watched_run.shared_memory()) == ["temporary: left"]


def test_workers_are_known_by_their_name() -> None:
    matches = [
        WORKER.fullmatch(name) for name in ("lipgen-decode-0", "lipgen-mux-12", "python", "lipgen-ring", "ffmpeg")
    ]
    assert [match and match[1] for match in matches] == ["decode", "mux", None, None, None]


@pytest.mark.parametrize(
    ("name", "unfinished"),
    [
        (".manifest.json.123.part", True),
        (".seg_0000_track_000.mp4.part", True),
        (".lipgen.lock", True),
        (".in-use", True),
        ("manifest.json", False),
        ("seg_0000_track_000.mp4", False),
        ("part.srt", False),
    ],
)
def test_unfinished_names(name: str, unfinished: bool) -> None:
    assert is_unfinished(name) == unfinished


@pytest.mark.parametrize(
    ("left", "kind"),
    [
        ("temporary: lipgen-k3x9_a", "temporary: lipgen-*"),
        ("temporary: tmpab12cd.pcm", "temporary: tmp*.pcm"),
        ("result: good 0001/output/.seg_0000_track_000.mp4.part", "result: .seg_*.mp4.part"),
        ("temporary: pymp-_avh6_yw/listener-x", "temporary: *"),
    ],
)
def test_left_overs_are_counted_by_kind(left: str, kind: str) -> None:
    assert kind_of(left) == kind


def test_a_command_runs_in_the_session_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "optimized_runner.py").write_text("import os; print(os.getsid(0) == os.getpid())")
    monkeypatch.setattr(watched_run, "ROOT", tmp_path)
    run = WatchedRun(tmp_path, tmp_path, tmp_path / "temp", [], tmp_path / "console")
    assert run.process.wait() == 0
    assert (tmp_path / "console").read_text() == "True\n"
    assert sys.executable in run.process.args  # type: ignore[operator]
