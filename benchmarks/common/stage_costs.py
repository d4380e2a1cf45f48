"""Costs of a minute of video in each stage: measured on this machine, kept as JSON, read by `benchmarks.simulate`.

Two things are measured. The timings of a run's ``run.json`` are wall time, the stages' waiting for one another included
unless the run was serial. The CPU seconds are taken here, by doing the stages of some videos of that run once more: the
sound, the pictures at full speed on one thread, vision without its networks, and the clips. Those stay on the CPU
whatever the networks run on. No GPU is needed, and none is measured.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.common.cpu_seconds import Spent, driver_seconds, spent_on
from config import Config
from pipeline.machine import core_count, resolved
from pipeline.models.choose import choose
from pipeline.outputs.files import write_json
from pipeline.stage import Models
from pipeline.types import ModelChoice

COSTS = Path(__file__).resolve().parents[1] / "scale" / "costs.json"
"""File of costs that the simulation reads by default."""


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds (of one core) and megabytes to a minute of video, and wall time of the driver for a video."""

    sound_cpu_s: float
    """Reading the file and writing its sound; vision and speech each do it."""
    decode_cpu_s: float
    """Decoding all pictures."""
    vision_cpu_s: float
    """Shots, tracks, crops, identity: vision without face detector and speaker model."""
    clips_cpu_s: float
    """Cutting and encoding the clips, with manifest and pages."""
    read_mb: float
    """Size of the file."""
    write_mb: float
    """Size of all results."""
    begin_s: float
    """Wall time of the driver for a video before it is begun: its fingerprint, its lock."""
    end_s: float
    """Wall time of the driver for a video after it has ended."""
    line_s: float
    """Wall time for each video that ``run.json`` holds, every time that it is written anew."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise ValueError(f"Costs: expected {name} to be a number of at least 0, got {value!r}")


def read_costs(path: Path) -> Costs:
    """Read the costs that `measure` wrote to *path*.

    Raises:
        SystemExit: the file is not there, or holds something else.
    """
    try:
        return Costs(**json.loads(path.read_bytes())["costs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SystemExit(f"{path} holds no costs: {error}. Make it with --measure") from error


def measure(run_json: Path, most: int, weights_dir: Path | None, note: str) -> dict[str, Any]:
    """Measure the content of the file of costs.

    Args:
        run_json: file of a finished run; its videos and their results must still be there.
        most: number of its videos that are done once more, from the first on.
        weights_dir: the same as of the run; weights are not downloaded.
        note: a remark on the machine at that time, for readers.

    Raises:
        SystemExit: the run has no video that was done.
    """
    report = json.loads(run_json.read_bytes())
    done = finished_videos(report)
    config = Config(VISION_DEVICE="cpu", WHISPER_DEVICE="cpu", DETECT_EVERY=1, SPEAKER_MODEL="lr-asd")
    config = resolved(replace(config, FACE_DETECTOR="yunet", DOWNLOAD_WEIGHTS=False))
    models = _models(config, weights_dir)
    print(f"doing the stages of {len(done[:most])} videos once more", file=sys.stderr)
    spent = [spent_on(video, config, models) for video in done[:most]]
    minutes = sum(video["video_seconds"] for video in done) / 60
    read_mb = sum(Path(video["path"]).stat().st_size for video in done) / 1e6
    write_mb = sum(_bytes_below(Path(video["manifest"]).parent.parent) for video in done) / 1e6
    driver = driver_seconds([Path(video["path"]) for video in done[:most]], config, models)
    costs = Costs(**cpu_costs(spent), read_mb=read_mb / minutes, write_mb=write_mb / minutes, **driver)
    return {
        "machine": machine(note),
        "run": {
            "videos": len(done),
            "minutes": round(minutes, 2),
            "models": {model["job"]: model["name"] for model in report["models"]},
            "wall_seconds_per_minute": wall_seconds(done),
        },
        "cpu_seconds": [asdict(each) for each in spent],
        "costs": {name: float(f"{value:.4g}") for name, value in asdict(costs).items()},
    }


def cpu_costs(spent: Sequence[Spent]) -> dict[str, float]:
    """Return CPU seconds to a minute, over all of these videos together: long ones count for more."""
    minutes = sum(each.minutes for each in spent)
    return {
        f"{stage}_cpu_s": sum(getattr(each, f"{stage}_s") for each in spent) / minutes
        for stage in ("sound", "decode", "vision", "clips")
    }


def machine(note: str) -> dict[str, Any]:
    """Return the machine, the commit and the date of the measurement."""
    memory_gb = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    return {"cpu": _cpu_name(), "cores": core_count(), "memory_gb": memory_gb, "gpu": None, "note": note}


def _cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def finished_videos(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the videos of a ``run.json`` that this run did itself, with results.

    Raises:
        SystemExit: there is none.
    """
    done = [v for v in report["videos"] if v["status"] in ("done", "partial") and v["manifest"] and v["timings"]]
    if not done:
        raise SystemExit("that run did no video: every one failed or was skipped. Give one that did, or use --force")
    return done


def wall_seconds(videos: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return for each stage the median of its wall seconds to a minute of video, over *videos* of a ``run.json``."""
    shares: dict[str, list[float]] = {}
    for video in videos:
        for stage, (began_s, ended_s) in video["timings"].items():
            shares.setdefault(stage, []).append((ended_s - began_s) * 60 / video["video_seconds"])
    return {stage: round(statistics.median(values), 2) for stage, values in shares.items()}


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _models(config: Config, weights_dir: Path | None) -> Models:
    chosen = choose(
        config.FACE_DETECTOR,
        config.SPEAKER_MODEL,
        None,
        config.IDENTITY_MODEL,
        weights_dir=weights_dir,
        download=False,
        announce=lambda line: print(line, file=sys.stderr),
    )
    return (*chosen, ModelChoice("words", "transcript", None))


def write_costs(path: Path, content: Mapping[str, Any]) -> None:
    """Write the result of `measure`."""
    write_json(path, dict(content))
