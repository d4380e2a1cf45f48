"""Speed of whole runs, and overlap of their stages.

    python -m benchmarks.end_to_end --weights-dir ../shared/weights
    python -m benchmarks.end_to_end --weights-dir ../shared/weights --counts 2 --seconds 8 --long-minutes 0 --runs 1

Runs ``optimized_runner.py`` on 1, 4 and 16 videos of 30 s and on one of 20 minutes: the samples, looped, with ready
transcripts, and a clip for every sentence with a face. The clock starts when the models are loaded, and stops with the
last process; the time before is ``startup_s``. CPU time and memory are those of all processes, encoders included,
memory proportional. ``busy`` is the share of the wall time in which a worker had something to compute, looked at ten
times a second (`common.busy`); ``overlap_efficiency`` is that of the busiest worker. ``spans`` are the shares in
which at least one video was in a stage, waiting included, from ``run.json``.

Ends with one JSON line, of medians; ``settings`` has one entry for each set of videos. Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common.command_line import add_runs, add_work, parser_of, working_folder
from benchmarks.common.facts import facts
from benchmarks.common.speed_videos import VideoSet, make_long, make_videos
from benchmarks.common.timed_runs import Models, run_timed, summary


def main(argv: Sequence[str] | None = None) -> int:
    flags = parsed(argv)
    print(json.dumps(end_to_end(flags, Models.of(flags), working_folder(flags.work))))
    return 0


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the flags of the command line."""
    parser = parser_of(__doc__)
    parser.add_argument("--counts", type=int, nargs="*", default=[1, 4, 16], help="numbers of videos, a run for each")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each")
    parser.add_argument("--long-minutes", type=float, default=20.0, help="length of one more run's video; 0: none")
    parser.add_argument("--height", type=int, help="of the pictures, in pixels (default: as the samples)")
    add_runs(parser, 3)
    parser.add_argument("--long-runs", type=int, default=1, help="the same for the long video")
    add_work(parser)
    parser.add_argument("--product", default="", help="more flags of the product, in one argument")
    Models.add_flags(parser)
    return parser.parse_args(argv)


def end_to_end(flags: argparse.Namespace, models: Models, work: Path) -> dict[str, Any]:
    """Do all runs, in rounds; return the JSON line."""
    sets = [
        (make_videos(work / f"{count}-videos", count, flags.seconds, flags.height), flags.runs)
        for count in flags.counts
    ]
    if flags.long_minutes:
        sets.append((make_long(work / "long", flags.long_minutes, height_px=flags.height), flags.long_runs))
    if not sets:
        raise SystemExit("nothing to run: give --counts or --long-minutes")
    settings = measured(sets, work, models, flags.product.split())
    return {
        "benchmark": "end_to_end",
        **models.names,
        "settings": settings,
        "overlap_efficiency": max(settings, key=lambda line: line["videos"])["overlap_efficiency"],
        **facts(models.device),
    }


def measured(
    sets: Sequence[tuple[VideoSet, int]], work: Path, models: Models, more: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Run each set as many times as its number says, the sets in turn; return a summary of each."""
    runs = [[] for _ in sets]
    for number in range(max(times for _, times in sets)):
        for place, (made, times) in enumerate(sets):
            if number < times:
                done = run_timed(made, work / f"results-{place}-{number}", models, more)
                text = f"{made.count} x {made.seconds:g} s: {done.wall_s:.1f} s after {done.startup_s:.1f} s of start"
                print(f"{text}, overlap {done.overlap_efficiency:.2f}", file=sys.stderr)
                runs[place].append(done)
    return [summary(each, made) for each, (made, _) in zip(runs, sets, strict=True)]


if __name__ == "__main__":
    sys.exit(main())
