"""Truth of a video, read from files: who speaks when, and where each face is.

Beside ``<stem>.mp4`` (or any other video) lie ``<stem>.rttm``, NIST's Rich Transcription Time Marked form, and
``<stem>.truth.json`` with ``{"boxes": {"grid_fps": 25, "<person>": [[x1, y1, x2, y2] or null, ...]}}``: one entry for
each frame of the 25 fps grid, null where the person is not in view.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import InputError
from pipeline.types import GRID_FPS

MIN_OVERLAP = 0.5
"""Share of the smaller of two boxes that both must cover to be the same face."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Stretch of speech of one person."""

    person: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Truth:
    """Turns and boxes of one video."""

    stem: str
    turns: tuple[Turn, ...]
    boxes_px: dict[str, np.ndarray]
    """Person to (N, 4) float64 on the 25 fps grid; NaN where the person is not in view."""

    @property
    def frame_count(self) -> int:
        return max((len(boxes) for boxes in self.boxes_px.values()), default=0)

    def speaking(self, person: str) -> np.ndarray:
        """Return (frame_count,) bool: True where the middle of a frame lies in a turn of *person*."""
        middles_s = (np.arange(self.frame_count) + 0.5) / GRID_FPS
        flags = np.zeros(self.frame_count, bool)
        for turn in self.turns:
            if turn.person == person:
                flags |= (middles_s >= turn.start_s) & (middles_s < turn.end_s)
        return flags

    def in_view(self, person: str) -> np.ndarray:
        """Return (frame_count,) bool: True where *person* is in view."""
        if person not in self.boxes_px:
            return np.zeros(self.frame_count, bool)
        return np.isfinite(self.boxes_px[person][:, 0])

    def speaker(self, start_s: float, end_s: float) -> str | None:
        """Return the person who speaks most of a span; None where nobody does."""
        shared = {
            turn.person: min(turn.end_s, end_s) - max(turn.start_s, start_s)
            for turn in self.turns
            if turn.start_s < end_s and turn.end_s > start_s
        }
        return max(shared, key=lambda person: shared[person]) if shared else None

    def person_at(self, frame: int, box_px: np.ndarray) -> str | None:
        """Return the person whose face a box of one frame shows; None for a face of nobody named."""
        best: tuple[float, str] | None = None
        for person, boxes in self.boxes_px.items():
            if frame < len(boxes) and np.isfinite(boxes[frame]).all():
                true = boxes[frame]
                sides = np.clip(np.minimum(box_px[2:], true[2:]) - np.maximum(box_px[:2], true[:2]), 0, None)
                smaller = min(float(np.prod(box_px[2:] - box_px[:2])), float(np.prod(true[2:] - true[:2])))
                share = float(np.prod(sides)) / smaller if smaller > 0 else 0.0
                best = max(best, (share, person)) if best else (share, person)
        return best[1] if best and best[0] >= MIN_OVERLAP else None


def read_truth(folder: Path) -> list[Truth]:
    """Read the truth of every video of *folder* that has one, by name.

    Raises:
        InputError: ``no_truth`` when there is none, ``bad_truth`` when a file is not of the form above.
    """
    truths = []
    for path in sorted(folder.glob("*.rttm")):
        try:
            turns = tuple(_turn(line.split()) for line in path.read_text().splitlines() if line.startswith("SPEAKER"))
            content = json.loads(path.with_suffix(".truth.json").read_bytes())["boxes"]
            boxes = {
                person: np.array([row or [np.nan] * 4 for row in rows], np.float64).reshape(-1, 4)
                for person, rows in content.items()
                if person != "grid_fps"
            }
        except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise InputError("bad_truth", f"is no RTTM with boxes beside it: {error}", path) from error
        truths.append(Truth(path.stem, turns, boxes))
    if not truths:
        raise InputError("no_truth", "holds no .rttm", folder)
    return truths


def _turn(fields: list[str]) -> Turn:
    start_s = float(fields[3])
    return Turn(fields[7], start_s, start_s + float(fields[4]))
