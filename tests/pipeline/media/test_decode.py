"""Pictures on the 25 fps grid."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.media import decode
from pipeline.media.decode import SpanReader, on_grid, read_frames
from pipeline.media.probe import probe

F = Fraction
RATES = (F(12), F(24000, 1001), F(25), F(30000, 1001), F(50), F(60))


def _numbers(film: Any, path: Path, *span: Any, **options: Any) -> list[int]:
    return [film.number(picture) for picture in read_frames(probe(path), *span, **options)]


def _on_screen(times_s: list[Fraction], count: int) -> list[int]:
    """Number of the last source frame that began by the middle of each grid frame."""
    middles = [F(2 * i + 1, 50) for i in range(count)]
    return [max(k for k, at in enumerate(times_s) if at <= middle) for middle in middles]


@pytest.mark.parametrize(
    ("timed", "wanted"),
    [
        ([], []),
        # 25 fps: one to one.
        ([(F(k, 25), F(1, 25)) for k in range(4)], [(0, 0), (1, 1), (2, 2), (3, 3)]),
        # 50 fps: middles are at 1/50, 3/50, where the odd frames begin.
        ([(F(k, 50), F(1, 50)) for k in range(6)], [(0, 1), (1, 3), (2, 5)]),
        # 12.5 fps: each twice.
        ([(F(k * 2, 25), F(2, 25)) for k in range(2)], [(0, 0), (1, 0), (2, 1), (3, 1)]),
        # A frame stays until the next one, whatever duration it claims.
        ([(F(0), F(1, 100)), (F(3, 25), F(1, 25))], [(0, 0), (1, 0), (2, 0), (3, 1)]),
        # Half-open: a frame that ends in the middle of a grid frame does not cover it.
        ([(F(0), F(1, 50))], []),
        ([(F(0), F(1, 50) + F(1, 1000))], [(0, 0)]),
        # Begun at 0.1 s, as after a seek: 0.1 is the middle of frame 2.
        ([(F(1, 10), F(1, 25))], [(2, 0)]),
        # Before zero: its part before zero is left out.
        ([(F(-1, 25), F(1, 25)), (F(0), F(1, 25))], [(0, 1)]),
        # One that is not later than the one before takes its place.
        ([(F(0), F(1, 25)), (F(0), F(1, 25)), (F(1, 25), F(1, 25))], [(0, 1), (1, 2)]),
        ([(F(0), F(1, 25)), (F(1, 25), F(1, 25)), (F(0), F(1, 25)), (F(2, 25), F(1, 25))], [(0, 0), (1, 2), (2, 3)]),
    ],
)
def test_on_grid_by_table(timed: list[tuple[Fraction, Fraction]], wanted: list[tuple[int, int]]) -> None:
    assert list(on_grid((at, duration, k) for k, (at, duration) in enumerate(timed))) == wanted


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=40),
    st.integers(0, 3000),
    st.sampled_from([10, 24, 25, 30]),
)
def test_each_grid_frame_shows_what_is_on_screen_in_its_middle(lasting_ms: list[int], start_ms: int, rate: int) -> None:
    ends = list(itertools.accumulate(lasting_ms, initial=start_ms))
    spans = [(F(start, 1000), F(end, 1000)) for start, end in itertools.pairwise(ends)]
    shown = list(on_grid(((start, end - start, k) for k, (start, end) in enumerate(spans)), rate))
    middles = [(i, (i + F(1, 2)) / rate) for i in range(ends[-1] * rate // 1000 + 2)]
    wanted = [(i, k) for i, at in middles for k, (start, end) in enumerate(spans) if start <= at < end]
    assert shown == wanted


@given(st.lists(st.tuples(st.integers(-500, 4000), st.integers(0, 200)), max_size=40))
def test_the_grid_has_no_gap_whatever_the_timestamps(stamps_ms: list[tuple[int, int]]) -> None:
    timed = ((F(at, 1000), F(lasting, 1000), k) for k, (at, lasting) in enumerate(stamps_ms))
    indices = [index for index, _ in on_grid(timed)]
    assert not indices or indices == list(range(indices[0], indices[-1] + 1))


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_source_rates(film: Any, rate: Fraction) -> None:
    times_s = film.times(rate, 2)
    path = film.make("v.mp4", times_s, 1 / rate)
    end_s = len(times_s) / rate
    count = sum(1 for i in range(60) if F(2 * i + 1, 50) < end_s)
    assert _numbers(film, path) == _on_screen(times_s, count)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.mov", "v.ts"])
def test_frame_rate_that_drops_midway(film: Any, name: str) -> None:
    """30 fps for two seconds, then 10 fps for two."""
    times_s = [F(k, 30) for k in range(60)] + [2 + F(k, 10) for k in range(20)]
    numbers = _numbers(film, film.make(name, times_s, F(1, 10)))
    # MPEG-TS does not say how long the last frame lasts: the average frame is taken.
    assert abs(len(numbers) - 100) <= (0 if name != "v.ts" else 2)
    for i, number in enumerate(numbers):
        assert times_s[number] - F(1, 1000) <= F(2 * i + 1, 50)
        assert number + 1 == len(times_s) or times_s[number + 1] + F(1, 1000) > F(2 * i + 1, 50)


@pytest.mark.parametrize("name", ["v.mkv", "v.ts", "v.mp4"])
def test_picture_that_begins_later_than_the_file(film: Any, name: str) -> None:
    zero_s = F(3, 2)
    times_s = film.times(F(25), 1, zero_s)
    path = film.make(name, times_s, sound=[(F(0), film.tone(48000, 2))], sound_rate_hz=48000, sound_codec="aac")
    assert _numbers(film, path) == list(range(25))


def test_pictures_out_of_decoding_order(film: Any) -> None:
    options = {"preset": "medium", "bf": "3", "g": "20", "x264-params": "b-adapt=0:open-gop=1"}
    path = film.make("v.mp4", film.times(F(25), 3), options=options)
    assert _numbers(film, path) == list(range(75))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts", "v.avi"])
@pytest.mark.parametrize("options", [{"g": "12"}, {"g": "250"}, {"preset": "medium", "g": "20", "bf": "3"}], ids=str)
def test_a_span_is_the_slice_of_the_whole(film: Any, name: str, options: dict[str, str]) -> None:
    rate = F(25) if name == "v.avi" else F(30000, 1001)
    path = film.make(name, film.times(rate, 4), 1 / rate, options=options)
    whole = _numbers(film, path)
    assert len(set(whole)) > 90
    for first, stop in ((0, 5), (1, 2), (37, 40), (60, 90), (95, None), (99, 300)):
        assert _numbers(film, path, first, stop) == whole[first:stop], (first, stop)


def test_a_span_of_a_video_with_a_long_still(film: Any) -> None:
    times_s = [F(k, 25) for k in range(10)] + [F(10), F(251, 25)]
    path = film.make("v.mp4", times_s)
    assert _numbers(film, path, 200, 204) == [9] * 4
    assert _numbers(film, path, 249, 252) == [9, 10, 11]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spans", "opened"),
    [
        ([(0, 10), (10, 20), (25, 40)], 1),  # one after the other
        ([(5, 20), (15, 30), (29, 31)], 3),  # back a little
        ([(0, 5), (300, 310)], 2),  # far ahead
        ([(30, 40), (0, 10), (240, 400), (12, 20)], 3),  # past the end, which closes the file
        ([(7, 7), (7, 9), (9, 8)], 1),
    ],
)
def test_spans_in_any_order_are_slices_of_the_whole(
    film: Any, monkeypatch: pytest.MonkeyPatch, spans: list[tuple[int, int]], opened: int
) -> None:
    """And those that follow one another are read in one go."""
    path = film.make("v.mp4", film.times(F(25), 13), options={"g": "100"})
    whole = _numbers(film, path)
    begun: list[int] = []
    real = decode._read_from
    monkeypatch.setattr(decode, "_read_from", lambda *args: (begun.append(args[1]), real(*args))[1])
    reader = SpanReader(probe(path))
    for first, stop in spans:
        assert [film.number(picture) for picture in reader.read(first, stop)] == whole[first:stop]
    reader.close()
    assert len(begun) == opened


def test_a_span_that_is_given_up_harms_no_other(film: Any) -> None:
    path = film.make("v.mp4", film.times(F(25), 3))
    whole = _numbers(film, path)
    reader = SpanReader(probe(path))
    for first in (0, 20, 10):
        pictures = reader.read(first, first + 10)
        assert film.number(next(pictures)) == whole[first]
        del pictures
        assert [film.number(picture) for picture in reader.read(first + 5, first + 10)] == whole[first + 5 : first + 10]


def test_spans_of_a_file_that_changes(film: Any) -> None:
    path = film.make("v.mp4", film.times(F(25), 3))
    reader = SpanReader(probe(path))
    assert len(list(reader.read(0, 10))) == 10
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(InputError, match="changed"):
        list(reader.read(10, 20))


def test_a_span_after_the_end_is_empty(film: Any) -> None:
    assert _numbers(film, film.make("v.mp4", film.times(F(25), 1)), 400, 410) == []


@pytest.mark.parametrize("first", [0, 30])
def test_an_empty_span_is_empty(film: Any, first: int) -> None:
    assert _numbers(film, film.make("v.mp4", film.times(F(25), 2)), first, first) == []


def test_threads_change_nothing(film: Any) -> None:
    path = film.make("v.mp4", film.times(F(25), 2), options={"preset": "medium", "bf": "3"})
    assert _numbers(film, path, threads=2) == _numbers(film, path, threads=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["kennedy_wav2lip.mp4", "retalking_face3.mp4", "syncnet_example.avi", "latentsync_demo1.mp4"]
)
def test_a_span_of_real_footage_is_the_slice_of_the_whole(shared: Path, name: str) -> None:
    source = probe(shared / "videos" / name)
    stop = min(80, source.frame_count)
    wanted = [picture.copy() for picture in read_frames(source, 0, stop, size_px=(64, 48))][stop - 12 :]
    got = [picture.copy() for picture in read_frames(source, stop - 12, stop, size_px=(64, 48))]
    np.testing.assert_array_equal(got, wanted)


def _corner(width: int, height: int) -> np.ndarray:
    picture = np.full((height, width, 3), 30, np.uint8)
    picture[: height // 2, : width // 2] = 220
    return picture


@pytest.mark.parametrize(
    ("turn_deg", "shape", "quadrant"),
    [(0, (48, 64), (0, 0)), (90, (64, 48), (0, 1)), (180, (48, 64), (1, 1)), (270, (64, 48), (1, 0))],
)
def test_rotation(film: Any, turn_deg: int, shape: tuple[int, int], quadrant: tuple[int, int]) -> None:
    """A bright top left corner moves clockwise with the turn."""
    film.make("flat.mp4", film.times(F(25), 0.2), pictures=[_corner(64, 48)] * 5)
    film.ffmpeg("-display_rotation", -turn_deg, "-i", "flat.mp4", "-c", "copy", "turned.mp4")
    source = probe(film.folder / "turned.mp4")
    assert (source.rotation_deg, source.height_px, source.width_px) == (turn_deg, *shape)
    for size_px in (None, (32, 24)):
        picture = next(read_frames(source, size_px=size_px))
        height, width = picture.shape[:2]
        assert (height, width) == (shape if size_px is None else (24, 32))
        bright = [
            (row, column)
            for row in (0, 1)
            for column in (0, 1)
            if picture[height * (2 * row + 1) // 4, width * (2 * column + 1) // 4].mean() > 127
        ]
        assert bright == [quadrant]


@pytest.mark.parametrize(
    ("aspect", "turn_deg", "shape"),
    [(F(4, 3), 0, (48, 85)), (F(1, 2), 0, (96, 64)), (F(4, 3), 90, (85, 48)), (F(1), 0, (48, 64))],
)
def test_pixels_that_are_not_square(film: Any, aspect: Fraction, turn_deg: int, shape: tuple[int, int]) -> None:
    """The short direction is stretched: 64 x 4/3 = 85.3, 48 x 2 = 96."""
    film.make("flat.mp4", film.times(F(25), 0.2), pictures=[_corner(64, 48)] * 5, aspect=aspect)
    film.ffmpeg("-display_rotation", -turn_deg, "-i", "flat.mp4", "-c", "copy", "v.mp4")
    source = probe(film.folder / "v.mp4")
    assert next(read_frames(source)).shape == (*shape, 3)
    assert (source.height_px, source.width_px) == shape


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
@pytest.mark.parametrize("span", ["tv", "pc"])
def test_the_colours_that_the_file_says(film: Any, matrix: str, span: str) -> None:
    """Red of BT.709 read by the numbers of BT.601 would be off by more than twenty levels."""
    colour_bgr = (30, 30, 200)
    scale = f"scale=out_color_matrix={matrix}:out_range={span}:flags=accurate_rnd,format=yuv420p"
    source = "color=c=0xc81e1e:s=64x48:r=25:d=0.2,format=bgr24," + scale
    film.ffmpeg(
        *("-f", "lavfi", "-i", source, "-c:v", "libx264", "-crf", "4"),
        *("-colorspace", matrix, "-color_range", span, "red.mp4"),
    )
    picture = next(read_frames(probe(film.folder / "red.mp4")))
    np.testing.assert_allclose(picture.reshape(-1, 3).mean(0), colour_bgr, atol=4)


def test_a_truncated_file_gives_what_it_has(film: Any) -> None:
    path = film.make("v.ts", film.times(F(25), 4), options={"g": "25"})
    source = probe(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    numbers = _numbers(film, path)
    assert 25 < len(numbers) < 90
    assert numbers == list(range(len(numbers)))
    assert source.frame_count == 100


def test_a_truncated_mp4_with_its_index_in_front_gives_what_it_has(film: Any) -> None:
    film.make("a.mp4", film.times(F(25), 4), options={"g": "25"})
    film.ffmpeg("-i", "a.mp4", "-c", "copy", "-movflags", "+faststart", "v.mp4")
    path = film.folder / "v.mp4"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 7 // 10])
    numbers = _numbers(film, path)
    assert 10 < len(numbers) < 100
    # The frame that was cut through may be damaged.
    assert numbers[:-1] == list(range(len(numbers) - 1))


def test_damaged_packets_keep_the_clock(film: Any) -> None:
    """What cannot be decoded is passed over; the pictures after it are where they belong."""
    path = film.make("v.ts", film.times(F(25), 4), options={"g": "10"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 188 * 188
    data[middle : middle + 188 * 4] = np.random.default_rng(3).bytes(188 * 4)
    path.write_bytes(data)
    numbers = _numbers(film, path)
    assert len(numbers) == 100
    assert numbers[-20:] == list(range(80, 100))


def test_a_file_that_has_gone(film: Any) -> None:
    path = film.make("v.mp4", film.times(F(25), 1))
    source = probe(path)
    path.unlink()
    with pytest.raises(InputError) as caught:
        next(read_frames(source))
    assert caught.value.reason_code == "unreadable"
