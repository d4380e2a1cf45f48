"""Given boxes on the 25 fps grid, with the times in the comments."""

from __future__ import annotations

import pickle
from fractions import Fraction as F  # noqa: N817
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.decode import on_grid
from pipeline.vision.given_faces import GivenFaces, placed, spans_of


def _times(rate: F, count: int) -> list[F]:
    return [k / rate for k in range(count)]


def _one_each(spans: dict[int, tuple[int, int]]) -> GivenFaces:
    """A box for each picture, whose left edge is its number."""
    of = np.array([*spans], np.int64)
    boxes = np.array([[number, 0, number + 9, 9] for number in spans], np.float32).reshape(-1, 4)
    return placed(spans, of, boxes)


@pytest.mark.parametrize(
    ("rate", "count", "shown"),
    [
        (F(25), 5, [0, 1, 2, 3, 4]),
        (F(25, 2), 3, [0, 0, 1, 1, 2, 2]),
        (F(50), 6, [1, 3, 5]),  # the picture at (2k + 1)/50 s comes on screen at the middle of grid frame k
        (F(30), 6, [0, 1, 3, 4, 5]),  # 0.02, 0.06, 0.1, 0.14 and 0.18 s are 0.6, 1.8, 3, 4.2 and 5.4 pictures
        (F(10), 2, [0, 0, 1, 1, 1]),
    ],
)
def test_a_box_holds_where_its_picture_is_shown(rate: F, count: int, shown: list[int]) -> None:
    faces = _one_each(spans_of(range(count), _times(rate, count), rate))
    assert [faces.at(frame)[:, 0].tolist() for frame in range(len(shown) + 3)] == [*([n] for n in shown), [], [], []]


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=40),
    st.sets(st.integers(0, 45)),
    st.sampled_from([F(25), F(30000, 1001), F(60)]),
)
def test_listed_pictures_are_where_the_decoder_shows_them(steps: list[int], listed: set[int], rate: F) -> None:
    """Times in hundredths of a second. A listed picture that is shown has its frames, and no other gets them."""
    at_s = [F(sum(steps[:k]), 100) for k in range(len(steps) + 1)]
    timed = [(at, 1 / rate, number) for number, at in enumerate(at_s)]
    shown = dict(on_grid(timed))
    faces = _one_each(spans_of(sorted(listed), at_s, rate))
    for frame, number in shown.items():
        found = faces.at(frame)[:, 0].tolist()
        if number in listed:
            assert found == [number]
        elif found:
            assert found[0] in listed and found[0] not in shown.values()
            assert 0 <= F(2 * frame + 1, 50) - at_s[int(found[0])] < F(1, 25) + max(b - a for a, b in pairwise(at_s))
    assert all(a <= b for a, b in zip(faces.stop_frame, faces.first_frame[1:], strict=False))


@pytest.mark.parametrize(
    ("frames", "step", "bridged"),
    [
        ([], 1, 1),
        ([7], 1, 1),
        ([*range(50)], 1, 1),
        ([*range(20), *range(300, 340)], 1, 1),  # out of view for long
        ([*range(0, 100, 5)], 5, 6),
        ([k * 25 // 2 for k in range(20)], 13, 14),  # two a second: 12 and 13 frames in turn
        ([0, 1000], 1000, 1001),
    ],
)
def test_the_usual_step_of_a_list(frames: list[int], step: int, bridged: int) -> None:
    faces = _one_each({frame: (frame, frame + 1) for frame in frames})
    assert (faces.step, faces.bridged) == (step, bridged)


def test_pictures_that_last_are_next_to_each_other() -> None:
    """At ten pictures a second each covers two or three grid frames: every picture is listed."""
    assert _one_each(spans_of(range(30), _times(F(10), 30), F(10))).step == 1


def test_a_box_that_comes_twice_counts_once() -> None:
    boxes = np.array([[1, 2, 30, 40], [5, 2, 30, 40], [1, 2, 30, 40]], np.float32)
    faces = placed({3: (3, 4), 4: (4, 5)}, np.array([3, 3, 3]), boxes)
    assert faces.at(3).tolist() == [[1, 2, 30, 40], [5, 2, 30, 40]] and len(faces.at(4)) == 0


def test_they_travel_to_another_process() -> None:
    faces = _one_each({3: (3, 5), 8: (8, 9)})
    again = pickle.loads(pickle.dumps(faces))  # noqa: S301 - made here
    assert [again.at(frame).tolist() for frame in range(10)] == [faces.at(frame).tolist() for frame in range(10)]


def test_rows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="rows for all boxes"):
        GivenFaces(np.zeros(1, np.int32), np.ones(1, np.int32), np.zeros(2, np.int64), np.ones((1, 4), np.float32), 1)
