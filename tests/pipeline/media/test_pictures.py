"""Colours of ten bits, of HDR and with alpha, as 8-bit BGR."""

from __future__ import annotations

import dataclasses
import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorTrc

from pipeline.media.decode import read_frames
from pipeline.media.pictures import Pictures, ordinary
from pipeline.media.probe import probe

PQ, HLG = int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67)
BT2020 = 9


def _pq(nits: float) -> float:
    """Code of light by SMPTE ST 2084."""
    part = (nits / 10000) ** (2610 / 16384)
    return float(((3424 / 4096 + 2413 / 128 * part) / (1 + 2392 / 128 * part)) ** (2523 / 32))


def _grey(code: float) -> np.ndarray:
    return np.full((2, 3, 3), round(code * 65535), np.uint16)


def _shown(code: float, transfer: int) -> int:
    return int(ordinary(_grey(code), transfer)[0, 0, 1])


@pytest.mark.parametrize("nits", [0.0, 0.1, 1, 5, 26, 50, 90])
def test_light_below_the_knee_is_what_it_was(nits: float) -> None:
    """On an ordinary screen whose white is the 203 nits of a white sheet, with a gamma of 2.4."""
    assert abs(_shown(_pq(nits), PQ) - 255 * (nits / 203) ** (1 / 2.4)) <= 1


def test_brighter_light_is_brighter_up_to_the_peak() -> None:
    shown = [_shown(_pq(nits), PQ) for nits in (50, 100, 203, 300, 400, 1000)]
    assert all(one < other for one, other in itertools.pairwise(shown))
    assert shown[2] > 200
    assert shown[-1] == _shown(_pq(10000), PQ) == 255


def test_hlg_shows_the_same_light() -> None:
    """Three quarters of its code are the white sheet, and half of it is 50 nits, on a screen of 1000: BT.2408."""
    assert abs(_shown(0.75, HLG) - _shown(_pq(203), PQ)) <= 1
    assert abs(_shown(0.5, HLG) - _shown(_pq(50.7), PQ)) <= 1
    assert _shown(0.0, HLG) == 0
    assert _shown(1.0, HLG) == 255


def test_wide_colours_become_ordinary_ones() -> None:
    """A colour that both have: BT.709 red of 50 nits in BT.2020 primaries is 0.6274, 0.0691, 0.0164 of it (BT.2087)."""
    codes = [_pq(50 * part) for part in (0.0164, 0.0691, 0.6274)]
    picture = np.broadcast_to((np.array(codes) * 65535).round().astype(np.uint16), (2, 2, 3))
    blue, green, red = ordinary(np.ascontiguousarray(picture), PQ)[0, 0].astype(int)
    assert abs(red - 255 * (50 / 203) ** (1 / 2.4)) <= 2
    assert max(blue, green) <= 12


def _ten_bits(film: Any, name: str, tags: str = "", colour: str = "0xc81e1e", matrix: str = "bt709") -> Path:
    film.ffmpeg(
        *("-f", "lavfi", "-i", f"color=c={colour}:s=64x48:r=25:d=0.2,format=gbrp,scale=out_color_matrix={matrix}"),
        *("-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-x265-params", f"log-level=error{tags}", "-crf", "4"),
        *("-colorspace", matrix, name),
    )
    return film.folder / name


@pytest.mark.parametrize("matrix", ["bt709", "bt2020nc", "smpte170m"])
def test_ten_bits(film: Any, matrix: str) -> None:
    path = _ten_bits(film, "v.mp4", matrix=matrix)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p10le"
    picture = next(read_frames(probe(path)))
    assert picture.dtype == np.uint8
    np.testing.assert_allclose(picture.reshape(-1, 3).mean(0), (30, 30, 200), atol=4)


@pytest.mark.parametrize(("transfer", "code"), [("smpte2084", PQ), ("arib-std-b67", HLG)])
def test_hdr_in_a_file(film: Any, transfer: str, code: int) -> None:
    """A grey of half the code, which without the conversion would be 128."""
    tags = f":colorprim=bt2020:transfer={transfer}:range=limited"
    path = _ten_bits(film, "v.mp4", tags, colour="0x808080", matrix="bt2020nc")
    picture = next(read_frames(probe(path)))
    wanted = _shown(128 / 255, code)
    assert abs(wanted - 128) > 10
    np.testing.assert_allclose(picture.reshape(-1, 3).mean(0), [wanted] * 3, atol=3)
    small = next(read_frames(probe(path), size_px=(32, 24)))
    np.testing.assert_allclose(small.reshape(-1, 3).mean(0), [wanted] * 3, atol=3)


def test_hdr_is_turned_as_others_are(film: Any) -> None:
    film.make("v.mp4", film.times(Fraction(25), 0.2))
    source = dataclasses.replace(probe(film.folder / "v.mp4"), rotation_deg=90, width_px=48, height_px=64)
    frame = VideoFrame(64, 48, "yuv420p10le")
    for plane in frame.planes:
        plane.update(np.full(plane.buffer_size // 2, 512, np.uint16).tobytes())
    frame.color_trc = PQ
    with av.open(str(source.path)) as container:
        assert Pictures(container.streams.video[0], source, None).of(frame).shape == (64, 48, 3)


ALPHA = {
    "qtrle": ("a.mov", ("-c:v", "qtrle", "-pix_fmt", "argb")),
    "prores": ("a.mov", ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le")),
    "png": ("a.mov", ("-c:v", "png", "-pix_fmt", "rgba")),
    "vp9": ("a.webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-crf", "4", "-b:v", "0")),
}


@pytest.mark.parametrize("codec", ALPHA)
def test_colours_are_shown_as_if_nothing_were_transparent(film: Any, codec: str) -> None:
    name, options = ALPHA[codec]
    film.ffmpeg(
        *("-f", "lavfi", "-i", "color=c=0xc81e1e@0.25:s=64x48:r=25:d=0.2,format=rgba"),
        *("-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709", *options, name),
    )
    picture = next(read_frames(probe(film.folder / name)))
    np.testing.assert_allclose(picture.reshape(-1, 3).mean(0), (30, 30, 200), atol=6)
