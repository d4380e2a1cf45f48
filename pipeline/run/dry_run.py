"""``--dry-run``: forecast a run's work, its time and its disk space. Nothing is written."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import Config
from pipeline.artifacts import kept_stages
from pipeline.errors import InputError
from pipeline.executors.work_dir import root_of
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig, videos_in_flight
from pipeline.media.excerpts import excerpted
from pipeline.media.probe import probe
from pipeline.opening import SOUND_BYTES_PER_S, limits_of
from pipeline.results import NEXT
from pipeline.run.engines import engine_of
from pipeline.run.plan import RunPlan, home_of, located, make_plan
from pipeline.sources.shard import WHOLE, Shard, shard_of
from pipeline.stage import VideoJob
from pipeline.storage.places import is_url
from pipeline.types import VideoResult
from pipeline.wording import counted, listed

MAX_REPORT_BYTES = 1 << 28

CLIP_BYTES_PER_S = 40_000
"""Bytes of results to a second of video without an earlier run to go by: as for ``samples/``, in which speech
fills most of the time, with clips in the style ``face``. Other styles take up to as much as the source."""


OLD_NAMES = {"mux": "clips"}
"""Stages that had another name in ``run.json`` before version 2 of its schema: old name to new."""

TEAM_SOUNDS = 2
"""Sound files that a team of a cluster has on its machine at a time."""


@dataclass(frozen=True, slots=True)
class Past:
    """Times and sizes of an earlier run into the same folder; empty where there was none."""

    seconds_per_s: Mapping[str, float]
    """For each stage the median of its seconds to a second of video."""
    bytes_per_s: float | None
    """The median of the bytes of its results to a second of video."""
    videos: int = 0
    """Number of videos that these figures come from."""


def dry_run(source: Path | str, config: Config, say: Callable[[str], None]) -> int:
    """Describe what a run over *source* would do: a line for each video, and a summary.

    Args:
        source: folder or file.
        config: settings.
        say: gets each line.

    Returns:
        The exit code: 0, or 1 where some video cannot be used.

    Raises:
        PipelineError: the run would not start.
    """
    if is_url(source) or is_url(config.OUTPUT_DIR):
        message = "it would fetch every video to look into it. To see whether a storage can be used: --doctor"
        raise InputError("bad_setting", f"--dry-run takes folders of this machine only: {message}")
    source = located(Path(source))
    shard = shard_of(config.SHARD, os.environ)
    if config.DOWNLOAD_WEIGHTS:
        config = dataclasses.replace(config, DOWNLOAD_WEIGHTS=False)
        say("weights that are not here are not fetched now; a run would try to")
    plan = make_plan(source, config, say, shard)
    models = plan.choose_models(say)
    home = home_of(source, config)
    past = past_of(home, shard)
    to_do: list[tuple[float, frozenset[str]]] = []
    failed = 0
    for number in range(len(plan.videos)):
        job, result = plan.job(number, models)
        kept = frozenset() if config.FORCE else _kept(job)
        if result is None:
            try:
                length_s = excerpted(probe(job.path, limits_of(config)), config.START, config.DURATION).length_s
            except InputError as error:
                result = VideoResult(job.path, "failed", error.reason_code, error.message)
            else:
                to_do.append((length_s, kept | job.left_out))
                already = f"; {listed(sorted(kept))} kept from an earlier run" if kept else ""
                sound = "" if job.no_sound is None else " without sound"
                say(f"to do    {job.path.name}: {length_s:.1f} s{sound}{already}")
        if result is not None:
            failed += result.status == "failed"
            reason = f" ({result.reason_code})" if result.reason_code else ""
            say(f"{result.status:<8} {job.path.name}{reason}: {result.message}")
    _sum_up(plan, to_do, past, home, config, say)
    return 1 if failed else 0


def _kept(job: VideoJob) -> frozenset[str]:
    return kept_stages(GRAPH, job.prints, job.folder, job.folder / NEXT)


def past_of(home: Path, shard: Shard = WHOLE) -> Past:
    """Return the times of an earlier run from ``run.json`` in *home*, or from that of this *shard*; none without it."""
    path = home / shard.name_of("run.json")
    try:
        if path.stat().st_size > MAX_REPORT_BYTES:
            return Past({}, None)
        videos = json.loads(path.read_bytes())["videos"]
        done = [video for video in videos if video["manifest"] and video["video_seconds"] > 0 and video["timings"]]
        return Past(_medians(done), _bytes_per_s(done), len(done))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Past({}, None)


def _medians(videos: list[dict[str, Any]]) -> dict[str, float]:
    shares: dict[str, list[float]] = {}
    for video in videos:
        for stage, (began_s, ended_s) in video["timings"].items():
            shares.setdefault(str(OLD_NAMES.get(stage, stage)), []).append((ended_s - began_s) / video["video_seconds"])
    return {stage: statistics.median(values) for stage, values in shares.items()}


def _bytes_per_s(videos: list[dict[str, Any]]) -> float | None:
    """Return the bytes in the folders of *videos* to a second of video."""
    length_s = total = 0.0
    for video in videos:
        folder = Path(video["manifest"]).parent.parent
        total += sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        length_s += video["video_seconds"]
    return total / length_s if length_s else None


def work_seconds(to_do: list[tuple[float, frozenset[str]]], past: Past, config: ResolvedConfig) -> float:
    """Estimate the wall time of the busiest kind of worker over all videos from *past*; 0 where *past* is empty.

    Args:
        to_do: length in seconds, and the stages that are not run, of each video.
        past: of an earlier run.
        config: settings.
    """
    totals: dict[str, float] = {}
    for stage in GRAPH.asked(config):
        pool = stage.pool
        count = len(pool.devices_in(config)) * pool.processes_in(config)
        length_s = sum(each for each, kept in to_do if stage.name not in kept)
        totals[pool.name] = totals.get(pool.name, 0.0) + past.seconds_per_s.get(stage.name, 0.0) * length_s / count
    return max(totals.values())


def _sum_up(
    plan: RunPlan,
    to_do: list[tuple[float, frozenset[str]]],
    past: Past,
    home: Path,
    config: Config,
    say: Callable[[str], None],
) -> None:
    length_s = sum(each for each, _ in to_do)
    say(f"{len(to_do)} of {counted(len(plan.videos), 'video')} to do, {length_s / 60:.1f} minutes of picture")
    if not to_do:
        return
    if past.videos:
        seconds = work_seconds(to_do, past, plan.config)
        by = counted(past.videos, "video")
        say(f"time: about {seconds / 60:.1f} minutes, by the {by} of the last run into {home}")
    else:
        say("time: unknown, as no earlier run into that folder tells how fast this machine is: run one video first")
    rough = past.bytes_per_s if past.bytes_per_s is not None else CLIP_BYTES_PER_S
    sure = "" if past.bytes_per_s is not None else " (rough: no earlier run tells)"
    results_gb = rough * length_s / 1e9
    held = videos_in_flight(plan.config, TEAM_SOUNDS if engine_of(config) == "ray" else None)
    longest = sorted((each for each, _ in to_do), reverse=True)[:held]
    sound_gb = sum(longest) * SOUND_BYTES_PER_S / 1e9
    for name, folder, needed_gb, note in (
        ("results", home, results_gb, sure),
        ("temporary files", root_of(config.WORK_DIR), sound_gb, ""),
    ):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free_gb = shutil.disk_usage(there).free / 1e9
        enough = "" if free_gb - needed_gb > config.MIN_FREE_GB else ": NOT ENOUGH"
        needed = f"about {max(needed_gb, 0.01):.2f} GB"
        say(f"disk: {needed} for {name} in {folder}{note}; {free_gb:.1f} GB are free{enough}")
