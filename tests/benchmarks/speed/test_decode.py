"""Decoding into the ring: every frame arrives, and ratios are those within a round."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed.decode import line, ring_decoder
from pipeline.machine import core_count
from tests.support.film import Film


def test_ratios_are_those_within_a_round() -> None:
    rates = {"ring": [90.0, 180.0, 30.0], "pyav": [100.0, 200.0, 25.0], "ffmpeg": [180.0, 180.0, 300.0]}
    told = line(rates, 2, 50)
    assert (told["decode_ratio"], told["ring_by_ffmpeg"]) == (0.9, 0.5)
    assert (told["ring_frames_per_s"], told["pyav_frames_per_s"], told["runs"]) == (90.0, 100.0, 3)


@pytest.mark.slow
def test_every_frame_of_every_video_comes_through_the_ring(tmp_path: Path) -> None:
    film = Film(tmp_path)
    sound = [(Fraction(0), film.tone(16_000, 3))]
    video = film.make("a.mkv", film.times(Fraction(25), 3), sound=sound)
    small = film.make(
        "b.mkv", film.times(Fraction(25), 1), pictures=[np.zeros((64, 48, 3), np.uint8)] * 25, sound=sound
    )
    with ring_decoder(1, tmp_path) as into_ring:
        assert [into_ring(each)[0] for each in (video, small, video)] == [75, 25, 75]
    assert not list(tmp_path.glob("*.pcm"))


def test_threads_that_no_run_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="threads"), ring_decoder(core_count() + 1, tmp_path):
        pass
