"""A run of the product, timed from the moment when its models are loaded."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.common.busy import busy_shares, cpu_spent, overlap_efficiency, span_shares
from benchmarks.common.places import ROOT
from benchmarks.common.product import ALL_CLIPS, events_of
from benchmarks.common.speed_videos import VideoSet
from benchmarks.common.watching import Watched, watch


@dataclass(frozen=True, slots=True)
class Models:
    """Models and devices that a run is to use."""

    face_detector: str = "yunet"
    speaker_model: str = "lr-asd"
    weights_dir: Path | None = None
    device: str = "cpu"
    words: str = ""
    """Whisper model for the words, such as ``tiny.en``; empty: words are given."""

    @staticmethod
    def add_flags(parser: argparse.ArgumentParser) -> None:
        """Add the flags that `of` reads."""
        parser.add_argument("--weights-dir", type=Path, required=True, help="folder of the weights")
        parser.add_argument("--face-detector", default="yunet", choices=("yunet", "s3fd", "mtcnn"))
        parser.add_argument("--speaker-model", default="lr-asd", choices=("lr-asd", "light-asd", "talknet"))
        parser.add_argument("--device", default="cpu", help="of vision, such as cuda:0")
        parser.add_argument("--words", default="", help="Whisper model, such as tiny.en (default: words are given)")

    @classmethod
    def of(cls, flags: argparse.Namespace) -> Models:
        return cls(flags.face_detector, flags.speaker_model, flags.weights_dir.absolute(), flags.device, flags.words)

    @property
    def names(self) -> dict[str, str]:
        names = {"face_detector": self.face_detector, "speaker_model": self.speaker_model}
        return {**names, "words": f"whisper-{self.words}"} if self.words else names


@dataclass(frozen=True, slots=True)
class TimedRun:
    """One run of the product."""

    startup_s: float
    """Time until the first video was begun: interpreter, settings, models."""
    wall_s: float
    """Time from then to the end of its last process."""
    ending_s: float
    """Last part of `wall_s`: from the last result to the end."""
    startup_cpu_s: float
    cpu_s: float
    peak_mb: int
    busy: dict[str, float]
    """Share of `wall_s` in which each worker was busy; time after the last result does not count."""
    worker_cpu_s: dict[str, float]
    spans: dict[str, float]
    """Share of `wall_s` in which at least one video was in each stage."""
    report: dict[str, Any]
    """Content of its ``run.json``."""

    @property
    def overlap_efficiency(self) -> float:
        return overlap_efficiency(self.busy)

    @property
    def clips(self) -> int:
        return sum(video["clips"] for video in self.report["videos"])


def run_timed(
    made: VideoSet, results: Path, models: Models, more: Sequence[str] = (), project: Path = ROOT
) -> TimedRun:
    """Run ``optimized_runner.py`` on *made*; every sentence with a face gets a clip.

    Args:
        made: the videos.
        results: a new folder.
        models: models that it is to use.
        more: further flags of the product.
        project: folder of the product.

    Raises:
        SystemExit: it failed, or did not use these models.
    """
    log = results.with_name(f"{results.name}.log")
    argv = [sys.executable, "optimized_runner.py", str(made.videos), "--output-dir", str(results), "--log-json"]
    argv += ["--no-download-weights", "--whisper-model-size", models.words or "pocketsphinx"]
    argv += ["--whisper-language", "en"] if models.words else ["--transcripts", str(made.transcripts)]
    argv += ["--face-detector", models.face_detector, "--speaker-model", models.speaker_model]
    argv += ["--vision-device", models.device, "--whisper-device", "cpu", *ALL_CLIPS]
    if models.weights_dir is not None:
        argv += ["--weights-dir", str(models.weights_dir)]
    watched = watch([*argv, *more], log, project)
    if watched.exit_code:
        raise SystemExit(f"{log.read_text(errors='replace')[-4000:]}\nthe run ended with {watched.exit_code}")
    report = json.loads((results / "run.json").read_bytes())
    replaced = [model["stands_in_for"] for model in report["models"] if model["stands_in_for"]]
    if set(replaced) & set(models.names.values()):
        raise SystemExit(f"the weights of {' and '.join(replaced)} were not found: nothing to measure")
    return timed(watched, first_and_last(log.read_text(errors="replace")), report)


def first_and_last(console: str) -> tuple[float, float]:
    """Return the times of the first video's begin and of the last event, in seconds since the epoch.

    Args:
        console: output of a run with ``--log-json``.

    Raises:
        SystemExit: no video was begun.
    """
    events = events_of(console)
    times_s = [datetime.fromisoformat(event["time"]).timestamp() for event in events]
    begun_s = [at_s for at_s, event in zip(times_s, events, strict=True) if event["event"] == "begun"]
    if not begun_s:
        raise SystemExit("no video was begun: nothing to measure")
    return begun_s[0], times_s[-1]


def timed(watched: Watched, span_s: tuple[float, float], report: dict[str, Any]) -> TimedRun:
    """Combine looks, log and report of one run; *span_s* is the result of `first_and_last`."""
    begun_s, last_s = span_s
    wall_s = watched.ended_s - begun_s
    startup_cpu_s = watched.cpu_until(begun_s)
    busy = busy_shares(watched.looks, begun_s, last_s)
    return TimedRun(
        startup_s=begun_s - watched.began_s,
        wall_s=wall_s,
        ending_s=watched.ended_s - last_s,
        startup_cpu_s=startup_cpu_s,
        cpu_s=watched.cpu_s - startup_cpu_s,
        peak_mb=round(watched.peak_bytes / 2**20),
        busy={name: share * (last_s - begun_s) / wall_s for name, share in busy.items()},
        worker_cpu_s=cpu_spent(watched.looks, begun_s, last_s),
        spans=span_shares(report["videos"], wall_s),
        report=report,
    )


def summary(runs: Sequence[TimedRun], made: VideoSet) -> dict[str, Any]:
    """Return medians over *runs* of the same videos, for the JSON line."""

    def median(values: Sequence[float], digits: int) -> float:
        return round(statistics.median(values), digits)

    def each(shares: Sequence[dict[str, float]], digits: int) -> dict[str, float]:
        return {name: median([share.get(name, 0.0) for share in shares], digits) for name in shares[0]}

    return {
        "videos": made.count,
        "seconds": made.seconds,
        "runs": len(runs),
        "startup_s": median([run.startup_s for run in runs], 2),
        "wall_s": median([run.wall_s for run in runs], 2),
        "ending_s": median([run.ending_s for run in runs], 2),
        "startup_cpu_s": median([run.startup_cpu_s for run in runs], 2),
        "cpu_s": median([run.cpu_s for run in runs], 2),
        "peak_mb": round(statistics.median(run.peak_mb for run in runs)),
        "video_s_per_s": median([made.count * made.seconds / run.wall_s for run in runs], 3),
        "clips": runs[0].clips,
        "busy": each([run.busy for run in runs], 3),
        "spans": each([run.spans for run in runs], 3),
        "worker_cpu_s": each([run.worker_cpu_s for run in runs], 2),
        "overlap_efficiency": median([run.overlap_efficiency for run in runs], 3),
    }
