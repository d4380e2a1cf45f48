"""Cheap runs of the product over short videos: flags, and the events that it writes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common.command_line import add_work, working_folder
from benchmarks.common.places import FOOTAGE
from benchmarks.common.results import faults_of_report, faults_of_results
from benchmarks.common.short_videos import Short

FAST = (
    *("--no-download-weights", "--face-detector", "yunet", "--speaker-model", "lr-asd"),
    *("--whisper-model-size", "pocketsphinx", "--vision-device", "cpu", "--whisper-device", "cpu"),
)
"""Flags that make a run cheap on a CPU. Every word comes from a transcript: no recogniser is loaded."""

ALL_CLIPS = ("--min-speaker-score-threshold", "-100", "--min-coverage", "0")
"""Flags with which nearly every sentence becomes a clip, whoever seems to say it."""

END_WITHIN_S = 10.0
"""Time that the processes of a run get to end after it."""


def product_flags(transcripts: Path, weights_dir: Path | None, max_tries: int) -> list[str]:
    """Return the flags of a cheap run that sets a video aside only after *max_tries* kills."""
    weights = ["--weights-dir", str(weights_dir.absolute())] if weights_dir else []
    return [*FAST, *ALL_CLIPS, *weights, "--transcripts", str(transcripts), "--max-tries", str(max_tries)]


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> tuple[argparse.Namespace, Path, Path, Path]:
    """Add the flags of every benchmark over short videos, and make its folders.

    Returns:
        The flags, the folder for everything, and those for videos and transcripts inside it.
    """
    parser.add_argument("--seed", type=int, default=0)
    add_work(parser)
    parser.add_argument("--footage", type=Path, default=FOOTAGE, help="folder of more videos to cut pieces from")
    parser.add_argument("--weights-dir", type=Path, help="without it stand-ins run")
    flags = parser.parse_args(argv)
    work = working_folder(flags.work)
    videos, transcripts = work / "videos", work / "transcripts"
    for folder in (videos, transcripts):
        folder.mkdir()
    return flags, work, videos, transcripts


def events_of(console: str) -> list[dict[str, Any]]:
    """Return the events of ``--log-json`` in what a run wrote; other lines, and a last one cut short, do not count."""
    lines = console.splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]


def text_of(log: Path) -> str:
    """Return what a run has written so far, nothing if it has not begun."""
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def faults_of_run(report: Mapping[str, Any], shorts: Sequence[Short]) -> list[str]:
    """Return the faults of a ``run.json`` and of all results that it names."""
    faults = faults_of_report(report, shorts)
    for video in report["videos"]:
        if video["manifest"]:
            faults += faults_of_results(Path(video["manifest"]))
    return faults
