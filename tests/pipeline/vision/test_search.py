"""Where faces are looked for between planned frames, and where not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from pipeline.vision.search import FaceSearch, interpolates

NONE = np.zeros((0, 4), np.float32)


def square(x: float, side: float = 100.0) -> np.ndarray:
    return np.array([[x, 0, x + side, side]], np.float32)


class Watched:
    """Finds what *faces_of* says, and notes on which frames it was asked."""

    def __init__(self, faces_of: Callable[[int], np.ndarray]) -> None:
        self._faces_of = faces_of
        self.calls: list[list[int]] = []

    def __call__(self, frames: Sequence[int]) -> list[np.ndarray]:
        self.calls.append(list(frames))
        return [self._faces_of(frame) for frame in frames]

    @property
    def asked(self) -> list[int]:
        return sorted(frame for call in self.calls for frame in call)


def searched(faces_of: Callable[[int], np.ndarray], *parts: Sequence[int], cuts: Sequence[int] = (0,)) -> Watched:
    watched = Watched(faces_of)
    search = FaceSearch(watched, 0.5)
    seen = [row for part in parts for row in search.run([(frame, frame in cuts) for frame in part])]
    assert [frame for frame, _, _ in seen] == watched.asked
    assert [frame for frame, begins, _ in seen if begins] == list(cuts)
    assert all(np.array_equal(boxes, faces_of(frame)) for frame, _, boxes in seen)
    return watched


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (square(0), square(0), True),
        (square(0), square(25), True),  # a quarter of the side
        (square(0), square(26), False),
        (square(0), square(-12, 124), True),  # sides differ by 24; a quarter of their mean is 28
        (square(0), square(-20, 140), False),  # by 40; a quarter is 30
        (square(0), NONE, False),
        (NONE, square(0), False),
        (NONE, NONE, True),
        (np.vstack([square(0), square(300)]), np.vstack([square(300), square(0)]), True),
        (np.vstack([square(0), square(300)]), np.vstack([square(0), square(340)]), False),
        (square(0), square(500), False),
    ],
)
def test_what_may_be_interpolated(before, after, expected):
    assert interpolates(before, after, 0.5) is expected


def test_a_still_face_is_looked_at_where_planned_and_nowhere_else():
    assert searched(lambda _: square(0), [0, 5, 10], [15, 20]).asked == [0, 5, 10, 15, 20]


def test_an_empty_picture_is_not_looked_at_again():
    assert searched(lambda _: NONE, [0, 5, 10]).asked == [0, 5, 10]


@pytest.mark.parametrize(
    ("begin", "extra"), [(11, [11, 12]), (12, [11, 12]), (13, [12, 13]), (14, [12, 13, 14]), (15, [12, 13, 14])]
)
def test_a_face_that_appears_costs_a_few_looks_more(begin, extra):
    asked = searched(lambda frame: square(0) if frame >= begin else NONE, [0, 5, 10, 15, 20]).asked
    assert [frame for frame in asked if frame % 5] == extra


def test_a_fast_face_is_looked_at_until_each_step_is_small():
    # 10 pixels a frame are 50 in 5 frames, 20 or 30 in the halves: too far, near enough, too far.
    assert searched(lambda frame: square(10 * frame), [0, 5]).asked == [0, 2, 3, 5]


def test_what_was_seen_last_counts_for_the_next_call():
    together = searched(lambda frame: square(10 * frame), [0, 5, 10])
    apart = searched(lambda frame: square(10 * frame), [0], [5], [10])
    assert together.asked == apart.asked


def test_one_call_asks_for_the_middles_of_all_doubtful_spans_together():
    watched = searched(lambda frame: square(100 * (frame // 5)), [0, 5, 10])
    assert watched.calls[:2] == [[0, 5, 10], [2, 7]]


def test_nothing_is_looked_for_between_two_shots():
    # Frame 8 is the last of its shot; a gap before frame 12 is not one that a straight line could fill.
    assert searched(lambda frame: square(0 if frame < 12 else 500), [0, 4, 8, 12, 16], cuts=(0, 12)).asked == [
        *(0, 4, 8, 12, 16)
    ]


def test_nothing_planned_is_nothing_done():
    assert searched(lambda _: NONE, [], cuts=()).calls == []
