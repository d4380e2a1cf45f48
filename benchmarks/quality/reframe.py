"""Measure upright videos from their rendered pictures: who is seen, when the picture changes, and the sound.

    python -m benchmarks.reframe RESULTS
    python -m benchmarks.reframe RESULTS --video two_shot

RESULTS is the output folder of a run with ``--reframe``. Faces are looked for in the upright video by the pixels of
the source (`benchmarks.common.shown_faces`), so that the plan is not asked. Where they are in the source is what the
run found; who speaks is what it attributed, or the truth where an RTTM and boxes lie beside the source. Prints a
Markdown table with a row to each video and one to all, and one JSON line.

``speaker``: share of the frames of a visible speaker's words with that face whole. ``nobody``: share of the frames with
a face in the source on which none is shown. ``switch``: median, and share within 0.3 s, of the first picture of the
next speaker after the first word of the turn. ``short``: pictures of less than 1.2 s beside a cut of ours.
``in word``: our cuts inside a word. ``late``: our cuts up to five frames after one of the source. ``sound_equal``:
whether all its packets are those of the source; ``shift_ms``: their largest shift against the picture.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.common.command_line import parser_of
from benchmarks.common.judging import labelled_rows, people_of_tracks
from benchmarks.common.shown_faces import FaceFinder
from benchmarks.common.truth import read_truth
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.outputs.attribution import read_attribution
from pipeline.outputs.tracks import read_tracks
from pipeline.outputs.transcript import read_own_transcript
from pipeline.types import GRID_FPS, ScoredTracks

EVERY = 5
"""Frames between two looks, away from turns."""

AROUND_TURN = 25
"""Frames on either side of the first word of a turn that are all looked at."""

SHORT_FRAMES = 30
"""1.2 s."""

NEAR_S = 0.3
LATE_FRAMES = 5

JUMP, STEADY = 12.0, 6.0
"""Mean difference of two small pictures, in grey levels, above which a picture jumps, and below which the source does
not."""

ALONE = 3.0
"""Times by which a jump is greater than the changes before and after it: else something moves."""

THUMBNAIL_PX = (48, 48)


@dataclass(frozen=True, slots=True)
class Said:
    """Who says what when, and where the faces are."""

    words: Sequence[tuple[int, int, Any]]
    """First frame, the frame after the last, and person of each word, in order; None for nobody in view."""
    boxes: Mapping[Any, np.ndarray]
    """(N, 4) float of each person, NaN where out of view."""

    def in_view(self, frame: int) -> list[Any]:
        """Return the persons in view on a frame."""
        return [who for who, box in self.boxes.items() if frame < len(box) and np.isfinite(box[frame]).all()]

    def turns(self) -> list[tuple[int, Any, Any]]:
        """Return first frame, person, and the person before, of each turn of somebody else in view."""
        found = []
        for (_, _, before), (first, _, person) in pairwise(self.words):
            if person is not None and before is not None and person != before:
                found.append((first, person, before))
        return found


@dataclass(slots=True)
class Count:
    """Figures of one video."""

    speaker: list[bool] = field(default_factory=list)
    nobody: list[bool] = field(default_factory=list)
    switches_s: list[float] = field(default_factory=list)
    short: int = 0
    in_word: int = 0
    late: int = 0
    sound_equal: bool = True
    shift_ms: float = 0.0

    def row(self) -> dict[str, Any]:
        """Return the figures by name."""
        switches = np.array(self.switches_s)
        return {
            "speaker": _mean(self.speaker),
            "frames": len(self.speaker),
            "nobody": _mean(self.nobody),
            "switch_s": round(float(np.median(switches)), 3) if len(switches) else None,
            "switch_near": _mean((np.abs(switches) <= NEAR_S).tolist()),
            "switches": len(switches),
            "short": self.short,
            "in_word": self.in_word,
            "late": self.late,
            "sound_equal": self.sound_equal,
            "shift_ms": round(self.shift_ms, 3),
        }


def main() -> None:
    """Measure the videos of a run."""
    arguments = _parser().parse_args()
    folders = sorted(path.parent for path in arguments.results.glob("*/reframed.mp4"))
    folders = [folder for folder in folders if arguments.video in ("", folder.name)]
    if not folders:
        raise SystemExit(f"{arguments.results} holds no reframed.mp4")
    counts = {folder.name: measured(folder) for folder in folders}
    rows = {name: count.row() for name, count in counts.items()} | {"all": pooled(list(counts.values())).row()}
    names = list(next(iter(rows.values())))
    print(f"| video | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(str(value) for value in row.values())} |")
    print(json.dumps(rows))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__)
    parser.add_argument("results", type=Path, help="output folder of a run")
    parser.add_argument("--video", default="", help="name of one result folder in it; all by default")
    return parser


def pooled(counts: Sequence[Count]) -> Count:
    """Return the figures of several videos together."""
    return Count(
        speaker=[flag for count in counts for flag in count.speaker],
        nobody=[flag for count in counts for flag in count.nobody],
        switches_s=[switch_s for count in counts for switch_s in count.switches_s],
        short=sum(count.short for count in counts),
        in_word=sum(count.in_word for count in counts),
        late=sum(count.late for count in counts),
        sound_equal=all(count.sound_equal for count in counts),
        shift_ms=max(count.shift_ms for count in counts),
    )


def measured(folder: Path) -> Count:
    """Measure the upright video in the results *folder* of one video."""
    manifest = json.loads((folder / "output" / "manifest.json").read_bytes())
    source, upright = probe(Path(manifest["source"]["path"])), probe(folder / "reframed.mp4")
    tracks = read_tracks(folder / "tracks.npz")
    said = said_in(folder, source.path, tracks)
    finder = FaceFinder((source.width_px, source.height_px), (upright.width_px, upright.height_px))
    looks = looked_at(said, tracks.frame_count)
    shown: dict[int, frozenset[Any]] = {}
    steps: list[tuple[float, float]] = [(0.0, 0.0)]
    last: tuple[np.ndarray, np.ndarray] | None = None
    for frame, (one, other) in enumerate(zip(read_frames(source), read_frames(upright), strict=False)):
        small = _thumbnail(one), _thumbnail(other)
        if last is not None:
            of_source, of_upright = (float(np.abs(a - b).mean()) for a, b in zip(small, last, strict=True))
            steps.append((of_source, of_upright))
        last = small
        if frame in looks:
            seen = finder.small(other)
            here = {
                who: box[frame] for who, box in said.boxes.items() if frame < len(box) and np.isfinite(box[frame]).all()
            }
            shown[frame] = frozenset(who for who, box in here.items() if finder.find(seen, one, box))
    jumps, cuts = jumps_in(np.array(steps))
    count = judged(said, shown, jumps, sorted({*cuts, *tracks.shot_starts[1:].tolist()}))
    count.sound_equal, count.shift_ms = sound_of(source.path, upright.path)
    return count


def jumps_in(steps: np.ndarray) -> tuple[list[int], list[int]]:
    """Return the frames on which the upright picture jumps and the source does not, and those on which the source does.

    Args:
        steps: (F, 2) change of the source's picture and of the upright one to each frame from the one before it.
    """
    around = np.pad(steps, ((1, 1), (0, 0)))
    alone = steps > ALONE * np.maximum(around[:-2], around[2:])
    source, upright = ((steps > JUMP) & alone).T
    return np.flatnonzero(upright & ~source & (steps[:, 0] < STEADY)).tolist(), np.flatnonzero(source).tolist()


def said_in(folder: Path, source: Path, tracks: ScoredTracks) -> Said:
    """Return what is said in a video: by the truth beside it, or else by the run's own attribution."""
    persons: Mapping[int, Any] = tracks.persons
    if source.with_suffix(".rttm").is_file() and source.with_suffix(".truth.json").is_file():
        (truth,) = [truth for truth in read_truth(source.parent) if truth.stem == source.stem]
        persons = people_of_tracks(tracks, labelled_rows(truth, tracks)[0])
        words = [(*_frames(turn.start_s, turn.end_s), turn.person) for turn in truth.turns]
    else:
        heard = read_own_transcript(folder / "transcript.json")[0].words
        words = [
            (*_frames(said.word.start_s, said.word.end_s), None if said.track is None else persons[said.track])
            for said in read_attribution(folder / "attribution.json", heard).words
        ]
    boxes: dict[Any, np.ndarray] = {}
    for track, person in persons.items():
        if person is not None:
            rows = tracks.rows(track)
            own = boxes.setdefault(person, np.full((tracks.frame_count, 4), np.nan))
            own[tracks.frame[rows]] = tracks.box_px[rows]
    words = [(first, stop, person if person in boxes else None) for first, stop, person in words]
    return Said(sorted(words, key=lambda word: word[:2]), boxes)


