"""Runs of the product on sets of videos whose truth is known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.composing import Case, compose, write
from benchmarks.common.heads import heads_of
from benchmarks.common.places import ROOT

COMPOSED: dict[str, Case] = {
    "conversations": "listening",
    "both-talking": "talking",
    "off-screen": "off-screen",
    "overlap": "overlap",
}
"""Names of the sets that are composed of footage."""


def videos_of(name: str, footage: Path | None, weights_dir: Path, folder: Path) -> Path:
    """Return the folder with the videos of a set, composed where necessary.

    Args:
        name: ``samples``, one of `COMPOSED`, or a folder.
        footage: folder of the footage for tests, for composed sets.
        weights_dir: folder of the weights of YuNet, for composed sets.
        folder: composed videos are written here.

    Raises:
        SystemExit: *footage* is needed and missing.
    """
    if name == "samples":
        return ROOT / "samples"
    if name not in COMPOSED:
        return Path(name)
    if footage is None:
        raise SystemExit(f"{name} are composed of footage: name its folder with --videos")
    for conversation in compose(heads_of(footage, weights_dir), COMPOSED[name]):
        write(conversation, folder)
    return folder


def run_product(videos: Path, results: Path, transcripts: Path | None, flags: Sequence[str]) -> None:
    """Run ``optimized_runner.py`` on *videos*, downloading nothing.

    Raises:
        SystemExit: it failed on one of them.
    """
    argv = [sys.executable, "optimized_runner.py", str(videos.absolute()), "--output-dir", str(results.absolute())]
    argv += ["--no-download-weights", *flags]
    if transcripts is not None:
        argv += ["--transcripts", str(transcripts.absolute())]
    done = subprocess.run(argv, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nthe run ended with {done.returncode}")
