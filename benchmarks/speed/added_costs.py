"""Cost of one more face, one more video and one more hour in a run.

    python -m benchmarks.added_costs --weights-dir ../shared/weights --footage ../shared/videos
    python -m benchmarks.added_costs --weights-dir ../shared/weights --footage ../shared/videos \
        --faces 1 2 --counts 1 2 --minutes 0.5 1 --seconds 10 --runs 1

Faces: videos of one length and one picture, in which one, two or four real heads talk side by side, the other places
grey. Videos: 1, 2 and 4 of 30 s. Hours: one video of 2 and of 8 minutes. Each is run as `benchmarks.end_to_end` does,
and a straight line is laid through the medians: its slope is the cost of one more, in seconds of wall time and of CPU
time after the models were loaded; of a face, to a minute in which it is in view. Ends with one JSON line. Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.command_line import add_runs, add_work, parser_of, working_folder
from benchmarks.common.facts import facts
from benchmarks.common.heads import HEAD_PX, SOURCES, Head, heads_of
from benchmarks.common.places import FOOTAGE
from benchmarks.common.speed_videos import VideoSet, make_long, make_videos
from benchmarks.common.timed_runs import Models
from benchmarks.common.transcripts import segment, transcript_of
from benchmarks.speed.end_to_end import measured
from pipeline.media.encode import write_clip
from pipeline.types import AUDIO_RATE_HZ, GRID_FPS, SAMPLES_PER_FRAME
from pipeline.vision.crops import BORDER_GREY

SENTENCE_S, SENTENCE_EVERY_S = 3.0, 5.0
"""Length and distance of the sentences in the transcript of the composed videos."""

WORDS = ("We", "all", "talk.")


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--faces", type=int, nargs="+", default=[1, 2, 4], help="heads in view, a run for each")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4], help="videos, a run for each")
    parser.add_argument("--minutes", type=float, nargs="+", default=[2, 8], help="lengths, a run for each")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the videos with heads and of the many")
    add_runs(parser, 3)
    parser.add_argument("--footage", type=Path, default=FOOTAGE, help="folder of the footage for tests: the heads")
    add_work(parser)
    Models.add_flags(parser)
    flags = parser.parse_args(argv)
    if min(len(set(flags.faces)), len(set(flags.counts)), len(set(flags.minutes))) < 2:
        parser.error("a slope needs two different values or more of each")
    work = working_folder(flags.work)
    print(json.dumps(added_costs(flags, Models.of(flags), work)))
    return 0


def added_costs(flags: argparse.Namespace, models: Models, work: Path) -> dict[str, Any]:
    """Do all runs; return the JSON line."""
    sets = {
        "face": make_faces(work / "faces", flags.faces, flags.seconds, flags.footage, models),
        "video": [make_videos(work / f"{count}-videos", count, flags.seconds) for count in flags.counts],
        "hour": [make_long(work / f"{minutes:g}-minutes", minutes) for minutes in flags.minutes],
    }
    every = [(made, flags.runs) for group in sets.values() for made in group]
    lines = iter(measured(every, work, models))
    found = {name: [next(lines) for _ in group] for name, group in sets.items()}
    minutes = flags.seconds / 60
    return {
        "benchmark": "added_costs",
        **models.names,
        "runs": flags.runs,
        "face": {"faces": flags.faces, **slopes([faces * minutes for faces in flags.faces], found["face"])},
        "video": {"videos": flags.counts, "seconds": flags.seconds, **slopes(flags.counts, found["video"])},
        "hour": {"minutes": flags.minutes, **slopes([minutes / 60 for minutes in flags.minutes], found["hour"])},
        **facts(models.device),
    }


def slopes(amounts: Sequence[float], lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return for each figure of the runs its values, and the increase for one more of *amounts*."""
    line = {}
    for name in ("wall_s", "cpu_s", "peak_mb"):
        values = [each[name] for each in lines]
        line |= {name: values, f"{name}_more": round(float(np.polyfit(amounts, values, 1)[0]), 3)}
    return line


def make_faces(folder: Path, faces: Sequence[int], seconds: float, footage: Path, models: Models) -> list[VideoSet]:
    """Make one video for each number of heads, all of the same size.

    Raises:
        SystemExit: there is no footage, or too little of it.
    """
    most = max(faces)
    sources = [footage / name for name in SOURCES[:most]]
    missing = [path for path in sources if not path.is_file()]
    if missing or len(sources) < most or models.weights_dir is None:
        raise SystemExit(f"{most} heads are composed of footage: name its folder with --footage; not there: {missing}")
    heads = heads_of(footage, models.weights_dir, SOURCES[:most])
    made = []
    for count in faces:
        each = VideoSet(folder / f"{count}" / "videos", folder / f"{count}" / "transcripts", 1, seconds)
        each.videos.mkdir(parents=True)
        each.transcripts.mkdir()
        frames = round(seconds * GRID_FPS)
        write_clip(
            each.videos / "heads.mp4",
            side_by_side(heads[:count], most, frames),
            size_px=(most * HEAD_PX, HEAD_PX),
            rate=Fraction(GRID_FPS),
            sound=np.resize(heads[0].sound, frames * SAMPLES_PER_FRAME)[:, None],
            sound_rate_hz=AUDIO_RATE_HZ,
            crf=18,
            preset="veryfast",
        )
        (each.transcripts / "heads.json").write_text(json.dumps(transcript(seconds)))
        made.append(each)
    return made


def side_by_side(heads: Sequence[Head], places: int, frames: int) -> Iterator[np.ndarray]:
    """Yield (HEAD_PX, places * HEAD_PX, 3) uint8 pictures: heads from the left, each back and forth, then grey."""
    there = [np.arange(len(head)) for head in heads]
    order = [np.resize(np.concatenate([ahead, ahead[-2:0:-1]]), frames) for ahead in there]
    for frame in range(frames):
        picture = np.full((HEAD_PX, places * HEAD_PX, 3), BORDER_GREY, np.uint8)
        for place, (head, rows) in enumerate(zip(heads, order, strict=True)):
            picture[:, place * HEAD_PX : (place + 1) * HEAD_PX] = head.pictures[rows[frame]]
        yield picture


def transcript(seconds: float) -> dict[str, Any]:
    """Return a transcript in Whisper's shape: a sentence of `SENTENCE_S` every `SENTENCE_EVERY_S`, up to *seconds*."""
    count = int((seconds - SENTENCE_S) / SENTENCE_EVERY_S) + 1
    step_s = SENTENCE_S / len(WORDS)
    return transcript_of([segment(WORDS, number * SENTENCE_EVERY_S, step_s) for number in range(count)])


if __name__ == "__main__":
    sys.exit(main())
