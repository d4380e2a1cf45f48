from __future__ import annotations

import mmap
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.executors.local.ring import Ring
from pipeline.executors.picture_format import MAX_FRAMES, fit
from pipeline.types import Probe


def probe(width: int, height: int) -> Probe:
    return Probe(Path("/v.mp4"), "mp4", 1.0, width, height, Fraction(25), 0, Fraction(0), 48000, 2)


class TestFit:
    def test_a_picture_that_fits_keeps_its_size(self) -> None:
        form = fit(probe(1920, 1080), 256 << 20, 40)
        assert (form.width_px, form.height_px, form.scale) == (1920, 1080, 1.0)
        assert form.capacity == (256 << 20) // (1920 * 1080 * 3) == 43

    def test_small_pictures_are_not_decoded_far_ahead(self) -> None:
        assert fit(probe(16, 16), 256 << 20, 40).capacity == MAX_FRAMES

    @given(st.integers(1, 9000), st.integers(1, 9000), st.integers(1, 300), st.integers(16, 512))
    def test_what_must_fit_does_and_the_shape_is_kept(self, width: int, height: int, least: int, mib: int) -> None:
        form = fit(probe(width, height), mib << 20, least)
        assert form.capacity >= least
        assert form.capacity * form.frame_bytes <= mib << 20
        assert form.width_px <= width and form.height_px <= height
        assert form.scale == pytest.approx(width / form.width_px)
        if form.scale > 1 and min(form.width_px, form.height_px) > 20:
            assert form.width_px / form.height_px == pytest.approx(width / height, rel=0.1)

    def test_a_ring_too_small_for_anything_is_refused(self) -> None:
        with pytest.raises(ValueError, match="room for 40 pictures"):
            fit(probe(64, 64), 100, 40)


class TestRing:
    def test_frames_come_round_to_the_same_place(self) -> None:
        form = fit(probe(8, 4), 10 * 96, 10)
        ring = Ring(mmap.mmap(-1, 10 * 96))
        ring.pictures(form, 3, 2)[:] = 7
        assert (ring.pictures(form, 13, 2) == 7).all()
        assert not ring.pictures(form, 5, 5).any()
        assert ring.pictures(form, 0, 10).shape == (10, 4, 8, 3)

    def test_a_span_past_the_end_is_refused(self) -> None:
        form = fit(probe(8, 4), 10 * 96, 10)
        with pytest.raises(ValueError, match="at most 2 frames from 8"):
            Ring(mmap.mmap(-1, 10 * 96)).pictures(form, 8, 3)

    def test_it_is_the_memory_itself(self) -> None:
        memory = mmap.mmap(-1, 960)
        form = fit(probe(8, 4), 960, 10)
        Ring(memory).pictures(form, 1, 1)[:] = 255
        assert np.frombuffer(memory, np.uint8).sum() == 96 * 255
