"""Flash videos put one after another are read whole."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from pipeline.media import flv
from pipeline.media.audio import extract_sound
from pipeline.media.decode import read_frames
from pipeline.media.flv import without_inner_headers
from pipeline.media.probe import probe
from tests.support.film import Film


def piece(film: Film, grey: int, offset_s: float = 0.0) -> bytes:
    """Two seconds with sound, of one grey."""
    picture = f"color=0x{grey:02x}{grey:02x}{grey:02x}:s=64x48:r=25:d=2"
    film.ffmpeg(
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=f=500:r=44100:d=2"),
        *("-c:v", "libx264", "-g", "10", "-c:a", "aac", "-output_ts_offset", str(offset_s), "p.flv"),
    )
    return (film.folder / "p.flv").read_bytes()


def joined(film: Film, *pieces: bytes) -> Path:
    path = film.folder / "joined.flv"
    path.write_bytes(b"".join(pieces))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("offset_s", [0.0, 600.0])
@pytest.mark.parametrize("block_bytes", [flv.BLOCK_BYTES, 17])
def test_pieces_with_headers_of_their_own(
    film: Film, monkeypatch: pytest.MonkeyPatch, offset_s: float, block_bytes: int
) -> None:
    """Before, the file ended with its first piece, without a word."""
    monkeypatch.setattr(flv, "BLOCK_BYTES", block_bytes)
    flv._spans.cache_clear()
    found = probe(joined(film, piece(film, 40), piece(film, 120, offset_s), piece(film, 200)))
    assert found.duration_s == pytest.approx(6.0, abs=0.1) and len(found.joins) == 2
    lost: list[int] = []
    greys = [round(float(picture.mean())) for picture in read_frames(found, on_lost=lost.append)]
    assert len(greys) == pytest.approx(150, abs=3) and lost == []
    assert [key // 10 for key, _ in itertools.groupby(greys, key=lambda grey: 10 * round(grey / 10))] == [4, 12, 20]
    track = extract_sound(found, film.folder / "s.pcm")
    loud = np.abs(track.read(0, 96_000).astype(int)).reshape(-1, 1600).max(axis=1) > 1000
    assert track.lost_packets == 0 and loud.mean() > 0.97


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_piece_that_was_cut_off_costs_its_own_end_alone(film: Film, share: float) -> None:
    first = piece(film, 40)
    path = joined(film, first[: round(len(first) * share)], piece(film, 200))
    greys = [float(picture.mean()) for picture in read_frames(probe(path))]
    assert sum(grey > 150 for grey in greys) == pytest.approx(50, abs=1)
    assert 15 < sum(grey < 100 for grey in greys) < 50


def test_whole_files_of_any_format_are_left_alone(film: Film) -> None:
    assert without_inner_headers(joined(film, piece(film, 40))) is None
    other = film.folder / "v.bin"
    other.write_bytes(b"FL")
    assert without_inner_headers(other) is None


def test_pieces_are_read_and_sought_as_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    pieces = flv.Pieces(path, ((0, 3), (5, 6), (8, 10)))
    assert b"".join(iter(lambda: pieces.read(2), b"")) == b"012589" and pieces.read(1) == b""
    assert [pieces.seek(2), pieces.read(9), pieces.tell(), pieces.read(9)] == [2, b"2", 3, b"5"]
    assert pieces.seek(-1, 2) == 5 and pieces.read(5) == b"9"
    pieces.close()
