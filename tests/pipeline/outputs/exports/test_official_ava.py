"""The AVA export, judged by the challenge's own script.

The script is not ours to keep. `AVA_SCRIPT` names a copy of ``get_ava_active_speaker_performance.py``, from ActivityNet
or from TalkNet-ASD, Light-ASD or LR-ASD; it needs pandas in the environment that the tests run in.
"""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.judging import average_precision
from pipeline.outputs.exports import write_exports
from pipeline.types import Probe, ScoredTracks

RUN = (
    "import runpy, sys\n"
    "import numpy\n"
    "numpy.float, numpy.NAN = float, numpy.nan\n"  # names that the script uses and numpy 2 no longer has
    "sys.argv = sys.argv[1:]\n"
    "runpy.run_path(sys.argv[0], run_name='__main__')\n"
)


def _tracks(logit: np.ndarray) -> ScoredTracks:
    count = len(logit)
    return ScoredTracks(
        frame_count=count,
        shot_starts=np.array([0], np.int32),
        track=np.zeros(count, np.int32),
        frame=np.arange(count, dtype=np.int32),
        box_px=np.tile(np.array([10, 20, 60, 90], np.float32), (count, 1)),
        logit=logit,
        probability=(1 / (1 + np.exp(-logit))).astype(np.float32),
    )


def test_the_official_script_takes_one_form_and_comes_to_our_average_precision(tmp_path: Path) -> None:
    """The labels are those of one set of scores, the predictions those of another on the same faces."""
    script = os.environ.get("AVA_SCRIPT")
    if not script:
        pytest.skip("AVA_SCRIPT names no copy of get_ava_active_speaker_performance.py")
    rng = np.random.default_rng(5)
    true = rng.normal(size=400).astype(np.float32)
    guess = (true + rng.normal(scale=2, size=400)).astype(np.float32)
    probe = Probe(tmp_path / "talk.mp4", "mov", 16.0, 320, 240, Fraction(25), 0, Fraction(0), 16000, 1)
    printed: dict[bool, str] = {}
    for header in (False, True):
        folders = {"labels": tmp_path / f"true_{header}", "predictions": tmp_path / f"guess_{header}"}
        for folder, logit in zip(folders.values(), (true, guess), strict=True):
            smooth, tracks = lambda boxes: boxes[:, :3], _tracks(logit)
            write_exports(["ava"], folder, probe, tracks, (), smooth=smooth, ava_header=header)
        labels, predictions = (folder / "export" / f"ava_{name}.csv" for name, folder in folders.items())
        command = [sys.executable, "-c", RUN, script, "-g", str(labels), "-p", str(predictions)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert "No module named" not in done.stderr, done.stderr
        if done.returncode == 0:
            printed[header] = done.stdout
    assert len(printed) == 1, printed
    found = next(iter(printed.values())).split()[-1]
    ours = average_precision(guess, true > 0, int((true > 0).sum()))
    theirs = float(found.rstrip("%")) / 100 if found.endswith("%") else float(found)
    assert theirs == pytest.approx(ours, abs=1e-4)
