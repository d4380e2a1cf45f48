"""Files put one after another, each with a clock of its own: nothing is lost, and sound stays with its picture."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media import decode, sound_spans
from pipeline.media.audio import extract_sound, read_sound, sound_blocks
from pipeline.media.decode import SpanReader, read_frames
from pipeline.media.joins import Stamp, find_joins
from pipeline.media.probe import probe
from pipeline.media.sound_spans import SoundReader
from pipeline.types import Probe
from tests.support.film import Film

F = Fraction
PIECE_S = 3
LEVELS = (40, 120, 200)
"""Grey of each piece; it flashes white, and beeps, at its second 1."""


def piece(film: Film, number: int, suffix: str = "ts", offset_s: float = 0.0, lead_s: float = 0.0) -> bytes:
    """Three seconds of grey with a flash and a beep from 1.0 to 1.2 s; the sound may begin before the picture."""
    flash = f"geq=lum='if(between(T,1,1.199),235,{LEVELS[number]})':cb=128:cr=128"
    beep = f"aevalsrc='0.5*sin(2*PI*{600 + 300 * number}*t)*between(t,{1 + lead_s},{1.2 + lead_s})':s=48000:d={PIECE_S}"
    picture = f"color=gray:s=64x48:r=25:d={PIECE_S - lead_s},{flash},setpts=PTS+{lead_s}/TB"
    codec = ["-c:v", "mpeg2video", "-c:a", "mp2"] if suffix == "mpg" else ["-c:v", "libx264", "-g", "25", "-c:a", "aac"]
    name = f"piece{number}.{suffix}"
    offset = ["-output_ts_offset", str(offset_s)] if offset_s else []
    film.ffmpeg("-copyts", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", beep, *codec, *offset, name)
    return (film.folder / name).read_bytes()


def joined(film: Film, *pieces: bytes, suffix: str = "ts") -> Path:
    path = film.folder / f"joined.{suffix}"
    path.write_bytes(b"".join(pieces))
    return path


def flashes(pictures: list[np.ndarray]) -> list[int]:
    """First frame of each flash."""
    bright = [picture.mean() > 220 for picture in pictures]
    return [frame for frame in range(1, len(bright)) if bright[frame] and not bright[frame - 1]]


def beeps_s(sound: np.ndarray, rate_hz: int) -> list[float]:
    """Start of each beep in seconds."""
    places = np.flatnonzero(np.abs(sound.astype(float)) > 3000)
    first = np.diff(places, prepend=-rate_hz) > rate_hz // 2
    return [round(place / rate_hz, 3) for place in places[first].tolist()]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["ts", "mpg"])
@pytest.mark.parametrize("offset_s", [0.0, 7200.0, 40.0])
def test_both_pieces_are_there_and_sound_stays_with_its_picture(film: Film, suffix: str, offset_s: float) -> None:
    path = joined(film, piece(film, 0, suffix), piece(film, 1, suffix, offset_s), suffix=suffix)
    found = probe(path)
    assert len(found.joins) == 1 and found.duration_s == pytest.approx(2 * PIECE_S, abs=0.1)
    lost: list[int] = []
    pictures = [picture.copy() for picture in read_frames(found, on_lost=lost.append)]
    assert len(pictures) == pytest.approx(2 * PIECE_S * 25, abs=2) and lost == []
    track = extract_sound(found, film.folder / "s.pcm")
    seen, heard = flashes(pictures), beeps_s(track.read(0, track.sample_count), 16_000)
    assert len(seen) == len(heard) == 2
    for flash, beep_s in zip(seen, heard, strict=True):
        assert abs(flash / 25 - beep_s) <= 0.06, (seen, heard)
    assert abs(seen[1] - seen[0] - PIECE_S * 25) <= 2
    levels = [round(float(pictures[frame].mean())) for frame in (10, len(pictures) - 10)]
    assert levels[0] < 100 < levels[1], levels
    assert track.lost_packets == 0
    how = "ahead" if offset_s else "back"
    assert track.notes[0].startswith(f"the file's clock jumps {how} by") and " at 3.0" in track.notes[0]


@pytest.mark.slow
def test_three_pieces(film: Film) -> None:
    path = joined(film, piece(film, 0), piece(film, 1, offset_s=500), piece(film, 2))
    found = probe(path)
    pictures = [picture.copy() for picture in read_frames(found)]
    assert len(found.joins) == 2 and len(pictures) == pytest.approx(9 * 25, abs=3)
    track = extract_sound(found, film.folder / "s.pcm")
    for flash, beep_s in zip(flashes(pictures), beeps_s(track.read(0, track.sample_count), 16_000), strict=True):
        assert abs(flash / 25 - beep_s) <= 0.08


@pytest.mark.slow
def test_clips_behind_a_join_are_cut_where_they_are(film: Film) -> None:
    found = probe(joined(film, piece(film, 0), piece(film, 1)))
    whole = [picture.copy() for picture in read_frames(found)]
    reader = SpanReader(found)
    for first, stop in ((20, 40), (90, 130), (5, 15), (140, 150)):
        span = [picture.copy() for picture in reader.read(first, stop)]
        assert len(span) == stop - first
        assert all(np.array_equal(a, b) for a, b in zip(span, whole[first:stop], strict=True)), (first, stop)
    reader.close()
    flash_s = flashes(whole)[1] / 25
    sound, rate_hz = read_sound(found, F(flash_s) - F(1, 2), F(flash_s) + F(1, 2))
    assert beeps_s(sound[:, 0], rate_hz)[0] == pytest.approx(0.5, abs=0.06)


@pytest.mark.slow
def test_spans_of_sound_over_joins_are_those_of_one_reading(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, with spans that overlap, the file is opened once; a span far back has it read again."""
    found = probe(joined(film, piece(film, 0), piece(film, 1), piece(film, 2)))
    whole, rate_hz = read_sound(found, F(0), F(9))
    begun: list[Probe] = []
    monkeypatch.setattr(sound_spans, "sound_blocks", lambda each: begun.append(each) or sound_blocks(each))
    monkeypatch.setattr(sound_spans, "KEPT_S", 1)
    reader = SoundReader(found)
    for start_s, stop_s, times in ((0.5, 2.0, 1), (1.5, 4.0, 1), (6.2, 8.0, 1), (8.5, 20.0, 1), (3.0, 4.0, 2)):
        span, rate = reader.read(F(start_s), F(stop_s))
        expected = np.zeros_like(span)
        part = whole[round(start_s * rate_hz) : round(stop_s * rate_hz)]
        expected[: len(part)] = part
        assert rate == rate_hz and len(span) == round((stop_s - start_s) * rate_hz) and len(begun) == times
        np.testing.assert_array_equal(span, expected)


