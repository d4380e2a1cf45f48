"""Frames of clips against frames of the grid."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.framing.clock import (
    certainly_before,
    certainly_from,
    clip_rate,
    frames_within,
    grid_span,
    on_grid_scale,
)

RATES = st.sampled_from([Fraction(r) for r in (12, 25, 30, 50, 60)] + [Fraction(24000, 1001), Fraction(60000, 1001)])


@pytest.mark.parametrize(
    ("source", "wanted", "rate"),
    [
        (Fraction(30), "grid", Fraction(25)),
        (Fraction(30), "source", Fraction(30)),
        (Fraction(29_970_030, 1_000_000), "source", Fraction(30000, 1001)),  # an average that a file gives
        (Fraction(90_000), "source", Fraction(25)),
        (Fraction(0), "source", Fraction(25)),
    ],
)
def test_the_rate_of_clips(source: Fraction, wanted: str, rate: Fraction) -> None:
    assert clip_rate(source, wanted) == rate


@given(st.integers(0, 10_000))
def test_at_the_grids_own_rate_nothing_is_left_open(frame: int) -> None:
    rate = Fraction(25)
    assert certainly_from(frame, rate) == certainly_before(frame, rate) == frames_within(frame, rate) == frame
    assert grid_span(frame, frame + 3, rate, 20_000) == (frame, frame + 3)
    np.testing.assert_allclose(on_grid_scale(frame, frame + 2, rate), [frame, frame + 1], atol=1e-9)


@given(st.integers(1, 10_000), RATES)
def test_what_is_certain_is(cut: int, rate: Fraction) -> None:
    """The last grid frame before a cut shows (cut - 1/2) / 25 s, the first after it (cut + 1/2) / 25 s."""
    half = Fraction(1, 2)
    before, after = (cut - half) / 25, (cut + half) / 25
    old, new = certainly_before(cut, rate) - 1, certainly_from(cut, rate)
    assert (old + half) / rate <= before < (old + 1 + half) / rate
    assert (new - 1 + half) / rate < after <= (new + half) / rate


@given(st.integers(0, 1000), st.integers(1, 50), RATES)
def test_the_grid_frames_of_a_clip_hold_its_instants(first: int, count: int, rate: Fraction) -> None:
    begin, end = grid_span(first, first + count, rate, 100_000)
    assert Fraction(begin, 25) <= first / rate
    assert Fraction(end, 25) >= (first + count) / rate
    assert grid_span(first, first + count, rate, 1) == (0, 1)
