"""Kill a machine of a Ray cluster amid a run: ``python -m benchmarks.lost_machine --videos 40``.

A Ray cluster of two working nodes, made on this machine, does short videos with ``--engine ray``. When a share of them
is done one node is killed, with every worker on it. At the end every video must be done, each once, and nothing may be
left behind. Needs Ray (``make ray``); Linux only.

Ends with one JSON line: ``videos``, ``done``, ``clips``, ``done_before`` (when the node was killed),
``lost_workers`` and ``begun_again`` (as the run itself tells), ``cut`` (how often the clips of a video were cut, by how
many videos), ``wall_s``, ``exit_code``, ``faults``, ``left_behind``. Exit code 0 when the last two are empty.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from benchmarks.common.command_line import parser_of
from benchmarks.common.product import END_WITHIN_S, events_of, faults_of_run, parsed, product_flags, text_of
from benchmarks.common.results import names_in
from benchmarks.common.short_videos import Short, make_good
from benchmarks.common.watched_run import WatchedRun, left_behind, shared_memory

CORES = 2
"""Cores of each node in Ray's books: one team."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--videos", type=int, default=40, help="number of videos")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each")
    parser.add_argument("--after", type=float, default=0.4, help="share of the videos that are done before the kill")
    parser.add_argument("--limit-s", type=float, default=3600.0, help="a run that takes longer counts as hanging")
    flags, work, videos, transcripts = parsed(parser, argv)
    shorts = make_good(flags.videos, flags.seconds, videos, transcripts, flags.footage, flags.seed)
    shared = shared_memory()
    os.environ["RAY_AUTH_MODE"] = "disabled"  # a cluster of this one machine, for this one run
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=CORES)
        line = lose_one(cluster, shorts, work, product_flags(transcripts, flags.weights_dir, 2), flags)
    finally:
        cluster.shutdown()
    line["left_behind"] += left_behind(work / "results", work / "temp", shared)
    print(json.dumps(line))
    return 1 if line["faults"] or line["left_behind"] else 0


def lose_one(
    cluster: Cluster, shorts: Sequence[Short], work: Path, product: Sequence[str], flags: argparse.Namespace
) -> dict[str, Any]:
    """Run the product over *shorts* and kill one of the two machines; return the JSON line."""
    videos, output, log = work / "videos", work / "results", work / "console.txt"
    inputs = names_in(videos)
    engine = ["--engine", "ray", "--ray-address", cluster.address, "--log-json"]
    began_s = time.monotonic()
    run = WatchedRun(videos, output, work / "temp", [*product, *engine], log)
    victim = next(node for node in cluster.list_all_nodes() if node is not cluster.head_node)
    done_before = None
    try:
        while run.process.poll() is None and time.monotonic() - began_s < flags.limit_s:
            time.sleep(0.2)
            ended = sum(event["event"] == "done" for event in events_of(text_of(log)))
            if done_before is None and ended >= flags.after * len(shorts):
                done_before = ended
                cluster.remove_node(victim, allow_graceful=False)
        hung = run.process.poll() is None
        wall_s = time.monotonic() - began_s
        alive = [] if hung or run.all_end_within(END_WITHIN_S) else sorted(run.processes().values())
    finally:
        run.kill_all()
    report = json.loads((output / "run.json").read_bytes())
    faults = [f"the run was not over after {wall_s:.0f} s"] if hung else []
    faults += faults_of_run(report, shorts)
    if run.process.returncode != 0:
        faults.append(f"expected exit code 0, got {run.process.returncode}")
    if done_before is None:
        faults.append("no machine was killed")
    if names_in(videos) != inputs:
        faults.append("the folder of the inputs has changed")
    events = events_of(text_of(log))
    ends = Counter(event["video"] for event in events if event["event"] == "done")
    faults += [f"{path} was done {count} times" for path, count in ends.items() if count != 1]
    cut = Counter(event["video"] for event in events if event["event"] == "stage_done" and event["stage"] == "mux")
    named = Counter(event["event"] for event in events)
    return {
        "videos": len(shorts),
        "seconds": flags.seconds,
        "done": sum(video["status"] == "done" for video in report["videos"]),
        "clips": sum(video["clips"] for video in report["videos"]),
        "done_before": done_before,
        "lost_workers": named["worker_died"],
        "begun_again": named["again"],
        "cut": Counter(str(count) for count in cut.values()),
        "wall_s": round(wall_s, 1),
        "exit_code": run.process.returncode,
        "faults": faults,
        "left_behind": [f"process: {name}" for name in alive],
    }


if __name__ == "__main__":
    sys.exit(main())
