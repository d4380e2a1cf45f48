"""Simulate runs on clusters of 1 to 1,000 GPUs and find the bottleneck: ``python -m benchmarks.simulate``.

The costs of work on CPUs, the sizes of the files and the driver's time are measured (`common.stage_costs`,
kept in ``costs.json``). The speed of vision and speech on a GPU, the bandwidth of the shared storage and the driver's
calls over the network are **assumed**: there was no GPU and no cluster. Set them with flags to your own measurements.

    python -m benchmarks.simulate --measure out/run.json --weights-dir weights --note "shared with other jobs"

measures the costs anew, of the videos and results of a run with ``--engine serial``.

Prints three Markdown tables, by GPUs, by teams and by cores, the balance of the three, and how many GPUs fill storage
and driver; then one JSON line: ``assumed``, ``costs``, ``gpus``, ``teams``, ``cores`` (the rows), ``balanced`` (a row),
``storage_full_at_gpus``, ``driver_full_at_gpus``.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.common.cluster_model import FULL, Cluster, Outcome, Simulation, stages_of
from benchmarks.common.command_line import parser_of
from benchmarks.common.stage_costs import COSTS, Costs, measure, read_costs, write_costs

GPUS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)

VIDEOS_PER_TEAM = 40
MIN_VIDEOS = 400
"""Least number of simulated videos: with fewer, a few lengths decide the rates."""

MAX_CORES = 64
NEARLY = 0.97
"""Share of the rate with `MAX_CORES` cores to a GPU that the balanced number of cores reaches."""

SHORTEST_MIN, LONGEST_MIN = 0.5, 240.0


def main(argv: Sequence[str] | None = None) -> int:
    flags = _parser().parse_args(argv)
    if flags.measure:
        path = flags.measure / "run.json" if flags.measure.is_dir() else flags.measure
        content = measure(path, flags.measure_videos, flags.weights_dir, flags.note)
        write_costs(flags.costs, content)
        print(json.dumps(content))
        return 0
    costs, cluster = costs_of(flags), cluster_of(flags)
    print(assumptions(flags, costs), end="\n\n")
    by_gpus = [row(replace(cluster, gpus=gpus), costs, flags) for gpus in flags.gpus]
    print(table("GPUs", "gpus", by_gpus), end="\n\n")
    node = replace(cluster, gpus=cluster.gpus_per_node)
    by_teams = [row(replace(node, teams_per_gpu=teams), costs, flags) for teams in flags.teams]
    print(table("teams per GPU", "teams_per_gpu", by_teams), end="\n\n")
    teams, cores = balance(node, costs, flags)
    node = replace(node, teams_per_gpu=teams)
    by_cores = [row(replace(node, cores_per_gpu=float(each)), costs, flags) for each in sorted({*flags.cores, cores})]
    print(table(f"cores per GPU, at {teams} teams", "cores_per_gpu", by_cores), end="\n\n")
    balanced = next(each for each in by_cores if each["cores_per_gpu"] == cores)
    hours_per_gpu = balanced["video_hours_per_hour"] / node.gpus
    full_at = {
        "storage_full_at_gpus": storage_full_at(node, costs, hours_per_gpu),
        "driver_full_at_gpus": driver_full_at(node, costs, hours_per_gpu, flags),
    }
    print(sentences(balanced, full_at), end="\n\n")
    line = {"assumed": assumed(flags), "costs": asdict(costs), "gpus": by_gpus, "teams": by_teams, "cores": by_cores}
    print(json.dumps({**line, "balanced": balanced, **full_at}))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__)
    parser.add_argument("--costs", type=Path, default=COSTS, help="file of measured costs")
    parser.add_argument("--gpus", type=int, nargs="+", default=GPUS, help="rows of the first table")
    parser.add_argument("--cores", type=int, nargs="+", default=(2, 4, 6, 8, 12, 16, 32), help="rows of the third")
    parser.add_argument("--teams", type=int, nargs="+", default=(1, 2, 3, 4), help="rows of the second")
    parser.add_argument("--cores-per-gpu", type=float, default=8.0)
    parser.add_argument("--gpus-per-node", type=int, default=8)
    parser.add_argument("--vision-gpus", type=float, default=0.5, help="share of a GPU for vision: RAY_VISION_GPUS")
    parser.add_argument("--speech-gpus", type=float, default=0.5, help="share of a GPU for speech: RAY_SPEECH_GPUS")
    parser.add_argument("--vision-speed", type=float, default=20.0, help="assumed: video seconds a GPU second")
    parser.add_argument("--speech-speed", type=float, default=40.0, help="assumed: the same of Whisper")
    parser.add_argument("--host-share", type=float, default=1.0, help="assumed: cores busy while a GPU works")
    parser.add_argument("--storage-gb-s", type=float, default=10.0, help="assumed: of the shared storage, both ways")
    parser.add_argument("--driver-ms", type=float, default=5.0, help="assumed: calls over the network, for each video")
    parser.add_argument("--decode-threads", type=int, default=1, help="whole cores of RAY_VISION_CPUS")
    parser.add_argument("--clips-at-once", type=int, default=4)
    parser.add_argument("--read-mb", type=float, help="size of a minute of video (default: as measured)")
    parser.add_argument("--minutes", type=float, default=10.0, help="median length of a video")
    parser.add_argument("--spread", type=float, default=0.7, help="of the logarithm of the lengths; 0: all equal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measure", type=Path, help="run.json, or its folder: measure the costs instead")
    parser.add_argument("--measure-videos", type=int, default=3, help="videos whose stages are done once more")
    parser.add_argument("--weights-dir", type=Path, help="for --measure")
    parser.add_argument("--note", default="", help="for --measure: a remark on the machine")
    return parser


def costs_of(flags: argparse.Namespace) -> Costs:
    """Read the measured costs; flags override them."""
    costs = read_costs(flags.costs)
    return costs if flags.read_mb is None else replace(costs, read_mb=flags.read_mb)


def cluster_of(flags: argparse.Namespace) -> Cluster:
    """Return the cluster that the flags describe, with one GPU."""
    return Cluster(
        gpus=1,
        cores_per_gpu=flags.cores_per_gpu,
        vision_speed=flags.vision_speed,
        speech_speed=flags.speech_speed,
        gpus_per_node=flags.gpus_per_node,
        teams_per_gpu=teams_per_gpu(flags.vision_gpus, flags.speech_gpus),
        host_share=flags.host_share,
        decode_threads=flags.decode_threads,
        clips_at_once=flags.clips_at_once,
        storage_mb_s=flags.storage_gb_s * 1000,
        driver_s=flags.driver_ms / 1000,
    )


def teams_per_gpu(vision_gpus: float, speech_gpus: float) -> int:
    """Return the number of teams with these shares that fit on one GPU.

    >>> teams_per_gpu(0.5, 0.5), teams_per_gpu(0.2, 0.1)
    (1, 3)
    """
    return max(int(1 / (vision_gpus + speech_gpus) + 1e-9), 1)


def lengths(count: int, median_min: float, spread: float, seed: int) -> list[float]:
    """Draw the lengths of *count* videos, in minutes, from a log-normal distribution; equal for equal arguments."""
    chance = random.Random(seed)
    drawn = (median_min * chance.lognormvariate(0, spread) for _ in range(count))
    return [min(max(minutes, SHORTEST_MIN), LONGEST_MIN) for minutes in drawn]


def simulated(cluster: Cluster, costs: Costs, flags: argparse.Namespace) -> Outcome:
    """Simulate a run over as many videos as make a steady state."""
    count = max(MIN_VIDEOS, VIDEOS_PER_TEAM * cluster.teams)
    return Simulation(cluster, costs, lengths(count, flags.minutes, flags.spread, flags.seed)).run()


def row(cluster: Cluster, costs: Costs, flags: argparse.Namespace) -> dict[str, Any]:
    """Return a row of a table: the result of a run on that cluster."""
    outcome = simulated(cluster, costs, flags)
    return {
        "gpus": cluster.gpus,
        "cores_per_gpu": cluster.cores_per_gpu,
        "teams_per_gpu": cluster.teams_per_gpu,
        "video_hours_per_hour": round(outcome.minutes_per_s * 60, 1),
        "busy": {name: round(share, 2) for name, share in outcome.busy.items()},
        "bottleneck": outcome.bottleneck,
    }


def balance(node: Cluster, costs: Costs, flags: argparse.Namespace) -> tuple[int, int]:
    """Return the fewest teams to a GPU that fill it, or else the fastest number of `flags.teams`; and for that number
    the fewest cores to a GPU with which the node is nearly as fast as with plenty of them."""
    plenty = replace(node, cores_per_gpu=float(MAX_CORES))
    outcomes = {teams: simulated(replace(plenty, teams_per_gpu=teams), costs, flags) for teams in sorted(flags.teams)}
    filling = [teams for teams, outcome in outcomes.items() if outcome.busy["gpu"] >= FULL]
    teams = filling[0] if filling else max(outcomes, key=lambda teams: outcomes[teams].minutes_per_s)
    wanted = NEARLY * outcomes[teams].minutes_per_s
    few, enough = 0, MAX_CORES
    while enough - few > 1:
        middle = (few + enough) // 2
        cluster = replace(node, teams_per_gpu=teams, cores_per_gpu=float(middle))
        few, enough = (few, middle) if simulated(cluster, costs, flags).minutes_per_s >= wanted else (middle, enough)
    return teams, enough


def storage_full_at(cluster: Cluster, costs: Costs, hours_per_gpu: float) -> int:
    """Return the GPUs whose reading and writing fill the storage, at *hours_per_gpu* of video in an hour."""
    mb_per_minute = sum(stage.storage_mb for stage in stages_of(costs, cluster).values())
    return round(cluster.storage_mb_s / (mb_per_minute * hours_per_gpu / 60))


def driver_full_at(cluster: Cluster, costs: Costs, hours_per_gpu: float, flags: argparse.Namespace) -> int:
    """Return the GPUs whose videos fill the time of the driver; writing ``run.json`` again is left out."""
    mean_min = statistics.fmean(lengths(10_000, flags.minutes, flags.spread, flags.seed))
    videos_per_s = hours_per_gpu / 60 / mean_min
    return round(1 / (videos_per_s * (costs.begin_s + costs.end_s + cluster.driver_s)))


def assumed(flags: argparse.Namespace) -> dict[str, Any]:
    """Return the values that were not measured."""
    names = ("vision_speed", "speech_speed", "host_share", "storage_gb_s", "driver_ms", "minutes", "spread", "seed")
    return {name: getattr(flags, name) for name in names}


def assumptions(flags: argparse.Namespace, costs: Costs) -> str:
    """Return the assumptions as sentences."""
    lines = (
        f"Assumed, not measured: a GPU does {flags.vision_speed:g} s of video a second in vision, "
        f"{flags.speech_speed:g} s in speech, and keeps {flags.host_share:g} cores busy meanwhile;",
        f"the storage gives {flags.storage_gb_s:g} GB/s; calls over the network take the driver {flags.driver_ms:g} ms "
        f"a video; the median video has {flags.minutes:g} min, at {costs.read_mb:g} MB a minute.",
        f"Measured: the rest, in {flags.costs.name}.",
    )
    return "\n".join(lines)


def table(title: str, key: str, rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    names = list(rows[0]["busy"])
    lines = [[title, "video hours per hour", *names, "held back by"], ["---:"] * (2 + len(names)) + ["---"]]
    for each in rows:
        shares = [f"{each['busy'][name]:.0%}" for name in names]
        lines.append([f"{each[key]:g}", f"{each['video_hours_per_hour']:,.0f}", *shares, each["bottleneck"]])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def sentences(balanced: dict[str, Any], full_at: dict[str, int]) -> str:
    """Return the conclusions from the tables."""
    busy = balanced["busy"]
    return (
        f"Balanced: {balanced['teams_per_gpu']} teams and {balanced['cores_per_gpu']:g} cores to a GPU, which are then "
        f"{busy['gpu']:.0%} (GPU) and {busy['cpu']:.0%} (cores) busy.\n"
        f"At that rate the storage is full at {full_at['storage_full_at_gpus']} GPUs, and the driver at "
        f"{full_at['driver_full_at_gpus']}, run.json left out."
    )


if __name__ == "__main__":
    sys.exit(main())