def _frames(start_s: float, end_s: float) -> tuple[int, int]:
    return round(start_s * GRID_FPS), max(round(end_s * GRID_FPS), round(start_s * GRID_FPS) + 1)


def looked_at(said: Said, frame_count: int) -> frozenset[int]:
    """Return the frames whose faces are looked for."""
    near = {frame for first, _, _ in said.turns() for frame in range(first - AROUND_TURN, first + AROUND_TURN + 1)}
    return frozenset(range(0, frame_count, EVERY)) | {frame for frame in near if 0 <= frame < frame_count}


def judged(said: Said, shown: Mapping[int, frozenset[Any]], jumps: Sequence[int], cuts: Sequence[int]) -> Count:
    """Judge who is shown.

    Args:
        said: who says what.
        shown: persons seen whole, by frame.
        jumps: frames on which the upright picture jumps and the source does not.
        cuts: frames on which the source cuts.
    """
    count = Count()
    for first, stop, who in said.words:
        frames = [frame for frame in shown if first <= frame < stop and frame % EVERY == 0]
        if who is not None:
            count.speaker += [who in shown[frame] for frame in frames if who in said.in_view(frame)]
    for frame, who in shown.items():
        if frame % EVERY == 0 and said.in_view(frame):
            count.nobody.append(not who)
    for first, who, _ in said.turns():
        around = [frame for frame in range(first - AROUND_TURN, first + AROUND_TURN + 1) if frame in shown]
        before = [frame for frame in around if who not in shown[frame] and frame <= first]
        after = [frame for frame in around if who in shown[frame] and frame > (max(before) if before else -1)]
        if before and after and not any(max(before) < cut <= min(after) for cut in cuts):
            count.switches_s.append((min(after) - first) / GRID_FPS)
    edges = sorted({*jumps, *cuts})
    count.short = sum(b - a < SHORT_FRAMES for a, b in pairwise(edges) if a in jumps or b in jumps)
    count.in_word = sum(any(first < jump < stop - 1 for first, stop, _ in said.words) for jump in jumps)
    count.late = sum(any(0 < jump - cut <= LATE_FRAMES for cut in cuts) for jump in jumps)
    return count


