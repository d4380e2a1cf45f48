from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talknet.windows import DURATIONS_S, block_spans, frame_places, sound_places, windows


@pytest.mark.parametrize("frames", [1, 25, 40, 149, 150, 1500])
def test_every_frame_is_in_one_window_of_each_duration(frames: int) -> None:
    seen = np.zeros(frames, int)
    for group in windows([frames]):
        for window in group:
            seen[window.start : window.start + window.length] += window.weight
    assert (seen == len(DURATIONS_S)).all()


def test_windows_of_a_group_have_one_length() -> None:
    groups = windows([40, 183, 40])
    assert [len({window.length for window in group}) for group in groups] == [1] * len(groups)
    assert len({group[0].length for group in groups}) == len(groups)


def test_a_short_track_is_scored_once() -> None:
    # 20 frames are the only window of all six durations
    [[window]] = windows([20])
    assert (window.start, window.length, window.weight) == (0, 20, 6)


def test_a_track_is_cut_into_minutes() -> None:
    assert list(block_spans(3000)) == [(0, 1500), (1500, 3000)]


@pytest.mark.slow
@given(
    block_frames=st.lists(st.integers(1, 200), min_size=1, max_size=3),
    reach=st.sampled_from([2, 6, 9]),
)
def test_a_window_reads_frames_whose_surroundings_are_its_own(block_frames: list[int], reach: int) -> None:
    # An embedding that is the set of frames it depends on: whole ones know the block, cut ones their second.
    def embedded(frames: int, whole: bool) -> list[frozenset[int]]:
        spans = [(0, frames) if whole else (i // 25 * 25, min(frames, i // 25 * 25 + 25)) for i in range(frames)]
        return [
            frozenset(range(max(first, i - reach), min(last, i + reach + 1)))
            for i, (first, last) in zip(range(frames), spans, strict=True)
        ]

    stored = [
        (block, seen) for block, n in enumerate(block_frames) for whole in (True, False) for seen in embedded(n, whole)
    ]
    for group in windows(block_frames):
        for window, places in zip(group, frame_places(group, block_frames, reach), strict=True):
            stop = window.start + window.length
            for frame, place in zip(range(window.start, stop), places, strict=True):
                wanted = frozenset(range(max(window.start, frame - reach), min(stop, frame + reach + 1)))
                assert stored[place] == (window.block, wanted)


def test_sound_lies_at_four_rows_a_frame() -> None:
    groups = windows([30, 26])
    for group in groups:
        for window, places in zip(group, sound_places(group, [30, 26], 4), strict=True):
            first = 4 * (30 * window.block + window.start)
            np.testing.assert_array_equal(places, np.arange(first, first + 4 * window.length))