def test_pictures_behind_a_join_are_read_on(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    found = probe(joined(film, piece(film, 0), piece(film, 1)))
    monkeypatch.setattr(decode, "READ_ON_S", 0)
    opened: list[int] = []
    begin = decode._begun
    monkeypatch.setattr(decode, "_begun", lambda *each: opened.append(each[1]) or begin(*each))
    reader = SpanReader(found)
    for first in (10, 60, 120):
        assert len([1 for _ in reader.read(first, first + 5)]) == 5
    reader.close()
    assert opened == [10]


@pytest.mark.slow
def test_a_jump_back_that_looks_like_a_clock_that_wraps_is_told_as_one_back(film: Film) -> None:
    found = probe(joined(film, piece(film, 0, offset_s=500), piece(film, 1)))
    track = extract_sound(found, film.folder / "s.pcm")
    assert len(found.joins) == 1 and found.duration_s == pytest.approx(2 * PIECE_S, abs=0.1)
    assert track.notes[0].startswith("the file's clock jumps back by 50")


@pytest.mark.slow
def test_a_lead_of_sound_in_the_second_piece_is_kept(film: Film) -> None:
    found = probe(joined(film, piece(film, 0), piece(film, 1, lead_s=0.4)))
    pictures = [picture.copy() for picture in read_frames(found)]
    track = extract_sound(found, film.folder / "s.pcm")
    for flash, beep_s in zip(flashes(pictures), beeps_s(track.read(0, track.sample_count), 16_000), strict=True):
        assert abs(flash / 25 - beep_s) <= 0.08


def test_a_file_of_one_piece_has_no_join(film: Film) -> None:
    for suffix in ("ts", "mpg"):
        assert probe(joined(film, piece(film, 0, suffix), suffix=suffix)).joins == ()


def stamps(pieces: list[tuple[float, float]], sound_gap: tuple[float, float] = (0, 0)) -> list[Stamp]:
    """Packets of picture and sound of pieces, each given by the start of its clock and its length in seconds."""
    found, counts = [], [0, 0]
    for begin_s, length_s in pieces:
        events = [(F(n, 25), 0, F(1, 25)) for n in range(round(length_s * 25))]
        events += [(F(n, 40), 1, F(1, 40)) for n in range(round(length_s * 40))]
        for at_s, stream, duration_s in sorted(events):
            if stream == 1 and sound_gap[0] <= at_s < sound_gap[1]:
                continue
            time_s = F(begin_s).limit_denominator(1000) + at_s
            found.append(Stamp(stream, counts[stream], time_s, time_s, duration_s))
            counts[stream] += 1
    return found


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.floats(0, 90_000), st.floats(1, 4)), min_size=1, max_size=5).map(
        lambda pieces: [(round(begin_s, 2), round(length_s, 1)) for begin_s, length_s in pieces]
    )
)
def test_pieces_follow_one_another_without_a_gap(pieces: list[tuple[float, float]]) -> None:
    clock_s = pieces[0][0]
    expected = 0
    for (begin_s, length_s), (next_s, _) in pairwise(pieces):
        step_s = next_s - (begin_s + length_s)
        expected += step_s > 10 or step_s < -length_s  # a smaller step is a gap or an overlap of the same clock
        if -length_s <= step_s <= 10:
            return
    joins = find_joins(stamps(pieces))
    assert len(joins) == expected
    for join, (_, length_s) in zip(joins, pieces, strict=False):
        clock_s += length_s
        assert abs(float(join.at_s) - clock_s) <= 0.05 * len(pieces)


