"""Interlaced pictures made whole."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipeline.media.decode import read_frames
from pipeline.media.deinterlace import deinterlaced
from pipeline.media.probe import probe

F = Fraction
SECONDS = 2
CODECS = {
    "v.mpg": ("mpeg2video", "-flags", "+ildct+ilme", "-q:v", "2", "-bf", "2", "-g", "12"),
    "v.ts": ("mpeg2video", "-flags", "+ildct+ilme", "-q:v", "2", "-bf", "2", "-g", "12"),
    "v.mp4": ("libx264", "-x264-params", "interlaced=1:keyint=12", "-crf", "4"),
    "v.mkv": ("libx264", "-x264-params", "bff=1:keyint=12", "-crf", "4"),
}


def _interlaced(film: Any, name: str) -> Path:
    """A white bar on black that goes right by four pixels a field, fifty fields a second."""
    codec, *options = CODECS[name]
    order = ("interleave_bottom", "bff") if "bff=1:keyint=12" in options else ("interleave_top", "tff")
    canvas, bar = f"color=black:s=448x48:r=50:d={SECONDS}", "color=white:s=24x48:r=50"
    film.ffmpeg(
        *("-f", "lavfi", "-i", canvas, "-f", "lavfi", "-i", bar, "-filter_complex"),
        f"[0][1]overlay=x='8+200*t':shortest=1,tinterlace={order[0]},setfield={order[1]}",
        *("-c:v", codec, "-pix_fmt", "yuv420p", *options, name),
    )
    return film.folder / name


def _combing(picture: np.ndarray) -> float:
    """How much the lines between differ from the mean of their neighbours."""
    grey = picture.astype(float).mean(2)
    return float(np.abs(grey[1:-1:2] - (grey[:-2:2] + grey[2::2]) / 2).mean())


def _as_decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


@pytest.mark.slow
@pytest.mark.parametrize("name", CODECS)
def test_an_edge_that_moves_does_not_comb(film: Any, name: str) -> None:
    path = _interlaced(film, name)
    whole = [picture.copy() for picture in read_frames(probe(path))]
    combed = [_combing(picture) for picture in _as_decoded(path)]
    assert len(whole) == len(combed) == 25 * SECONDS
    assert min(combed) > 2
    assert max(_combing(picture) for picture in whole) < 0.3 * min(combed)


@pytest.mark.parametrize("name", CODECS)
def test_each_picture_is_where_its_first_field_was(film: Any, name: str) -> None:
    """The bar of frame k begins at 8 + 8k: it goes right by four pixels a field, and by eight a frame."""
    for k, picture in enumerate(read_frames(probe(_interlaced(film, name)))):
        columns = np.flatnonzero(picture[24, :, 0] > 127)
        assert abs(int(columns[0]) - (8 + 8 * k)) <= 2
        assert abs(len(columns) - 24) <= 4


@pytest.mark.parametrize("name", ["v.ts", "v.mp4", "v.mkv"])
def test_a_span_is_the_slice_of_the_whole(film: Any, name: str) -> None:
    """Not in a program stream of pictures as small as these: several share a packet, and FFmpeg stamps one of them."""
    source = probe(_interlaced(film, name))
    whole = [picture.copy() for picture in read_frames(source)]
    for first, stop in ((0, 3), (1, 3), (11, 14), (12, 13), (24, 27), (36, 40), (47, None)):
        span = [picture.copy() for picture in read_frames(source, first, stop)]
        np.testing.assert_array_equal(span, whole[first:stop], str((first, stop)))


def test_pictures_that_are_not_interlaced_are_not_touched(film: Any) -> None:
    path = film.make("v.mp4", film.times(F(25), 1))
    with av.open(str(path)) as container:
        frames = [(F(k), F(1), frame) for k, frame in enumerate(container.decode(video=0))]
    got = list(deinterlaced(frames, from_start=True))
    assert all(one is other for one, other in zip(got, frames, strict=True))
    wanted = [frame.to_ndarray(format="bgr24") for _, _, frame in frames]
    np.testing.assert_array_equal([picture.copy() for picture in read_frames(probe(path))], wanted)


def test_frames_of_both_kinds_keep_their_times(film: Any) -> None:
    """Interlaced ones after progressive ones, of another size after that."""
    clean = film.make("a.mp4", film.times(F(25), 0.4))
    mixed: list[Any] = []
    for path in (clean, _interlaced(film, "v.mp4"), clean, _interlaced(film, "v.mpg")):
        with av.open(str(path)) as container:
            mixed += [frame for _, frame in zip(range(8), container.decode(video=0), strict=False)]
    timed = [(F(k, 25), F(1, 25), frame) for k, frame in enumerate(mixed)]
    got = list(deinterlaced(timed, from_start=True))
    assert [each[:2] for each in got] == [each[:2] for each in timed]
    assert [each[2].width for each in got] == [frame.width for frame in mixed]
    assert not any(each[2].interlaced_frame for each in got)
    for k in (*range(8), *range(16, 24)):
        np.testing.assert_array_equal(got[k][2].to_ndarray(), mixed[k].to_ndarray())
