"""Commits beside one another, compared round by round."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.common.timed_runs import TimedRun
from benchmarks.speed import commits
from benchmarks.speed.commits import checked_out, compared


def run(wall_s: float, cpu_s: float = 4.0) -> TimedRun:
    return TimedRun(2.0, wall_s, 0.5, 1.0, cpu_s, 900, {"vision-0": 0.5}, {}, {}, {})


def test_a_round_is_compared_with_itself() -> None:
    """The third round was twice as slow for all: no commit gains or loses by that."""
    runs = {"old": [run(10.0), run(12.0), run(20.0)], "new": [run(5.0), run(6.0, 2.0), run(10.0, 2.0)]}
    found = compared(runs)
    assert (found["old"]["ratio"], found["old"]["wall_s"]) == (1.0, 12.0)
    assert (found["new"]["ratio"], found["new"]["wall_s"]) == (2.0, 6.0)
    assert found["new"]["cpu_ratio"] == 2.0


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two commits, tagged, of one file with their names in it."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.setattr(commits, "ROOT", folder)
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    for name in ("one", "two"):
        (folder / "name").write_text(name)
        subprocess.run(["git", "add", "name"], cwd=folder, check=True)
        subprocess.run(["git", *who, "commit", "-qm", name], cwd=folder, check=True)
        subprocess.run(["git", "tag", name], cwd=folder, check=True)
    return folder


def test_each_commit_has_its_own_tree_for_a_while(repository: Path, tmp_path: Path) -> None:
    with checked_out(["one", "two"], tmp_path / "trees") as trees:
        assert [(tree / "name").read_text() for tree in trees.values()] == ["one", "two"]
    assert not any(tree.exists() for tree in trees.values())
    listed = subprocess.run(["git", "worktree", "list"], cwd=repository, check=True, capture_output=True, text=True)
    assert len(listed.stdout.splitlines()) == 1


def test_a_commit_that_is_not_there(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nowhere"), checked_out(["one", "nowhere"], tmp_path / "trees"):
        pass
    assert not (tmp_path / "trees" / "one").exists()
