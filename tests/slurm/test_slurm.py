"""An array of a real Slurm, started here, over a folder with one corrupt file: as one run of the serial engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.results import differences, timeless
from tests.support.own_slurm import OwnSlurm, missing_programs, own_slurm

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 1200
"""Jobs that take longer hang, even on a machine with much else to do."""

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(LONG_S)]

QUICK = (
    *("--whisper-device", "cpu", "--vision-device", "cpu", "--no-download-weights"),
    *("--speaker-model", "lip-motion", "--identity-model", "none", "--detect-every", "25", "--facedet-scale", "0.5"),
    *("--clip-preset", "ultrafast", "--num-preprocess-workers", "1"),
)
SMALL = ("--gres=none", "--cpus-per-task=1", "--mem=100M", "--time=30")
"""What the node of the tests has room for."""

MEASURED = ("queues", "peak_memory_mb")
"""Fields of ``run.json`` that tell of the processes of a run; the serial engine has none."""


@dataclass(frozen=True)
class Runs:
    """What the runs left: that of the serial engine, and that of two tasks of an array, run twice."""

    whole: Path
    shards: Path
    """As it was before the array was submitted again."""
    again: Path
    first: dict[str, str]
    """How each task ended."""
    merged: dict[str, str]
    second: dict[str, str]
    before: dict[str, int]
    """When each clip and manifest was written, before the array was submitted again."""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnSlurm]:
    """Skips where Slurm is not installed or we are not root, and fails there when ``REQUIRE_SLURM=1``."""
    missing = missing_programs()
    if missing or os.geteuid():
        message = f"needs root, and slurm-wlm and munge (apt-get install slurm-wlm munge); missing: {missing}"
        if os.environ.get("REQUIRE_SLURM") == "1":
            pytest.fail(message)
        pytest.skip(message)
    base = tmp_path_factory.mktemp("cluster")
    (base / "home").mkdir()
    # An environment that is up to date, so that nothing is installed; it hands on to the interpreter of the tests.
    python = base / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (base / "venv" / ".installed").touch()
    foreign = ("XDG_CACHE_HOME", "LIPGEN_", "SHARDS", "MAKE", "MFLAGS", "VENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    ours = {"HOME": str(base / "home"), "LIPGEN_VENV": str(base / "venv"), "LIPGEN_HOME": str(ROOT)}
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, own_slurm(Path(folder), kept | ours) as running:
        yield running


@pytest.fixture(scope="module")
def runs(slurm: OwnSlurm, tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Runs:
    base = tmp_path_factory.mktemp("runs")
    videos, transcripts, out, whole = (base / name for name in ("videos", "transcripts", "out", "whole"))
    videos.mkdir()
    transcripts.mkdir()
    for stem in ("a", "b"):
        shutil.copy(samples / "late_sound.mp4", videos / f"{stem}.mp4")
        shutil.copy(samples / "transcripts" / "late_sound.json", transcripts / f"{stem}.json")
    content = (samples / "late_sound.mp4").read_bytes()
    (videos / "corrupt.mp4").write_bytes(content[len(content) // 3 : len(content) // 2])
    arguments = (videos, "--output-dir", out, "--transcripts", transcripts, *QUICK)

    argv = [sys.executable, str(ROOT / "optimized_runner.py"), *map(str, arguments), "--debug"]
    done = subprocess.run(argv, env=slurm.environment, capture_output=True, text=True, timeout=LONG_S)
    assert done.returncode == 1, done.stderr
    out.rename(whole)

    log = f"--output={base}/%A_%a.log"
    script = ROOT / "slurm" / "array.sbatch"
    job = slurm.sbatch("--array=0-1", *SMALL, log, script, *arguments, folder=base)
    merging = f"{sys.executable} -m pipeline.merge_runs {out}"
    merge = slurm.sbatch(f"--dependency=afterany:{job}", "--mem=100M", log, "--wrap", merging, folder=ROOT)
    first, merged = slurm.end_of(job, LONG_S), slurm.end_of(merge, LONG_S)
    shutil.copytree(out, base / "merged")
    before = written(out)
    again = slurm.sbatch("--array=0-1", *SMALL, log, script, *arguments, folder=base, SHARDS="2")
    second = slurm.end_of(again, LONG_S)
    print(*(f"{path.name}:\n{path.read_text(errors='replace')}" for path in sorted(base.glob("*.log"))), sep="\n")
    return Runs(whole, base / "merged", out, first, merged, second, before)


def written(out: Path) -> dict[str, int]:
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in out.glob("*/output/*")}


def ends(path: Path) -> dict[str, str]:
    return {Path(line["path"]).name: line["status"] for line in json.loads(path.read_text())["videos"]}


def test_each_task_ends_as_its_videos_do(runs: Runs) -> None:
    """The first has the corrupt one: a.mp4, b.mp4, corrupt.mp4 are in turn of 0, 1, 0. Merging ends as a whole run."""
    assert runs.first == {"0": "FAILED 1:0", "1": "COMPLETED 0:0"}
    assert runs.merged == {"": "FAILED 1:0"}


def test_results_are_those_of_one_whole_run(runs: Runs) -> None:
    found = differences(runs.whole, runs.shards)
    assert [line for line in found if ".shard-" not in line] == []
    assert {line for line in found if ".shard-" in line} == {
        f"{name}.shard-0{rank}-of-02.{ending}: too much"
        for name, ending in (("run", "json"), ("clips", "jsonl"), ("index", "html"))
        for rank in (0, 1)
    }


def test_run_files_are_those_of_one_whole_run(runs: Runs) -> None:
    def content(folder: Path) -> dict[str, Any]:
        run = timeless(json.loads((folder / "run.json").read_text()))
        return {name: value for name, value in run.items() if name not in MEASURED}

    assert content(runs.shards) == content(runs.whole)
    assert ends(runs.shards / "run.json") == {"a.mp4": "done", "b.mp4": "done", "corrupt.mp4": "failed"}


def test_submitted_again_it_does_nothing_anew(runs: Runs) -> None:
    assert runs.second == runs.first
    assert ends(runs.again / "run.shard-00-of-02.json") == {"a.mp4": "skipped", "corrupt.mp4": "failed"}
    assert ends(runs.again / "run.shard-01-of-02.json") == {"b.mp4": "skipped"}
    assert written(runs.again) == runs.before and len(runs.before) >= 4