def sound_of(source: Path, upright: Path) -> tuple[bool, float]:
    """Return whether the upright video has the very packets of the source's sound, and its largest shift against the
    picture in milliseconds."""
    one, other = _packets(source), _packets(upright)
    if not one[1] or not other[1]:
        return one[1] == other[1], 0.0
    equal = [data for _, data in one[1]] == [data for _, data in other[1]]
    shifts = [
        abs((theirs - other[0]) - (ours - one[0])) * 1000
        for (ours, _), (theirs, _) in zip(one[1], other[1], strict=False)
    ]
    return equal, float(max(shifts)) if equal else float("nan")


def _packets(path: Path) -> tuple[float, list[tuple[float, bytes]]]:
    """Return the time of the first picture, and time and content of each packet of sound, in seconds."""
    with av.open(str(path)) as container:
        sound = container.streams.audio[:1]
        picture = container.streams.video[0]
        first, packets = None, []
        for packet in container.demux([picture, *sound]):
            if packet.pts is None or not packet.size:
                continue
            time_s = float(packet.pts * packet.time_base)
            if packet.stream.type == "video":
                first = time_s if first is None else min(first, time_s)
            else:
                packets.append((time_s, bytes(packet)))
    return first or 0.0, packets


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return cv2.resize(grey, THUMBNAIL_PX, interpolation=cv2.INTER_AREA).astype(np.float32)


def _mean(flags: Sequence[bool]) -> float | None:
    return round(float(np.mean(flags)), 4) if flags else None


if __name__ == "__main__":
    main()
