"""Spans of clips on the grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clips.spans import clip_spans, sounds_together
from pipeline.types import GRID_FPS, AttributedWord, Sentence, Word

ONE_SHOT = np.zeros(1, np.int32)
HALF_A_FRAME_S = 0.5 / GRID_FPS
TINY_S = 1e-6


def _sentences(*spans_s: tuple[float, float]) -> list[Sentence]:
    return [
        Sentence((AttributedWord(Word(" w", start_s, end_s), 0, 1),), 0, 1, 1.0, 1.0, None, 1.0)
        for start_s, end_s in spans_s
    ]


@pytest.mark.parametrize(
    ("spans_s", "shot_starts", "expected"),
    [
        ([(1.0, 2.0)], [0], [(22, 53)]),  # 3 frames of padding: 22..25 and 50..53
        ([(1.01, 1.99)], [0], [(22, 53)]),  # 1.01 - 0.12 = 0.89 s is in frame 22, 2.11 s in frame 52
        ([(0.05, 4.0)], [0], [(0, 100)]),  # never outside the video
        ([(1.0, 2.0), (2.08, 3.0)], [0], [(22, 51), (51, 78)]),  # the middle of the gap, 2.04 s
        ([(1.0, 2.0), (2.0, 3.0)], [0], [(22, 50), (50, 78)]),
        ([(1.0, 2.013), (2.013, 3.0)], [0], [(22, 50), (50, 78)]),  # no boundary in the gap: the nearest
        ([(1.0, 2.1), (1.9, 3.0)], [0], [(22, 53), (47, 78)]),  # at the same time: each keeps its own words
        ([(1.0, 2.0)], [0, 24, 51], [(24, 51)]),  # padding ends at a cut
        ([(1.0, 2.0)], [0, 30], [(22, 53)]),  # a cut inside the sentence does not part it
        ([(5.0, 6.0)], [0], [(100, 100)]),  # after the picture
        ([(3.9, 6.0)], [0], [(94, 100)]),
    ],
)
def test_spans(spans_s, shot_starts, expected) -> None:
    assert clip_spans(_sentences(*spans_s), np.array(shot_starts, np.int32), 100, 0.12) == expected


@st.composite
def turns(draw: st.DrawFn) -> list[tuple[float, float]]:
    time_s, spans_s = 0.0, []
    for _ in range(draw(st.integers(1, 12))):
        start_s = time_s + draw(st.sampled_from([0.0, 0.01, 0.03, 0.05, 0.2, 1.0]) | st.floats(0, 1))
        time_s = start_s + draw(st.floats(0.04, 2))
        spans_s.append((start_s, time_s))
    return spans_s


@pytest.mark.slow
@given(turns(), st.floats(0, 1), st.lists(st.integers(1, 600), max_size=5, unique=True))
def test_a_clip_holds_its_words_and_none_of_its_neighbours(spans_s, padding_s, cuts) -> None:
    frame_count = int(spans_s[-1][1] * GRID_FPS) + 20
    shot_starts = np.array([0, *sorted(cuts)], np.int32)
    spans = clip_spans(_sentences(*spans_s), shot_starts, frame_count, padding_s)
    for i, ((first, stop), (start_s, end_s)) in enumerate(zip(spans, spans_s, strict=True)):
        assert 0 <= first < stop <= frame_count
        assert first / GRID_FPS <= start_s + HALF_A_FRAME_S + TINY_S
        assert stop / GRID_FPS >= end_s - HALF_A_FRAME_S - TINY_S
        assert first / GRID_FPS >= start_s - padding_s - 2 * HALF_A_FRAME_S - TINY_S
        assert stop / GRID_FPS <= end_s + padding_s + 2 * HALF_A_FRAME_S + TINY_S
        for (other_first, other_stop), (other_start_s, other_end_s) in zip(spans[:i], spans_s[:i], strict=True):
            assert other_stop <= first
            gap_frames = int((start_s + TINY_S) * GRID_FPS) - int(np.ceil((other_end_s - TINY_S) * GRID_FPS))
            allowed_s = TINY_S if gap_frames >= 0 else HALF_A_FRAME_S + TINY_S
            assert first / GRID_FPS >= other_end_s - allowed_s
            assert other_stop / GRID_FPS <= start_s + allowed_s
            assert other_first < other_stop
            assert other_start_s < start_s


@pytest.mark.parametrize(
    ("spans_s", "together"),
    [
        ([(0, 1), (1, 2)], [False, False]),
        ([(0, 1.1), (1, 2), (3, 4)], [True, True, False]),
        ([(0, 9), (1, 2), (3, 4)], [True, True, True]),
        ([], []),
    ],
)
def test_sentences_that_sound_together(spans_s, together) -> None:
    assert sounds_together(_sentences(*spans_s)) == together
