"""Cost of a clip by its place in the file: seconds to cut one at minute 1 and at minute 60.

    python -m benchmarks.clips
    python -m benchmarks.clips --minutes 1 5 --runs 2

The file is the same 30 s again and again, so that at every whole minute there are the same pictures and sound, and only
the place differs. Clips go through the code of a run (`pipeline.render.cut`): a 224x224 window, the default encoder
settings. The places take turns. ``ratio`` is the last place by the first, the median of those within one round: 1 where
a clip costs the same wherever it is. Ends with one JSON line.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.command_line import add_runs, parser_of
from benchmarks.common.facts import facts
from benchmarks.common.speed_videos import make_long
from config import Config
from pipeline.media.probe import probe
from pipeline.render.cut import cut_clip
from pipeline.types import GRID_FPS, AttributedWord, ClipPlan, Probe, Sentence, Word

OFFSET_S = 3.0
"""Start of a clip inside its minute: not on a key frame."""

SIDE_PX = 224


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--minutes", type=int, nargs="+", default=[1, 60], help="whole minutes where clips begin")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a clip")
    parser.add_argument("--height", type=int, help="of the pictures, in pixels (default: as the sample)")
    add_runs(parser, 5)
    flags = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="clips-") as temporary:
        print(json.dumps(clips(sorted(flags.minutes), flags.seconds, flags.runs, flags.height, Path(temporary))))
    return 0


def clips(minutes: Sequence[int], seconds: float, runs: int, height_px: int | None, folder: Path) -> dict[str, Any]:
    """Cut a clip at each of *minutes* in each round; return the JSON line. *folder* is for the file and the clips."""
    made = make_long(folder / "set", minutes[-1] + 1, height_px=height_px)
    video = next(made.videos.iterdir())
    found = probe(video)
    plans = [plan_at(minute * 60 + OFFSET_S, seconds, found) for minute in minutes]
    took_s: list[list[float]] = [[] for _ in plans]
    config = Config()
    for number in range(runs + 1):
        for place, plan in enumerate(plans):
            began_s = time.perf_counter()
            cut_clip(plan, found, folder / "clip.mp4", crf=config.CLIP_CRF, preset=config.CLIP_PRESET)
            if number:
                took_s[place].append(time.perf_counter() - began_s)
    return {
        "benchmark": "clips",
        "minutes": list(minutes),
        "clip_s": seconds,
        "width_px": found.width_px,
        "height_px": found.height_px,
        "runs": runs,
        "seconds_per_clip": [round(statistics.median(each), 3) for each in took_s],
        "ratio": round(statistics.median(b / a for a, b in zip(took_s[0], took_s[-1], strict=True)), 3),
        **facts(),
    }


def plan_at(start_s: float, seconds: float, found: Probe) -> ClipPlan:
    """Plan the clip of a sentence that begins at *start_s*, through a still window in the middle of the picture."""
    words = (AttributedWord(Word(" Words.", start_s, start_s + seconds), 0, 0),)
    sentence = Sentence(words, 0, 0, avg_score=1.0, probability=1.0, margin=None, coverage=1.0)
    side = min(found.width_px, found.height_px, SIDE_PX)
    left, top = (found.width_px - side) / 2, (found.height_px - side) / 2
    frames = round(seconds * GRID_FPS)
    window = np.tile(np.array([left, top, left + side, top + side], np.float32), (frames, 1))
    return ClipPlan(
        index=0,
        sentence=sentence,
        first_frame=round(start_s * GRID_FPS),
        window_px=window,
        style="face",
        covered=np.ones(frames, bool),
        size_px=(SIDE_PX, SIDE_PX),
        tracks=(0,),
    )


if __name__ == "__main__":
    sys.exit(main())
