from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.speech.packing import PackedWindow, pack

LONGEST = 30 * 16_000
PAUSE = 2 * 16_000


@st.composite
def _spans(draw: st.DrawFn, most: int = 40) -> np.ndarray:
    """Regions of at most 30 s with pauses between them, some without."""
    lengths = draw(st.lists(st.tuples(st.integers(0, 5 * 16_000), st.integers(1, LONGEST)), max_size=most))
    flat = np.cumsum([length for pair in lengths for length in pair], dtype=np.int64)
    return flat.reshape(-1, 2)


def _seconds(*pairs: tuple[float, float]) -> np.ndarray:
    return (np.array(pairs) * 16_000).astype(np.int64)


def test_short_pauses_are_kept_and_long_ones_left_out() -> None:
    spans = _seconds((1, 2), (3, 4), (10, 12))
    assert pack(spans, LONGEST, PAUSE) == [PackedWindow(((16_000, 64_000), (160_000, 192_000)))]


def test_windows_part_at_the_widest_pause() -> None:
    spans = _seconds((0, 10), (10.5, 18), (19.5, 25), (25.5, 40))
    assert [window.pieces for window in pack(spans, LONGEST, PAUSE)] == [
        ((0, 18 * 16_000),),
        ((312_000, 40 * 16_000),),
    ]


def test_a_wider_pause_is_no_reason_for_another_window() -> None:
    spans = _seconds((0, 10), (15, 25))
    assert len(pack(spans, LONGEST, PAUSE)) == 1


def test_nothing_is_packed_into_nothing() -> None:
    assert pack(np.zeros((0, 2), np.int64), LONGEST, PAUSE) == []


@pytest.mark.slow
@settings(deadline=None)
@given(_spans())
def test_every_region_lies_whole_and_once_in_a_window_of_30_s_at_most(spans: np.ndarray) -> None:
    windows = pack(spans, LONGEST, PAUSE)
    pieces = [piece for window in windows for piece in window.pieces]
    holders = [[index for index, (a, b) in enumerate(pieces) if a <= start and end <= b] for start, end in spans]
    assert all(len(holder) == 1 for holder in holders)
    assert sorted({holder[0] for holder in holders}) == list(range(len(pieces)))
    assert all(window.sample_count <= LONGEST for window in windows)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(pieces))


@settings(deadline=None)
@given(_spans())
def test_no_pause_is_heard_that_is_too_long(spans: np.ndarray) -> None:
    spoken = np.zeros(0 if not len(spans) else spans[-1, 1] // 16 + 1, bool)
    for start, end in spans // 16:
        spoken[start : end + 1] = True
    for window in pack(spans, LONGEST, PAUSE):
        for start, end in window.pieces:
            silent = np.diff(np.flatnonzero(spoken[start // 16 : end // 16 + 1]))
            assert (silent <= PAUSE // 16 + 2).all()


def _fewest(spans: np.ndarray) -> int:
    """Windows of a packing that puts into each as much as it takes."""
    count, length, before = 0, LONGEST, None
    for start, end in spans.tolist():
        pause = 0 if before is None or start - before > PAUSE else start - before
        if not count or length + pause + end - start > LONGEST:
            count, length = count + 1, end - start
        else:
            length += pause + end - start
        before = end
    return count


@settings(deadline=None)
@given(_spans())
def test_no_other_packing_has_fewer_windows(spans: np.ndarray) -> None:
    assert len(pack(spans, LONGEST, PAUSE)) == _fewest(spans)


@pytest.mark.slow
@settings(deadline=None)
@given(_spans(8).filter(len), st.data())
def test_times_inside_a_piece_map_back_exactly(spans: np.ndarray, data: st.DataObject) -> None:
    for window in pack(spans, LONGEST, PAUSE):
        begins = np.cumsum([0, *(end - start for start, end in window.pieces)])
        place = data.draw(st.integers(0, len(window.pieces) - 1))
        start, end = window.pieces[place]
        first, last = sorted(data.draw(st.tuples(st.integers(start, end - 1), st.integers(start, end - 1))))
        inside = np.array([[first, last]]) - start + begins[place]
        np.testing.assert_allclose(window.on_recording(inside / 16_000) * 16_000, [[first, last]], atol=1e-3)


@pytest.mark.slow
@settings(deadline=None)
@given(_spans(8).filter(len), st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_words_keep_their_order_and_lie_inside_one_piece(spans: np.ndarray, places: list[float]) -> None:
    for window in pack(spans, LONGEST, PAUSE):
        borders_s = np.sort(places) * window.sample_count / 16_000
        found = window.on_recording(np.stack([borders_s[:-1], borders_s[1:]], axis=1))
        assert (np.diff(found.ravel()) >= -1e-9).all()
        pieces_s = np.array(window.pieces) / 16_000
        for start_s, end_s in found:
            assert any(a - 1e-9 <= start_s and end_s <= b + 1e-9 for a, b in pieces_s)


@pytest.mark.parametrize(
    ("word_s", "expected_s"),
    [
        ((0.5, 1.25), (10.5, 11.0)),  # 0.5 s before the first pause, 0.25 s after it
        ((0.9, 1.4), (15.0, 15.4)),
        ((0.9, 2.5), (20.0, 21.0)),  # over the whole piece of half a second
        ((1.0, 1.0), (15.0, 15.0)),  # without length: what follows
    ],
)
def test_a_word_over_a_border_is_given_to_the_piece_that_holds_most_of_it(
    word_s: tuple[float, float], expected_s: tuple[float, float]
) -> None:
    pieces_s = ((10, 11), (15, 15.5), (20, 22))
    window = PackedWindow(tuple((round(start * 16_000), round(end * 16_000)) for start, end in pieces_s))
    assert window.on_recording(np.array([word_s])).tolist()[0] == pytest.approx(expected_s)


def test_regions_are_placed_in_their_window() -> None:
    spans = _seconds((1, 2), (3, 4), (10, 12), (50, 60))
    window = PackedWindow(((16_000, 64_000), (160_000, 192_000)))
    assert window.speech_s(spans).tolist() == [[0, 1], [2, 3], [3, 5]]


@pytest.mark.slow
@settings(deadline=None)
@given(_spans())
def test_placed_regions_map_back_to_themselves(spans: np.ndarray) -> None:
    windows = pack(spans, LONGEST, PAUSE)
    mapped = [window.on_recording(window.speech_s(spans)) * 16_000 for window in windows]
    np.testing.assert_allclose(np.concatenate([np.zeros((0, 2)), *mapped]), spans, atol=1e-3)
