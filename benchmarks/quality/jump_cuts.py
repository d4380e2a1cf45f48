"""Count the jump cuts within one seat that are found, by what they take out, and false cuts in films without any.

    python -m benchmarks.jump_cuts --footage ../shared/videos
    python -m benchmarks.jump_cuts --footage ../shared/videos --people chosen

Films of one person are composed of shots of the footage (`benchmarks/common/jump_films.py`): 0.5 to 5 s are taken out,
and the picture stays as it is, is shifted by 1 to 3 percent of its width, or enlarged by 2 to 10 percent; every other
film is held by hand. They are written as H.264 of four qualities and read again. A jump is found where a shot begins
within `NEAR_FRAMES` of it. False cuts are counted in the shots as they are, and in the same shots disturbed by freezes,
lost frames, other rates, a bumped camera, zooms, captions, light, and poor compression with regular key frames
(`benchmarks/common/uncut_films.py`). `ShotFinder` is judged with both detectors, `JumpFinder` alone beside them. Limits
were chosen with ``--people chosen``. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common import jump_films, uncut_films
from benchmarks.common.command_line import parser_of
from benchmarks.common.facts import commit
from benchmarks.common.jump_films import CHOSEN, FRAMINGS, HELD_OUT, REMOVED_S, write
from benchmarks.quality.flashes import Finder, shots_in
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.types import GRID_FPS
from pipeline.vision.jumps import JumpFinder
from pipeline.vision.shots import WIDTH_PX, ShotFinder

NEAR_FRAMES = 1
"""Largest distance of a jump from where it is found."""

PEOPLE = {"chosen": CHOSEN, "held-out": HELD_OUT}


class Jumps:
    """The jumps alone, in pictures of any size."""

    def __init__(self) -> None:
        self._finder = JumpFinder()

    def push(self, frame: int, picture: np.ndarray) -> list[int]:
        found = self._finder.push(picture)
        return [] if found is None else [found]

    def finish(self) -> list[int]:
        return []


FINDERS: dict[str, Callable[[], Finder]] = {
    "adaptive": lambda: ShotFinder("adaptive"),
    "content": lambda: ShotFinder("content"),
    "jumps alone": Jumps,
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--footage", type=Path, required=True, help="folder with the videos")
    parser.add_argument("--people", choices=PEOPLE, default="held-out", help="people who are in the films")
    parser.add_argument("--films", type=int, default=4, help="films with jumps of each person")
    flags = parser.parse_args(argv)
    found, false, minutes = jumps_found(flags), *uncut(flags)
    for name in FINDERS:
        cells = (f"{what} {hits}/{count}" for what, (hits, count) in found[name].items())
        print(f"{name}: found {', '.join(cells)}; false {json.dumps(false[name])}", flush=True)
    facts = {"benchmark": "jump_cuts", "people": flags.people, "films": flags.films}
    print(json.dumps({**facts, "found": found, "false": false, "minutes": minutes, "commit": commit()}))
    return 0


def jumps_found(flags: argparse.Namespace) -> dict[str, dict[str, list[int]]]:
    """Return, by finder, the jumps that are found and all jumps, by framing and by length, and the false cuts."""
    kinds = [*FRAMINGS, *(f"{removed_s:g} s" for removed_s in REMOVED_S), "all"]
    counts = {name: {kind: [0, 0] for kind in kinds} | {"false": [0, 0]} for name in FINDERS}
    for span in PEOPLE[flags.people]:
        for number in range(flags.films):
            film = jump_films.compose(flags.footage, span, number)
            pictures = _encoded(film.pictures, film.crf)
            for name, load in FINDERS.items():
                left = shots_in(load(), pictures)
                for jump in film.jumps:
                    near = [start for start in left if abs(start - jump.frame) <= NEAR_FRAMES]
                    left = [start for start in left if start not in near]
                    for kind in (jump.framing, f"{jump.removed_s:g} s", "all"):
                        counts[name][kind][0] += bool(near)
                        counts[name][kind][1] += 1
                counts[name]["false"][0] += len(left)
                counts[name]["false"][1] += len(pictures)
    return counts


def uncut(flags: argparse.Namespace) -> tuple[dict[str, dict[str, int]], dict[str, float]]:
    """Return, by kind of film without cuts, the false cuts of each finder, and the minutes of film."""
    kinds = ("as it is", *uncut_films.KINDS)
    counts = {name: dict.fromkeys(kinds, 0) for name in FINDERS}
    frames = dict.fromkeys(kinds, 0)
    for span in PEOPLE[flags.people]:
        for kind in kinds:
            if kind == "as it is":
                pictures = [_small(picture) for picture in jump_films.pictures_of(flags.footage / span.name, span)]
            else:
                film, crf = uncut_films.compose(flags.footage, span, kind)
                pictures = _encoded(film, crf, GRID_FPS if kind == "poor" else 250)
            frames[kind] += len(pictures)
            for name, load in FINDERS.items():
                counts[name][kind] += len(shots_in(load(), pictures))
    return counts, {kind: round(count / GRID_FPS / 60, 2) for kind, count in frames.items()}


def _encoded(film: Sequence[np.ndarray], crf: int, gop: int = 250) -> list[np.ndarray]:
    """Return the pictures as they are read after they have been written at *crf*."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write(film, path, crf, gop)
        return [_small(picture) for picture in read_frames(probe(path))]


def _small(picture: np.ndarray) -> np.ndarray:
    """Return a copy no wider than shots are looked for in."""
    height, width = picture.shape[:2]
    if width <= WIDTH_PX:
        return picture.copy()
    return cv2.resize(picture, (WIDTH_PX, max(round(height * WIDTH_PX / width), 1)), interpolation=cv2.INTER_LINEAR)


if __name__ == "__main__":
    sys.exit(main())
