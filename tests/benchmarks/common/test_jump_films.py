"""Films with jump cuts jump where they say, and disturbed films are as long as they should be."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common import uncut_films
from benchmarks.common.flash_films import Span
from benchmarks.common.jump_films import PIECE_FRAMES, REMOVED_S, WIDTH_PX, compose, write
from pipeline.media.decode import read_frames
from pipeline.media.encode import write_clip
from pipeline.media.probe import probe
from pipeline.types import GRID_FPS

SPAN = Span("ramp.mp4", 5, 155)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of one grey, which becomes lighter by a level a frame."""
    folder = tmp_path_factory.mktemp("footage")
    write_clip(
        folder / "ramp.mp4",
        [np.full((48, 64, 3), 40 + frame, np.uint8) for frame in range(160)],
        size_px=(64, 48),
        rate=Fraction(25),
        sound=np.zeros((6400, 1), np.int16),
        sound_rate_hz=16000,
        crf=5,
        preset="veryfast",
    )
    return folder


def test_a_jump_takes_out_as_much_as_it_says(footage):
    film = compose(footage, SPAN, 0)
    levels = np.array([picture.mean() for picture in film.pictures])
    jumps = {jump.frame: jump.removed_s for jump in film.jumps}
    steps = np.abs(np.diff(levels, prepend=levels[0]))
    assert jumps and set(jumps.values()) <= set(REMOVED_S)
    assert set(np.flatnonzero(steps > 4).tolist()) == set(jumps)
    for frame, removed_s in jumps.items():
        assert steps[frame] == pytest.approx(removed_s * GRID_FPS, abs=3)
    edges = [0, *jumps, len(levels)]
    assert all(PIECE_FRAMES[0] <= b - a < PIECE_FRAMES[1] for a, b in itertools.pairwise(edges))


def test_a_film_is_composed_the_same_again_and_others_differ(footage):
    assert compose(footage, SPAN, 1).jumps == compose(footage, SPAN, 1).jumps
    assert compose(footage, SPAN, 1).jumps != compose(footage, SPAN, 3).jumps


def test_a_written_film_is_read_again(footage, tmp_path):
    film = compose(footage, SPAN, 0)
    write(film.pictures, tmp_path / "film.mp4", film.crf)
    read = [picture.mean() for picture in read_frames(probe(tmp_path / "film.mp4"))]
    assert read == pytest.approx([picture.mean() for picture in film.pictures], abs=6)


@pytest.mark.parametrize("kind", uncut_films.KINDS)
def test_a_film_without_cuts_lasts_as_long_as_its_shot_and_is_disturbed(footage, kind):
    pictures, crf = uncut_films.compose(footage, SPAN, kind)
    frames = SPAN.stop - SPAN.first
    assert {picture.shape for picture in pictures} == {(288, WIDTH_PX, 3)} and 0 < crf <= 36
    assert 0.8 * frames < len(pictures) < frames if kind == "dropped" else len(pictures) == frames
    if kind in uncut_films.ORDERS or kind in uncut_films.CHANGES:
        steps = np.diff([picture.mean() for picture in pictures])
        assert (np.abs(steps - 1) > 0.5).any()
