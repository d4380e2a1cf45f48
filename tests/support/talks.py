"""Faces and words of made-up conversations, for the plan of an upright video."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pipeline.types import AttributedWord, FaceTracks, Word

LEFT, RIGHT, MIDDLE = (300, 300, 440, 480), (1500, 300, 1640, 480), (890, 300, 1030, 480)
"""Boxes of faces in a picture of 1920x1080, too far apart for one upright window."""

HD = (1920, 1080)
UPRIGHT = (1080, 1920)


def faces(
    *rows: tuple[int, int, Any] | tuple[int, int, Any, int],
    frame_count: int,
    shot_starts: Sequence[int] = (0,),
    tremble_px: float = 0.0,
    first_frame: int = 0,
) -> FaceTracks:
    """``faces((first, stop, box[, person]), ...)``: one track each; the boxes may be (n, 4)."""
    random = np.random.default_rng(7)
    columns: list[list[np.ndarray]] = [[np.zeros(0, np.int32)], [np.zeros(0, np.int32)], [np.zeros((0, 4), np.float32)]]
    person = [np.zeros(0, np.int32)]
    for number, (first, stop, box, *who) in enumerate(rows):
        count = stop - first
        boxes = np.broadcast_to(np.asarray(box, np.float64), (count, 4)) + random.normal(0, tremble_px, (count, 4))
        columns[0].append(np.full(count, number, np.int32))
        columns[1].append(np.arange(first, stop, dtype=np.int32))
        columns[2].append(boxes.astype(np.float32))
        person.append(np.full(count, who[0] if who else number, np.int32))
    track, frame, box_px = (np.concatenate(column) for column in columns)
    starts = np.array(shot_starts, np.int32)
    return FaceTracks(frame_count, starts, track, frame, box_px, person=np.concatenate(person), first_frame=first_frame)


def says(start_s: float, end_s: float, track: int | None, *, word_s: float = 0.4) -> list[AttributedWord]:
    """Return words without a pause, of the speaker that the track's number gives, plus 1."""
    count = max(round((end_s - start_s) / word_s), 1)
    edges = np.linspace(start_s, end_s, count + 1).round(6).tolist()
    speaker = None if track is None else track + 1
    return [AttributedWord(Word(" word", low, high), track, speaker) for low, high in pairwise(edges)]


def moving(box: tuple[float, float, float, float], offsets_px: np.ndarray) -> np.ndarray:
    """Return (n, 4) boxes: *box*, moved along x."""
    return np.array(box, np.float64) + np.outer(offsets_px, [1, 0, 1, 0])
