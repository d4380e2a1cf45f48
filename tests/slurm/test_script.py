"""``slurm/array.sbatch`` by itself, in a project whose environment and runner only tell what was asked of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[2] / "slurm" / "array.sbatch"

MAKEFILE = """\
VENV ?= .venv
install: $(VENV)/.installed
$(VENV)/.installed: requirements.txt
\techo made >> made.txt
\tsleep 0.5
\tmkdir -p $(VENV)/bin
\tcp interpreter $(VENV)/bin/python
\ttouch $@
"""

INTERPRETER = """\
#!/bin/sh
printf '%s\\n' "$@"
"""

PATIENT = """\
#!/bin/sh
trap 'echo asked; exit 130' TERM
echo ready
while :; do sleep 0.1; done
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a Makefile, and a runner whose interpreter prints its arguments."""
    folder = tmp_path / "a project"
    folder.mkdir()
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "optimized_runner.py").touch()
    (folder / "requirements.txt").touch()
    (folder / "interpreter").write_text(INTERPRETER)
    (folder / "interpreter").chmod(0o755)
    return folder


def start(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """The script, started in *folder* with these variables and none of a Slurm around the tests."""
    foreign = ("SLURM_", "LIPGEN_", "SHARDS", "PYTHON", "MAKE", "MFLAGS", "VENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return subprocess.Popen(
        ["bash", str(SCRIPT), *arguments],
        cwd=folder,
        env=kept | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def asked(folder: Path, *arguments: str, **variables: str) -> list[str]:
    """What the runner was given."""
    script = start(folder, *arguments, **variables)
    out, err = script.communicate(timeout=60)
    assert script.returncode == 0, err
    lines = out.splitlines()
    return lines[next(number for number, line in enumerate(lines) if line.endswith("optimized_runner.py")) + 1 :]


def refused(folder: Path, *arguments: str, **variables: str) -> str:
    script = start(folder, *arguments, **variables)
    _, err = script.communicate(timeout=60)
    assert script.returncode == 2
    return err


def test_the_arguments_go_to_the_runner(project: Path) -> None:
    wanted = ["/my videos", "--output-dir", "/out", "--clip-style", "head"]
    assert asked(project, *wanted) == wanted


def test_the_shard_of_an_array_is_found_by_the_runner(project: Path) -> None:
    variables = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8", "SLURM_ARRAY_TASK_MIN": "0"}
    assert asked(project, "/v", **variables) == ["/v"]


def test_a_single_shard_is_named_where_their_number_is_said(project: Path) -> None:
    variables = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "1", "SLURM_ARRAY_TASK_MIN": "3"}
    assert asked(project, "/v", SHARDS="8", **variables) == ["--shard", "3/8", "/v"]


def test_an_array_that_does_not_begin_at_0_is_not_taken_for_a_whole_one(project: Path) -> None:
    variables = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "1", "SLURM_ARRAY_TASK_MIN": "3"}
    assert "SHARDS=8 sbatch" in refused(project, "/v", **variables)


def test_a_number_of_shards_without_an_array(project: Path) -> None:
    assert "SHARDS is set and this is no array" in refused(project, "/v", SHARDS="8")


def test_without_videos(project: Path) -> None:
    assert "name a folder of videos" in refused(project)


def test_another_folder_than_the_project(project: Path, tmp_path: Path) -> None:
    """Slurm runs a copy of the script, so that it cannot look beside itself."""
    assert "is not the folder of the project" in refused(tmp_path, "/v")
    assert asked(tmp_path, "/v", LIPGEN_HOME=str(project)) == ["/v"]
    assert asked(tmp_path, "/v", SLURM_SUBMIT_DIR=str(project)) == ["/v"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_tasks_at_the_same_time_make_one_environment(project: Path, tmp_path: Path, elsewhere: bool) -> None:
    venv = tmp_path / "shared" / "venv" if elsewhere else project / ".venv"
    variables = {"LIPGEN_VENV": str(venv)} if elsewhere else {}
    tasks = [start(project, "/v", **variables) for _ in range(4)]
    for task in tasks:
        out, err = task.communicate(timeout=60)
        assert task.returncode == 0 and out.splitlines()[-1] == "/v", err
    assert (project / "made.txt").read_text() == "made\n"
    assert (venv / "bin" / "python").is_file()


def test_the_run_gets_the_signal_that_the_script_is_sent(project: Path) -> None:
    (project / "interpreter").write_text(PATIENT)
    task = start(project, "/v")
    assert task.stdout is not None
    while task.stdout.readline() != "ready\n":
        assert task.poll() is None
        time.sleep(0.01)
    task.send_signal(signal.SIGTERM)
    out, _ = task.communicate(timeout=60)
    assert (task.returncode, out) == (130, "asked\n")