@pytest.mark.slow
@pytest.mark.parametrize("offset_s", [0.0, 700.0])
def test_a_piece_without_sound_between_two_with_some_moves_no_sound(film: Film, offset_s: float) -> None:
    piece(film, 1)
    film.ffmpeg("-i", "piece1.ts", "-c", "copy", "-an", "mute.ts")
    mute = (film.folder / "mute.ts").read_bytes()
    found = probe(joined(film, piece(film, 0), mute, piece(film, 2, offset_s=offset_s)))
    seen = flashes([picture.copy() for picture in read_frames(found)])
    track = extract_sound(found, film.folder / "s.pcm")
    heard = beeps_s(track.read(0, track.sample_count), 16_000)
    assert len(seen) == 3 and len(heard) == 2
    assert all(abs(seen[flash] / 25 - beep_s) <= 0.08 for flash, beep_s in zip((0, 2), heard, strict=True)), (
        seen,
        heard,
    )


@pytest.mark.slow
def test_a_piece_with_other_streams_is_told_to_be_unread(film: Film) -> None:
    piece(film, 1)
    film.ffmpeg("-i", "piece1.ts", "-c", "copy", "-streamid", "0:500", "-streamid", "1:501", "other.ts")
    other = (film.folder / "other.ts").read_bytes()
    found = probe(joined(film, piece(film, 0), other))
    assert PIECE_S * 25 <= found.unread_packets <= PIECE_S * 25 + 200
    track = extract_sound(found, film.folder / "s.pcm")
    assert f"{found.unread_packets} packets of other streams follow where its picture ends" in " ".join(track.notes)


def test_programmes_beside_each_other_are_none_of_it(film: Film) -> None:
    """A capture of a whole multiplex."""
    piece(film, 0)
    film.ffmpeg("-i", "piece0.ts", "-map", "0:v", "-map", "0:v", "-map", "0:a", "-c", "copy", "both.ts")
    assert probe(film.folder / "both.ts").unread_packets == 0


def test_a_pause_of_the_sound_alone_is_no_jump() -> None:
    assert find_joins(stamps([(100.0, 40.0)], sound_gap=(5, 30))) == ()


def test_a_gap_of_less_than_ten_seconds_stays() -> None:
    assert find_joins(stamps([(0.0, 3.0), (12.0, 3.0)])) == ()
    assert len(find_joins(stamps([(0.0, 3.0), (14.0, 3.0)]))) == 1
