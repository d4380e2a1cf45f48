"""Times of all pictures of a file, held against those of a decoder."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817
from pathlib import Path

import av
import pytest

from pipeline.errors import InputError
from pipeline.media.picture_times import picture_times
from pipeline.media.probe import probe
from tests.support.film import Film


def _decoded(path: Path) -> list[F]:
    with av.open(str(path)) as container:
        base = container.streams.video[0].time_base
        assert base is not None
        stamps = [frame.pts * base for frame in container.decode(video=0) if frame.pts is not None]
    return [stamp - stamps[0] for stamp in stamps]


@pytest.mark.parametrize(
    ("name", "rate", "zero_s", "options"),
    [
        ("a.mp4", F(25), F(0), {}),
        ("b.mp4", F(30000, 1001), F(0), {"preset": "medium", "bf": "3"}),
        ("c.mkv", F(60), F(3, 2), {}),
        ("d.mkv", F(12), F(0), {"preset": "medium", "bf": "2"}),
        ("e.avi", F(25), F(0), {}),
        ("f.ts", F(50), F(2), {}),
    ],
)
def test_each_picture_has_the_time_that_a_decoder_gives_it(film: Film, name: str, rate: F, zero_s: F, options) -> None:
    path = film.make(name, film.times(rate, 2, zero_s), 1 / rate, options=options)
    times = picture_times(probe(path))
    assert times[0] == 0 and len(times) == round(2 * rate)
    assert [float(time_s) for time_s in times] == pytest.approx([float(k / rate) for k in range(len(times))], abs=1e-3)
    assert list(times) == _decoded(path)


def test_pictures_of_a_variable_rate(film: Film) -> None:
    at = [F(k, 30) for k in range(30)] + [1 + F(k, 10) for k in range(10)]
    assert list(picture_times(probe(film.make("v.mp4", at, F(1, 10))))) == at


def test_pictures_without_times_have_the_average_rate(film: Film) -> None:
    film.make("a.mp4", film.times(F(25), 2))
    film.ffmpeg("-i", "a.mp4", "-c", "copy", "a.h264")
    times = picture_times(probe(film.folder / "a.h264"))
    assert len(times) == 50 and times[49] - times[48] == times[1]


def test_pictures_that_the_file_hides_do_not_count(film: Film) -> None:
    """An edit list begins in the middle of a group of pictures: a decoder drops those before it."""
    film.make("a.mp4", film.times(F(25), 4), options={"g": "50"})
    film.ffmpeg("-ss", "1.0", "-i", "a.mp4", "-c", "copy", "cut.mp4")
    path = film.folder / "cut.mp4"
    assert list(picture_times(probe(path))) == _decoded(path)


def test_a_file_that_has_gone_is_an_input_error(film: Film) -> None:
    path = film.make("a.mp4", film.times(F(25), 1))
    found = probe(path)
    path.unlink()
    with pytest.raises(InputError, match=r"a\.mp4"):
        picture_times(found)
