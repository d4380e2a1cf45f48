"""Kill runs at random moments and run them again: ``python -m benchmarks.interrupted --moments 20``.

A few short videos are run undisturbed. Then, for each moment, the same command is begun in a new folder of results, its
parent process is killed with SIGKILL, and the command is given again at once. The final state must be that of the
undisturbed run: the same files, manifests equal apart from `benchmarks.common.results.OF_THE_RUN`, the same tables,
transcripts and clips; and nothing may be left behind. Linux only.

Ends with one JSON line: ``moments_s``, ``differences`` (moment and file), ``faults``, ``done_before`` (videos that the
killed run had finished, for each moment), ``alive_after_kill`` (processes that outlived their parent by a second, for
each moment), ``left_by_kill`` (files of the killed runs, by kind) and ``left_behind`` (files that the second run did
not remove). Exit code 0 when there are no differences and no faults, and nothing is left behind.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.command_line import parser_of
from benchmarks.common.product import END_WITHIN_S, parsed, product_flags
from benchmarks.common.results import differences, faults_of_report, faults_of_results
from benchmarks.common.short_videos import Short, make_good
from benchmarks.common.watched_run import WatchedRun, kill, left_behind, shared_memory

LOOK_AFTER_S = 1.0
"""Time for workers to notice that their parent is gone, before they are counted."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Inputs and command line of all runs."""

    work: Path
    videos: Path
    shorts: Sequence[Short]
    product: Sequence[str]
    limit_s: float

    def begin(self, results: Path) -> WatchedRun:
        return WatchedRun(self.videos, results, self.work / "temp", self.product, self.work / "console.txt")

    def finish(self, run: WatchedRun, results: Path) -> list[str]:
        """Wait for the end of *run* and return its faults."""
        end_s = time.monotonic() + self.limit_s
        while run.process.poll() is None and time.monotonic() < end_s:
            time.sleep(0.1)
        faults = [] if run.process.returncode == 0 else [f"exit code {run.process.returncode}"]
        if not run.all_end_within(END_WITHIN_S):
            faults += [f"still alive: {name}" for name in run.processes().values()]
        run.kill_all()
        report = json.loads((results / "run.json").read_bytes())
        return faults + faults_of_report(report, self.shorts)


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--videos", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each video")
    parser.add_argument("--wait-s", type=float, default=0.0, help="between the kill and the second run")
    parser.add_argument("--limit-s", type=float, default=600.0, help="a run that takes longer counts as hanging")
    flags, work, videos, transcripts = parsed(parser, argv)
    shorts = make_good(flags.videos, flags.seconds, videos, transcripts, flags.footage, flags.seed)
    scene = Scene(work, videos, shorts, product_flags(transcripts, flags.weights_dir, 2), flags.limit_s)
    line = measure(scene, flags.moments, flags.wait_s, random.Random(flags.seed))
    print(json.dumps(line))
    return 1 if line["differences"] or line["faults"] or line["left_behind"] else 0


def measure(scene: Scene, count: int, wait_s: float, chance: random.Random) -> dict[str, Any]:
    """Do the undisturbed run, then *count* killed ones, each with its second run; return the JSON line."""
    plain, shared = scene.work / "undisturbed", shared_memory()
    began_s = time.monotonic()
    faults = [f"undisturbed: {fault}" for fault in scene.finish(scene.begin(plain), plain)]
    wall_s = time.monotonic() - began_s
    moments_s = [chance.uniform(0, wall_s) for _ in range(count)]
    done_before: list[int] = []
    alive: list[int] = []
    apart: list[str] = []
    left: list[str] = []
    left_by_kill: Counter[str] = Counter()
    for number, moment_s in enumerate(moments_s):
        results, at = scene.work / f"results-{number:02d}", f"{moment_s:.2f} s"
        first = scene.begin(results)
        _wait(first, moment_s)
        kill(first.process.pid)
        first.process.wait()
        time.sleep(wait_s)
        if results.exists():
            left_by_kill.update(kind_of(each) for each in left_behind(results, scene.work / "temp", shared))
        second = scene.begin(results)
        done_before.append(len(list(results.rglob("manifest.json"))) if results.exists() else 0)
        time.sleep(max(LOOK_AFTER_S - wait_s, 0))
        alive.append(len(first.processes()))
        faults += [f"{at}: {fault}" for fault in scene.finish(second, results)]
        if not first.all_end_within(END_WITHIN_S):
            faults += [f"{at}: still alive of the killed run: {name}" for name in first.processes().values()]
            first.kill_all()
        for manifest in results.rglob("manifest.json"):
            faults += [f"{at}: {fault}" for fault in faults_of_results(manifest)]
        apart += [f"{at}: {difference}" for difference in differences(plain, results)]
        remains = left_behind(results, scene.work / "temp", shared)
        left += [f"{at}: {each}" for each in remains]
        shutil.rmtree(scene.work / "temp")
        print(
            f"killed at {at}: {len(apart)} differences, {len(faults)} faults, {len(left)} left so far", file=sys.stderr
        )
        if not (faults or apart):
            shutil.rmtree(results)
    return {
        "videos": len(scene.shorts),
        "moments": count,
        "moments_s": [round(moment_s, 2) for moment_s in moments_s],
        "undisturbed_wall_s": round(wall_s, 1),
        "done_before": done_before,
        "alive_after_kill": alive,
        "differences": apart,
        "faults": faults,
        "left_by_kill": left_by_kill,
        "left_behind": left,
    }


def kind_of(left: str) -> str:
    """Return a line of `left_behind` without the names that chance or a video gave."""
    where, _, name = left.partition(": ")
    last = name.rpartition("/")[2]
    own = re.match(r"(\.?)(lipgen-|seg_|tmp)?", last)
    assert own is not None
    ending = re.search(r"(\.[a-z0-9]{2,5}){0,2}$", last.removeprefix("."))
    assert ending is not None
    return f"{where}: {own[0]}*{ending[0]}"


def _wait(run: WatchedRun, seconds: float) -> None:
    """Wait for *seconds*, or until *run* ends by itself."""
    end_s = time.monotonic() + seconds
    while run.process.poll() is None and time.monotonic() < end_s:
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
