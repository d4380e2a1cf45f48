"""Speed of the product against the old way, on the same videos with the same models.

    python -m benchmarks.baseline --weights-dir ../shared/weights
    python -m benchmarks.baseline --weights-dir ../shared/weights --videos 1 --seconds 8 --runs 1
    python -m benchmarks.baseline --weights-dir ../shared/weights --stages-only --face-detector s3fd \
        --speaker-model talknet --videos 1 --seconds 20

The old way is `benchmarks.old_way`: one video after another, one process, PyTorch and ffmpeg with threads as they like.
Ours is ``optimized_runner.py`` with its default settings, all that it writes included. Both have the same ready
transcripts, or with ``--words tiny.en`` the same Whisper; they cut a clip for every sentence with a face, and have the
same encoder settings. Both clocks start when the models are loaded; ``startup_s`` is the time before. That of the old
way stops with its last clip, ours with its last process. They take turns, and each ratio is the median of those within
one round. ``end_to_end_ratio`` is with our ``DETECT_EVERY``, ``every_frame_ratio`` with 1, as the old way has it;
``detect_every_brings`` is the one by the other.

Per stage, ours runs one after another in one process (`benchmarks.common.our_stages`), for each ``DETECT_EVERY``.
``vision_ratio`` is that of all work of a vision worker: shots, faces, tracks, crops, scores. ``--stages-only`` leaves
the runs out; weights that are missing are then filled with reproducible numbers, and S3FD's boxes replaced by YuNet's.

``same_speaker`` is the share of the old clips whose face, in the middle, is that of our clip of the same moment. Ends
with one JSON line. Linux only.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.baselines.old_way import FOR_WORK
from benchmarks.common.command_line import add_runs, add_work, parser_of, working_folder
from benchmarks.common.facts import facts
from benchmarks.common.our_stages import SHARED_STAGES, OurStages, our_stages, vision_s
from benchmarks.common.speed_videos import VideoSet, make_videos
from benchmarks.common.timed_runs import Models, TimedRun, run_timed
from benchmarks.common.watching import watch
from pipeline.machine import DETECT_EVERY_CPU
from pipeline.outputs.manifest import read_manifest
from pipeline.outputs.tracks import read_tracks
from pipeline.vision.tracker import iou

SAME_IOU = 0.3
"""Overlap above which two boxes are of the same face: faces in one picture lie further apart."""


@dataclass(frozen=True, slots=True)
class OldRun:
    """One run of the old way."""

    startup_s: float
    wall_s: float
    cpu_s: float
    peak_mb: int
    videos: list[dict[str, Any]]
    """Videos as `benchmarks.old_way` writes them."""

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds over all videos of each stage that ours is timed in alone; shots, tracks and crops are one stage."""
        total = dict.fromkeys(SHARED_STAGES, 0.0)
        for video in self.videos:
            for stage, seconds in video["seconds"].items():
                if stage != "words":
                    total[stage if stage in total else "shots_tracks_crops"] += seconds
        return total


