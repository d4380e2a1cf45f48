"""Runs of frames with the face in view."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from pipeline.attribution.faces import runs_of
from pipeline.framing.gaps import longest_part, longest_run
from pipeline.types import AttributedWord, Word


def _mask(text: str) -> np.ndarray:
    return np.array([letter == "x" for letter in text])


@pytest.mark.parametrize(
    ("mask", "longest", "runs"),
    [
        ("", (0, 0), []),
        ("..", (0, 0), []),
        ("xxx", (0, 3), [(0, 3)]),
        (".xx.xxx.x", (4, 7), [(1, 3), (4, 7), (8, 9)]),
        ("xx.xx", (0, 2), [(0, 2), (3, 5)]),
    ],
)
def test_runs(mask: str, longest: tuple[int, int], runs: list[tuple[int, int]]) -> None:
    assert longest_run(_mask(mask)) == longest
    assert runs_of(_mask(mask)) == runs


def _words(*spans: tuple[float, float]) -> list[AttributedWord]:
    """Words by their frames at ten a second."""
    return [AttributedWord(Word("w", start / 10, end / 10), 0, 1) for start, end in spans]


@pytest.mark.parametrize(
    ("spans", "part"),
    [
        ([(2, 4), (4, 8)], (2, 8, 2)),  # all of the run is kept: nothing is cut off
        ([(0, 4), (4, 8)], (4, 8, 1)),
        ([(0, 3), (5, 8)], (4, 8, 1)),  # from the middle of the pause
        ([(1, 2.4), (2.4, 8)], (2, 8, 1)),  # a word that the rounding of the grid cuts by half a frame is whole
        ([(2, 5), (5, 9)], (2, 5, 1)),
        ([(0, 3), (3, 9)], None),
    ],
)
def test_the_longest_part(spans, part) -> None:
    """The face is in view on frames 2 to 8 of 10, counted from frame 0."""
    found = longest_part(_words(*spans), _mask("..xxxxxx.."), 0, Fraction(10), 0.2)
    assert (None if found is None else (found.first, found.stop, len(found.inside))) == part
