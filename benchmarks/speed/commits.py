"""Speed of whole runs from commit to commit.

    python -m benchmarks.commits a1f0f30 HEAD --weights-dir ../shared/weights

Checks the commits out beside one another and runs the product of each on the same videos, as `benchmarks.end_to_end`
does, all of them once in each round: a machine may be a fifth faster a minute later, and only times of the same round
are compared. ``ratio`` is the wall time of the first commit, from loaded models to
the end of the last process, by that of this one; ``cpu_ratio`` the same for CPU time; ``startup_ratio`` for the time
before. Each is the median over the rounds.

Ends with one JSON line. Linux only; wants the repository.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.common.command_line import add_runs, add_work, parser_of, working_folder
from benchmarks.common.facts import facts
from benchmarks.common.places import ROOT
from benchmarks.common.speed_videos import make_videos
from benchmarks.common.timed_runs import Models, TimedRun, run_timed


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("commits", nargs="+", help="commits; the others are compared with the first")
    parser.add_argument("--videos", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each")
    add_runs(parser, 3)
    parser.add_argument("--product", default="", help="more flags of the product, in one argument")
    add_work(parser)
    Models.add_flags(parser)
    flags = parser.parse_args(argv)
    work = working_folder(flags.work)
    made = make_videos(work / "set", flags.videos, flags.seconds)
    runs: dict[str, list[TimedRun]] = {commit: [] for commit in flags.commits}
    with checked_out(flags.commits, work / "trees") as trees:
        for number in range(flags.runs):
            for commit, tree in trees.items():
                results = work / f"results-{number}-{commit}"
                runs[commit].append(run_timed(made, results, Models.of(flags), flags.product.split(), tree))
                print(f"round {number}: {commit} took {runs[commit][-1].wall_s:.1f} s", file=sys.stderr)
    told = {"videos": made.count, "seconds": made.seconds, "runs": flags.runs, "commits": compared(runs)}
    print(json.dumps({"benchmark": "commits", **Models.of(flags).names, **told, **facts(flags.device)}))
    return 0


@contextmanager
def checked_out(commits: Sequence[str], folder: Path) -> Iterator[dict[str, Path]]:
    """Check out a working tree for each commit, inside *folder*, while the context lasts.

    Raises:
        SystemExit: there is no such commit.
    """
    trees: dict[str, Path] = {}
    try:
        for commit in commits:
            trees[commit] = folder / commit
            _git("worktree", "add", "--quiet", "--detach", str(trees[commit]), commit)
        yield trees
    finally:
        for tree in trees.values():
            if tree.exists():
                _git("worktree", "remove", "--force", str(tree))


def _git(*words: str) -> None:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"git {' '.join(words)}: {done.stderr.strip()}")


def compared(runs: dict[str, list[TimedRun]]) -> dict[str, dict[str, Any]]:
    """Return for each commit its medians, and the ratios of the first commit to it, round by round."""
    first = next(iter(runs.values()))

    def ratio(name: str, each: Sequence[TimedRun]) -> float:
        pairs = zip(first, each, strict=True)
        return round(statistics.median(getattr(before, name) / getattr(run, name) for before, run in pairs), 3)

    def median(name: str, each: Sequence[TimedRun]) -> float:
        return round(statistics.median(getattr(run, name) for run in each), 2)

    names = ("startup_s", "wall_s", "ending_s", "cpu_s", "peak_mb", "overlap_efficiency")
    return {
        commit: {
            "ratio": ratio("wall_s", each),
            "cpu_ratio": ratio("cpu_s", each),
            "startup_ratio": ratio("startup_s", each),
            **{name: median(name, each) for name in names},
        }
        for commit, each in runs.items()
    }


if __name__ == "__main__":
    sys.exit(main())
