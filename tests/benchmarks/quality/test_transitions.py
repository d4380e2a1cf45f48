"""What the benchmark of transitions counts as right."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality.transitions import JOIN_S, judged
from pipeline.types import GRID_FPS, FaceTracks

AT = int(JOIN_S * GRID_FPS)


def found(starts: list[int], people: list[tuple[int, int, int]]) -> FaceTracks:
    """Shots that begin at *starts*; of each track first frame, the one after its last, and the person."""
    track = np.concatenate([np.full(stop - first, n, np.int32) for n, (first, stop, _) in enumerate(people)])
    frame = np.concatenate([np.arange(first, stop, dtype=np.int32) for first, stop, _ in people])
    person = np.array([who for *_, who in people], np.int32)[track]
    box_px = np.tile(np.array([10, 10, 50, 50], np.float32), (len(track), 1))
    shot_starts = np.array([0, *starts], np.int32)
    return FaceTracks(150, shot_starts, track, frame, box_px, person=person)


TWO = [(0, AT + 5, 0), (AT + 5, 150, 1)]


@pytest.mark.parametrize(
    ("starts", "people", "shots_right", "persons_right"),
    [
        ([AT + 5], TWO, True, True),
        ([], TWO, False, True),
        ([AT + 5, 120], TWO, False, True),
        ([AT + 5], [(0, AT + 5, 0), (AT + 5, 150, 0)], True, False),
        ([AT + 5], [(0, 150, 0)], True, False),
        ([AT + 5], [(0, AT + 5, 0), (AT + 5, 130, 1), (130, 150, 2)], True, False),
    ],
)
def test_a_shot_in_the_transition_and_a_person_on_each_side(starts, people, shots_right, persons_right) -> None:
    line = judged(found(starts, people), 0.4)
    assert (line["shots_right"], line["persons_right"]) == (shots_right, persons_right)
    assert line["shots"] == starts and line["tracks"] == len(people)
