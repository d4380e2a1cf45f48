"""Do a long run among killed workers and bad files: ``python -m benchmarks.soak --videos 300 --kill-every 20 40``.

Short videos, some of them bad, go through ``optimized_runner.py`` while a random worker is killed again and again.
At the end every good video must be done once, every bad one must have failed with its reason, and nothing may be left
behind. ``MAX_TRIES`` is raised, as a kill may hit the same video several times: the benchmark looks for videos that
the engine loses, not for those that it sets aside by rule. Linux only.

Ends with one JSON line: ``videos``, ``done``, ``failed`` (by reason), ``kills`` (by kind of worker), ``deaths_seen``
and ``begun_again`` (as the run itself tells), ``max_tries``, ``wall_s``, ``exit_code``, ``faults``, ``left_behind``.
Exit code 0 when the last two are empty.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common.command_line import parser_of
from benchmarks.common.product import END_WITHIN_S, events_of, faults_of_run, parsed, product_flags, text_of
from benchmarks.common.results import names_in
from benchmarks.common.short_videos import Short, make_bad, make_good
from benchmarks.common.watched_run import WatchedRun, kill, left_behind, shared_memory


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--videos", type=int, default=300, help="number of inputs, the bad ones included")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each")
    parser.add_argument("--kill-every", type=float, nargs=2, default=(20.0, 40.0), metavar=("LEAST", "MOST"))
    parser.add_argument("--bad", type=float, default=0.05, help="share of the inputs that are bad")
    parser.add_argument("--max-tries", type=int, default=5)
    parser.add_argument("--limit-s", type=float, default=7200.0, help="a run that takes longer counts as hanging")
    flags, work, videos, transcripts = parsed(parser, argv)
    bad = round(flags.videos * flags.bad)
    shorts = make_good(flags.videos - bad, flags.seconds, videos, transcripts, flags.footage, flags.seed)
    shorts += make_bad(bad, videos, transcripts, shorts[0].path, flags.seed)
    line = soak(shorts, work, product_flags(transcripts, flags.weights_dir, flags.max_tries), flags)
    print(json.dumps(line))
    return 1 if line["faults"] or line["left_behind"] else 0


def soak(shorts: Sequence[Short], work: Path, product: Sequence[str], flags: argparse.Namespace) -> dict[str, Any]:
    """Run the product over *shorts* among kills; return the JSON line."""
    videos, output, temp, log = work / "videos", work / "results", work / "temp", work / "console.txt"
    inputs, shared = names_in(videos), shared_memory()
    began_s = time.monotonic()
    run = WatchedRun(videos, output, temp, [*product, "--log-json"], log)
    try:
        kills, hung = _kill_workers(run, flags.kill_every, began_s + flags.limit_s, random.Random(flags.seed))
        wall_s = time.monotonic() - began_s
        faults = [f"the run was not over after {wall_s:.0f} s"] if hung else []
        alive = [] if run.all_end_within(END_WITHIN_S) else sorted(run.processes().values())
    finally:
        run.kill_all()
    report_path = output / "run.json"
    report = json.loads(report_path.read_bytes()) if report_path.exists() else {"videos": []}
    faults += faults_of_run(report, shorts)
    expected_code = 0 if all(short.good for short in shorts) else 1
    if run.process.returncode != expected_code:
        faults.append(f"expected exit code {expected_code}, got {run.process.returncode}")
    if names_in(videos) != inputs:
        faults.append("the folder of the inputs has changed")
    console = text_of(log)
    events = Counter(event["event"] for event in events_of(console))
    if "Traceback" in {line[:9] for line in console.splitlines()}:
        faults.append(f"a traceback in {log}")
    return {
        "videos": len(shorts),
        "bad": sum(not short.good for short in shorts),
        "seconds": flags.seconds,
        "done": sum(ended["status"] == "done" for ended in report["videos"]),
        "clips": sum(ended["clips"] for ended in report["videos"]),
        "failed": Counter(ended["reason_code"] for ended in report["videos"] if ended["status"] == "failed"),
        "kill_every_s": flags.kill_every,
        "kills": kills,
        "deaths_seen": events["worker_died"],
        "begun_again": events["again"],
        "max_tries": flags.max_tries,
        "wall_s": round(wall_s, 1),
        "exit_code": run.process.returncode,
        "faults": faults,
        "left_behind": [f"process: {name}" for name in alive] + left_behind(output, temp, shared),
    }


def _kill_workers(
    run: WatchedRun, every_s: tuple[float, float], until_s: float, chance: random.Random
) -> tuple[Counter[str], bool]:
    """Kill one worker after another until the run is over.

    Returns:
        Counts of the killed workers by kind, and True if the run was still going at *until_s*.
    """
    kills: Counter[str] = Counter()
    next_s = time.monotonic() + chance.uniform(*every_s)
    while run.process.poll() is None:
        if time.monotonic() > until_s:
            return kills, True
        if time.monotonic() > next_s:
            workers = run.workers()
            if workers:
                process = chance.choice(sorted(workers))
                kills[workers[process]] += kill(process)
            next_s = time.monotonic() + chance.uniform(*every_s)
        time.sleep(0.2)
    return kills, False


if __name__ == "__main__":
    sys.exit(main())