def main(argv: Sequence[str] | None = None) -> int:
    flags = parsed(argv)
    work = working_folder(flags.work)
    print(json.dumps(baseline(flags, Models.of(flags), work)))
    return 0


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the flags of the command line."""
    parser = parser_of(__doc__)
    parser.add_argument("--videos", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each")
    parser.add_argument("--height", type=int, help="of the pictures, in pixels (default: as the samples)")
    add_runs(parser, 3)
    parser.add_argument("--detect-every", type=int, nargs="+", help="of ours, the first is the one that counts")
    parser.add_argument("--stages-only", action="store_true", help="leave whole runs of the product out")
    add_work(parser)
    Models.add_flags(parser)
    return parser.parse_args(argv)


def baseline(flags: argparse.Namespace, models: Models, work: Path) -> dict[str, Any]:
    """Do all rounds; return the JSON line."""
    every = flags.detect_every or ([DETECT_EVERY_CPU, 1] if models.device == "cpu" else [1])
    made = make_videos(work / "set", flags.videos, flags.seconds, flags.height)
    old: list[OldRun] = []
    ours: dict[int, list[TimedRun]] = {value: [] for value in every}
    stages: dict[int, list[OurStages]] = {value: [] for value in every}
    for number in range(flags.runs):
        old.append(run_old(made, work / f"old-{number}", models))
        print(f"round {number}: the old way took {old[-1].wall_s:.1f} s", file=sys.stderr)
        for value in every:
            folder = work / f"ours-{number}-{value}"
            if not flags.stages_only:
                more = ["--detect-every", str(value)]
                ours[value].append(run_timed(made, folder, models, more))
                print(f"  ours with DETECT_EVERY {value}: {ours[value][-1].wall_s:.1f} s", file=sys.stderr)
            stages[value].append(our_stages(made, folder.with_name(f"{folder.name}-stages"), models, value))
    line: dict[str, Any] = {"benchmark": "baseline", **models.names}
    line |= {"videos": made.count, "seconds": made.seconds, "runs": flags.runs, "detect_every": every[0]}
    if not flags.stages_only:
        line |= ratios(old, ours)
        line["same_speaker"] = same_speaker(old[0].videos, work / f"ours-0-{every[0]}")
    line["old"] = old_line(old)
    if not flags.stages_only:
        line["ours"] = {str(value): our_line(runs) for value, runs in ours.items()}
    line["vision_ratio"] = {
        str(value): _median(vision_s(o.seconds) / vision_s(s.seconds) for o, s in zip(old, each, strict=True))
        for value, each in stages.items()
    }
    line["stages"] = {str(value): by_stage(old, each) for value, each in stages.items()}
    return line | facts(models.device)


def run_old(made: VideoSet, folder: Path, models: Models) -> OldRun:
    """Run `benchmarks.old_way` in a process of its own.

    Raises:
        SystemExit: it failed.
    """
    log = folder.with_name(f"{folder.name}.log")
    argv = [sys.executable, "-m", "benchmarks.baselines.old_way", str(made.videos), str(made.transcripts), str(folder)]
    argv += ["--weights-dir", str(models.weights_dir), "--device", models.device]
    argv += ["--face-detector", models.face_detector, "--speaker-model", models.speaker_model, "--words", models.words]
    watched = watch(argv, log)
    if watched.exit_code:
        raise SystemExit(f"{log.read_text(errors='replace')[-4000:]}\nthe old way ended with {watched.exit_code}")
    for name in FOR_WORK:
        for useless in folder.glob(f"*/{name}"):
            shutil.rmtree(useless)
    content = json.loads((folder / "old.json").read_bytes())
    loaded_s = content["loaded_at"]
    return OldRun(
        startup_s=loaded_s - watched.began_s,
        wall_s=content["ended_at"] - loaded_s,
        cpu_s=watched.cpu_s - watched.cpu_until(loaded_s),
        peak_mb=round(watched.peak_bytes / 2**20),
        videos=content["videos"],
    )


def ratios(old: Sequence[OldRun], ours: Mapping[int, Sequence[TimedRun]]) -> dict[str, Any]:
    """Return old by ours: wall and CPU time after the models were loaded, for the first ``DETECT_EVERY``, and for 1."""

    def of(name: str, runs: Sequence[TimedRun]) -> float:
        return _median(getattr(o, name) / getattr(r, name) for o, r in zip(old, runs, strict=True))

    first, *_ = ours
    line = {"end_to_end_ratio": of("wall_s", ours[first]), "cpu_ratio": of("cpu_s", ours[first])}
    if 1 in ours:
        line |= {"every_frame_ratio": of("wall_s", ours[1]), "every_frame_cpu_ratio": of("cpu_s", ours[1])}
        line["detect_every_brings"] = round(line["end_to_end_ratio"] / line["every_frame_ratio"], 3)
    return line


def by_stage(old: Sequence[OldRun], ours: Sequence[OurStages]) -> dict[str, dict[str, float | None]]:
    """Return medians of the seconds of each stage, and of the ratio within a round."""
    lines = {}
    for stage in SHARED_STAGES:
        pairs = [(o.seconds[stage], s.seconds[stage]) for o, s in zip(old, ours, strict=True)]
        lines[stage] = {
            "old_s": _median(pair[0] for pair in pairs),
            "ours_s": _median(pair[1] for pair in pairs),
            "ratio": _median(pair[0] / pair[1] for pair in pairs) if all(pair[1] for pair in pairs) else None,
        }
    return lines


def old_line(runs: Sequence[OldRun]) -> dict[str, Any]:
    """Return medians of the old way, and counts of its results."""
    found = runs[0].videos
    return {
        **{name: _median(getattr(run, name) for run in runs) for name in ("startup_s", "wall_s", "cpu_s")},
        "peak_mb": round(statistics.median(run.peak_mb for run in runs)),
        "tracks": sum(video["tracks"] for video in found),
        "clips": sum(len(video["clips"]) for video in found),
    }


def our_line(runs: Sequence[TimedRun]) -> dict[str, Any]:
    """Return medians of ours, and counts of its results."""
    manifests = [Path(video["manifest"]) for video in runs[0].report["videos"]]
    tables = [read_tracks(path.parent.parent / "tracks.npz") for path in manifests]
    names = ("startup_s", "wall_s", "ending_s", "cpu_s", "overlap_efficiency")
    return {
        **{name: _median(getattr(run, name) for run in runs) for name in names},
        "peak_mb": round(statistics.median(run.peak_mb for run in runs)),
        "tracks": sum(len(np.unique(table.track)) for table in tables),
        "clips": runs[0].clips,
    }


def same_speaker(old: Sequence[Mapping[str, Any]], results: Path) -> float | None:
    """Return the share of old clips with the same face, in the middle, as our clip of that moment; None without
    clips."""
    same = []
    for video in old:
        folder = results / Path(video["path"]).stem
        clips, tracks = read_manifest(folder / "output" / "manifest.json")["clips"], read_tracks(folder / "tracks.npz")
        for clip in video["clips"]:
            at_s = (clip["start"] + clip["end"]) / 2
            named = [each["speaker_track"] for each in clips if each["start_time"] <= at_s < each["end_time"]]
            rows = np.isin(tracks.track, named) & (tracks.frame == clip["frame"])
            overlaps = iou(np.array([clip["box_px"]], np.float32), tracks.box_px[rows])
            same.append(bool((overlaps > SAME_IOU).any()))
    return round(float(np.mean(same)), 3) if same else None


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 3)


if __name__ == "__main__":
    sys.exit(main())
