"""Count the cuts that are found, missed and false in films with flashes.

    python -m benchmarks.flashes --footage ../shared/videos
    python -m benchmarks.flashes --footage ../shared/videos --people chosen

Films with exact cuts are composed of shots of the footage, half of them dark and half of them held by hand
(`benchmarks/common/flash_films.py`): without other light, with single white pictures, with bursts of flashes as of
press photographers, and under a strobe light. Cuts lie inside the bursts, beside them, and apart. Each film is written
as H.264 and read again. A cut is found where a shot begins within `NEAR_FRAMES` of it; other beginnings of shots are
false. `ShotFinder` is judged with both of its detectors, beside those of PySceneDetect alone. Limits were chosen with
the shots of ``--people chosen``. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.common.command_line import parser_of
from benchmarks.common.facts import commit
from benchmarks.common.flash_films import CHOSEN, HELD_OUT, KINDS, compose, write
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.types import GRID_FPS
from pipeline.vision.shots import ShotFinder

NEAR_FRAMES = 3
"""Largest distance of a cut from where it is found: a flash may hide its frame."""

PEOPLE = {"chosen": CHOSEN, "held-out": HELD_OUT}


class Finder(Protocol):
    """A detector of shots that pictures are pushed to."""

    def push(self, frame: int, picture: np.ndarray) -> list[int]: ...

    def finish(self) -> list[int]: ...


class Plain:
    """A detector of PySceneDetect, with its own settings, that takes every cut."""

    def __init__(self, name: str) -> None:
        from scenedetect import FrameTimecode
        from scenedetect.detectors import AdaptiveDetector, ContentDetector, HashDetector

        kinds = {"adaptive": AdaptiveDetector, "content": ContentDetector, "hash": HashDetector}
        self._timecode, self._detector = FrameTimecode, kinds[name](min_scene_len=1)

    def push(self, frame: int, picture: np.ndarray) -> list[int]:
        found = self._detector.process_frame(self._timecode(frame, float(GRID_FPS)), picture)
        return [cut.frame_num for cut in found]

    def finish(self) -> list[int]:
        return []


FINDERS: dict[str, Callable[[], Finder]] = {
    "adaptive": lambda: ShotFinder("adaptive"),
    "content": lambda: ShotFinder("content"),
    "PySceneDetect adaptive": lambda: Plain("adaptive"),
    "PySceneDetect content": lambda: Plain("content"),
    "PySceneDetect hash": lambda: Plain("hash"),
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--footage", type=Path, required=True, help="folder with the videos")
    parser.add_argument("--people", choices=PEOPLE, default="held-out", help="shots that films are composed of")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS, help="light of the films")
    parser.add_argument("--films", type=int, default=12, help="films of each kind")
    flags = parser.parse_args(argv)
    counts = counted(flags)
    for name, of_kind in counts.items():
        cells = (f"{kind} {found}/{missed}/{false}" for kind, (found, missed, false) in of_kind.items())
        print(f"{name}: found/missed/false {', '.join(cells)}", flush=True)
    print(
        json.dumps({"benchmark": "flashes", "people": flags.people, "films": flags.films, **counts, "commit": commit()})
    )
    return 0


def counted(flags: argparse.Namespace) -> dict[str, dict[str, tuple[int, int, int]]]:
    """Return cuts found, missed and false by detector and kind of light."""
    counts: dict[str, dict[str, Any]] = {name: dict.fromkeys(flags.kinds, (0, 0, 0)) for name in FINDERS}
    with tempfile.TemporaryDirectory() as folder:
        for kind in flags.kinds:
            for number in range(flags.films):
                film = compose(flags.footage, PEOPLE[flags.people], kind, number)
                path = Path(folder) / f"{film.name}.mp4"
                write(film, path)
                pictures = [picture.copy() for picture in read_frames(probe(path))]
                path.unlink()
                for name, load in FINDERS.items():
                    here = judged(film.cuts, shots_in(load(), pictures))
                    counts[name][kind] = tuple(np.add(counts[name][kind], here).tolist())
    return counts


def shots_in(finder: Finder, pictures: Iterable[np.ndarray]) -> list[int]:
    """Return where shots begin in *pictures*, but for the first."""
    starts = [start for frame, picture in enumerate(pictures) for start in finder.push(frame, picture)]
    return starts + finder.finish()


def judged(cuts: Sequence[int], starts: Sequence[int]) -> tuple[int, int, int]:
    """Return how many *cuts* are found and missed by *starts* of shots, and how many of these are false.

    Each start is taken for one cut.
    """
    left, found = list(starts), 0
    for cut in cuts:
        near = [start for start in left if abs(start - cut) <= NEAR_FRAMES]
        if near:
            left.remove(min(near, key=lambda start: abs(start - cut)))
            found += 1
    return found, len(cuts) - found, len(left)


if __name__ == "__main__":
    sys.exit(main())
