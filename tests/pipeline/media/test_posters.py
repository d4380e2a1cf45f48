"""Single pictures for people to look at."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.media import posters as module
from pipeline.media.posters import clip_poster, jpeg, pictures_at
from pipeline.media.probe import probe
from tests.support.film import Film

DARK, FLAT = np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 120, np.uint8)


def _clip(film: Film, *pictures: np.ndarray) -> Path:
    return film.make("clip.mp4", film.times(Fraction(25), len(pictures) / 25), pictures=pictures)


def _decoded(poster: bytes | None) -> np.ndarray:
    assert poster is not None
    picture = cv2.imdecode(np.frombuffer(poster, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture


def test_the_first_lit_frame_is_the_poster(film: Film) -> None:
    path = _clip(film, DARK, FLAT, DARK, film.coded(0b10101010), film.coded(0b11110000))
    assert film.number(_decoded(clip_poster(path))) == 0b10101010


def test_frames_before_the_first_wanted_are_passed_over(film: Film) -> None:
    path = _clip(film, film.coded(0b10101010), film.coded(0b11110000), film.coded(0b11001100))
    assert film.number(_decoded(clip_poster(path, 1))) == 0b11110000
    assert clip_poster(path, 3) is None


def test_of_dark_frames_the_brightest(film: Film) -> None:
    path = _clip(film, DARK, DARK + 20, DARK)
    assert _decoded(clip_poster(path)).mean() == pytest.approx(20, abs=4)


def test_a_poster_is_small(film: Film) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    picture = _decoded(clip_poster(_clip(film, cv2.GaussianBlur(noise, (0, 0), 9) * 2)))
    assert picture.shape == (84, 112, 3)


@pytest.mark.parametrize("content", [None, b"", b"nothing of the kind"])
def test_no_poster_of_what_is_no_clip(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    assert clip_poster(path) is None


def test_wanted_frames_are_given_once_and_in_order(film: Film) -> None:
    path = film.make("video.mp4", film.times(Fraction(25), 8), options={"g": "25"})
    found = [(frame, film.number(picture)) for frame, picture in pictures_at(probe(path), [190, 3, 100, 3, 101])]
    assert found == [(3, 3), (100, 100), (101, 101), (190, 190)]


def test_little_more_than_the_wanted_frames_is_read(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = []

    def read(source, first: int, stop: int):
        spans.append((first, stop))
        yield from (DARK for _ in range(stop - first))

    monkeypatch.setattr(module, "read_frames", read)
    path = film.make("video.mp4", film.times(Fraction(25), 0.2))
    assert [frame for frame, _ in pictures_at(probe(path), [10, 60, 500])] == [10, 60, 500]
    assert spans == [(10, 61), (500, 501)]


def test_frames_beyond_the_end_are_left_out(film: Film) -> None:
    path = film.make("video.mp4", film.times(Fraction(25), 1))
    assert [frame for frame, _ in pictures_at(probe(path), [24, 25, 900])] == [24]


def test_a_file_that_has_gone(film: Film) -> None:
    path = film.make("video.mp4", film.times(Fraction(25), 1))
    known = probe(path)
    path.unlink()
    with pytest.raises(InputError, match=r"video\.mp4"):
        list(pictures_at(known, [3]))


def test_jpeg_comes_back() -> None:
    np.testing.assert_allclose(_decoded(jpeg(FLAT, 90)), FLAT, atol=2)
