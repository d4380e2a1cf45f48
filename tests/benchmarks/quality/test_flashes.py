"""The benchmark of flashes counts each cut once, and everything else as false."""

from __future__ import annotations

import pytest

from benchmarks.quality.flashes import NEAR_FRAMES, judged


@pytest.mark.parametrize(
    ("starts", "found_missed_false"),
    [
        ([40, 80], (2, 0, 0)),
        ([40 - NEAR_FRAMES, 80 + NEAR_FRAMES], (2, 0, 0)),
        ([40 + NEAR_FRAMES + 1, 80], (1, 1, 1)),
        ([40, 42, 60], (1, 1, 2)),
        ([], (0, 2, 0)),
    ],
)
def test_a_start_is_taken_for_one_cut(starts, found_missed_false):
    assert judged((40, 80), starts) == found_missed_false
