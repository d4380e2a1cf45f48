"""The folder for the sound files of a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from pipeline.executors.work_dir import LOCK, remove_abandoned, temporary_files_in, work_dir

ROOT = Path(__file__).resolve().parents[3]

KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.executors.work_dir import work_dir
with work_dir(Path(sys.argv[1])) as folder:
    (folder / "1.pcm").write_bytes(bytes(100))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_is_gone_afterwards(tmp_path: Path) -> None:
    with work_dir(tmp_path) as folder:
        (folder / "1.pcm").write_bytes(b"sound")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_goes_with_the_next_one(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    (left,) = tmp_path.iterdir()
    with work_dir(tmp_path) as folder:
        assert not left.exists()
        assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("fault", [FileNotFoundError("gone"), None])
def test_a_folder_that_another_run_takes_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: FileNotFoundError | None
) -> None:
    """The folder goes while the lock is asked for, or its lock is held and lies nowhere any more."""
    taken: list[Path] = []

    class Robbed(FileLock):
        def acquire(self, *arguments: Any, **named: Any) -> Any:
            if taken:
                return super().acquire(*arguments, **named)
            taken.append(Path(self.lock_file).parent)
            proxy = None if fault else super().acquire(*arguments, **named)
            shutil.rmtree(taken[0])
            if fault:
                raise fault
            return proxy

    monkeypatch.setattr("pipeline.executors.work_dir.FileLock", Robbed)
    with work_dir(tmp_path) as folder:
        assert folder != taken[0] and list(tmp_path.iterdir()) == [folder]
        assert remove_abandoned(tmp_path) == [] and folder.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_run_that_lives_is_left_alone(tmp_path: Path) -> None:
    with work_dir(tmp_path) as folder:
        (folder / "1.pcm").write_bytes(b"sound")
        assert remove_abandoned(tmp_path) == []
        assert (folder / "1.pcm").exists()


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lipgen-run-notes").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / LOCK).touch()
    assert remove_abandoned(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "lipgen-run-trap").mkdir()
    (tmp_path / "lipgen-run-trap" / LOCK).symlink_to(precious)
    assert remove_abandoned(tmp_path) == []
    assert precious.read_text() == "kept"


def test_a_folder_whose_lock_is_gone_goes_when_it_is_old_and_ours(tmp_path: Path) -> None:
    old, young, other = (tmp_path / f"lipgen-run-{name}" for name in ("old", "young", "other"))
    for folder, name in ((old, "1.pcm"), (young, "1.pcm"), (other, "thesis.txt")):
        folder.mkdir()
        (folder / name).touch()
    for folder in (old, other):
        os.utime(folder, (0, 0))
    assert remove_abandoned(tmp_path) == [old]
    assert young.exists() and (other / "thesis.txt").exists()


def test_temporary_files_of_this_process_and_its_children_go_there(tmp_path: Path) -> None:
    code = "import tempfile; print(tempfile.gettempdir())"
    before = tempfile.gettempdir()
    with temporary_files_in(tmp_path):
        assert tempfile.gettempdir() == str(tmp_path)
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert said.strip() == str(tmp_path)
    assert tempfile.gettempdir() == before
