"""Measure how well simultaneous speech of two people in view is told, by the score from which a face counts.

    python -m benchmarks.overlap --videos ../shared/videos --weights-dir ../shared/weights

Prints a Markdown table: on ``overlap``, where both talk and both are heard, the share of the frames with two voices
that is found; on ``conversations`` and ``both-talking``, where one voice is heard, the share of the frames with it that
is wrongly called two. Ends with one JSON line: the same where the threshold of each video is the lowest that leaves no
more than `MOST_FALSE` on conversations in which nobody of it takes part.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality.calibration import Scored, model_parser, scored_set
from pipeline.attribution.faces import Faces
from pipeline.attribution.overlap import overlaps_of
from pipeline.types import GRID_FPS

SETS = ("overlap", "conversations", "both-talking")

THRESHOLDS = (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5)

MOST_FALSE = 0.01
"""Share of the frames of ordinary talk that may be called simultaneous."""


def main() -> None:
    """Score the sets, and count."""
    arguments = model_parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = {name: [counted(video) for video in scored_set(name, arguments, Path(folder))] for name in SETS}
    print(f"| score from | {' | '.join(SETS)} |\n|---|{'---|' * len(SETS)}")
    for k, threshold in enumerate(THRESHOLDS):
        print(f"| {threshold:g} | {' | '.join(f'{_share(counts[name], k):.3f}' for name in SETS)} |")
    held_out = {name: _held_out(counts[name], counts["conversations"]) for name in SETS}
    print(json.dumps({"most_false": MOST_FALSE, "held_out": held_out}))


@dataclass(frozen=True, slots=True)
class Counted:
    """Frames of one video."""

    heads: frozenset[str]
    frames: int
    """With two voices where there are two; else with one."""
    found: tuple[int, ...]
    """Of those, the ones that are called simultaneous at each of `THRESHOLDS`."""


def counted(video: Scored) -> Counted:
    """Count the frames of *video* that are called simultaneous, at each threshold."""
    truth = video.truth
    voices = np.sum([truth.speaking(person) for person in truth.boxes_px], axis=0)
    judged = voices == voices.max()
    faces, found = Faces(video.tracks), []
    for threshold in THRESHOLDS:
        called = np.zeros(len(judged), bool)
        for overlap in overlaps_of(faces, threshold):
            called[round(overlap.start_s * GRID_FPS) : round(overlap.end_s * GRID_FPS)] = True
        found.append(int((called & judged).sum()))
    return Counted(frozenset(truth.stem.split("__")), int(judged.sum()), tuple(found))


def _share(videos: list[Counted], k: int) -> float:
    return sum(video.found[k] for video in videos) / max(sum(video.frames for video in videos), 1)


def _held_out(videos: list[Counted], ordinary: list[Counted]) -> float:
    """Return the share that is found in *videos* with the threshold that other people's *ordinary* talk gives."""
    found = 0
    for video in videos:
        others = [other for other in ordinary if not other.heads & video.heads]
        k = next((k for k in range(len(THRESHOLDS)) if _share(others, k) <= MOST_FALSE), len(THRESHOLDS) - 1)
        found += video.found[k]
    return round(found / max(sum(video.frames for video in videos), 1), 4)


if __name__ == "__main__":
    main()
