"""What the benchmark of persons by framing counts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality.framing import SIDE_PX, STRETCH_FRAMES, Count, compositions


def test_joined_and_wrong_pairs_and_b_cubed_over_frames():
    count = Count()
    # A has the number of B in its second track.
    count.add(["a", "b", "a"], np.array([0, 1, 1]), [10, 30, 20])
    assert (count.pairs, count.joined, count.wrong) == (1, 0, 1)
    # Precision: 10 frames 1, 30 frames 30/50, 20 frames 20/50. Recall: 10 frames 10/30, 30 frames 1, 20 frames 20/30.
    precision, recall = (10 + 18 + 8) / 60, (10 / 3 + 30 + 40 / 3) / 60
    assert count.told["f1"] == pytest.approx(2 * precision * recall / (precision + recall), abs=5e-4)


def test_all_right_is_one():
    count = Count()
    count.add(["a", "b", "a"], np.array([0, 1, 0]), [10, 30, 20])
    assert count.told == {"pairs": 1, "joined": 1, "wrong": 0, "f1": 1.0}


def test_compositions_of_two_people():
    heads = {
        name: [np.full((SIDE_PX, SIDE_PX, 3), grey + at, np.uint8) for at in range(2 * STRETCH_FRAMES)]
        for name, grey in (("a", 0), ("b", 100))
    }
    found = list(compositions(heads))
    assert [(kind, [who for who, _ in shown]) for kind, shown in found[:3]] == [
        ("turns", ["a", "b", "a", "b"]),
        ("same set", ["a", "b", "a"]),
        ("once", ["a", "b"]),
    ]
    assert len(found) == 6
    turns, same_set = found[0][1], found[1][1]
    assert [int(pictures[0][0, 0, 0]) for _, pictures in turns] == [0, 100, STRETCH_FRAMES, 100 + STRETCH_FRAMES]
    # The face of the one, the corner of the other.
    assert same_set[1][1][0][140, 160].tolist() == [100] * 3 and same_set[1][1][0][4, 4].tolist() == [0] * 3
