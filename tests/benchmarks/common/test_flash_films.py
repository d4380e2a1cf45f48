"""Films with flashes have their cuts and their light where they say."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.flash_films import KINDS, SHOT_FRAMES, SHOTS, SIZE_PX, Span, compose, write
from pipeline.media.decode import read_frames
from pipeline.media.encode import write_clip
from pipeline.media.probe import probe

LENGTH = SHOT_FRAMES[1] + 4
COLOURS = {"blue": 0, "green": 1, "red": 2, "grey": slice(None), "yellow": slice(1, None)}


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of each colour."""
    folder = tmp_path_factory.mktemp("footage")
    for name, channels in COLOURS.items():
        picture = np.full((48, 64, 3), 20, np.uint8)
        picture[..., channels] = 120
        write_clip(
            folder / f"{name}.mp4",
            [picture] * LENGTH,
            size_px=(64, 48),
            rate=Fraction(25),
            sound=np.zeros((16000, 1), np.int16),
            sound_rate_hz=16000,
            crf=10,
            preset="ultrafast",
        )
    return folder


SPANS = [Span(f"{name}.mp4", 2, LENGTH) for name in COLOURS]


def hue(picture: np.ndarray) -> tuple[bool, ...]:
    level = picture[10, 10].astype(float)
    return tuple((level > 0.7 * level.max()).tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_has_its_cuts_between_shots_and_other_light_where_it_says(footage, kind):
    plain, film = (compose(footage, SPANS, each, 3) for each in ("none", kind))
    assert len(film.cuts) == SHOTS - 1 and len(film.pictures) == len(film.lit)
    assert not plain.lit.any() and film.lit.any() == (kind != "none")
    edges = [0, *film.cuts, len(film.pictures)]
    for first, stop in itertools.pairwise(edges):
        unlit = [film.pictures[frame] for frame in range(first, stop) if not film.lit[frame]]
        assert len({hue(picture) for picture in unlit}) == 1
        lit = [film.pictures[frame] for frame in range(first, stop) if film.lit[frame]]
        assert all(picture.mean() > unlit[0].mean() + 1 for picture in lit)


def test_the_same_number_is_the_same_film_and_another_is_another(footage):
    films = [compose(footage, SPANS, "press", number) for number in (1, 1, 2)]
    assert films[0].cuts == films[1].cuts and np.array_equal(films[0].lit, films[1].lit)
    assert all(np.array_equal(*pair) for pair in zip(films[0].pictures, films[1].pictures, strict=True))
    assert films[0].cuts != films[2].cuts


def test_a_written_film_has_every_picture(footage, tmp_path):
    film = compose(footage, SPANS, "strobe", 0)
    write(film, tmp_path / "film.mp4")
    pictures = [picture.copy() for picture in read_frames(probe(tmp_path / "film.mp4"))]
    assert [picture.shape for picture in pictures] == [(SIZE_PX[1], SIZE_PX[0], 3)] * len(film.pictures)
    assert all(np.abs(a.mean() - b.mean()) < 6 for a, b in zip(pictures, film.pictures, strict=True))
