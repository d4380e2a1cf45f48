"""The annotated video: what is drawn where, when, and with what sound."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipeline.media.audio import read_sound
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.outputs.subtitles import Cue
from pipeline.render.annotate import annotate, draw_all, interpolated, labels_of
from pipeline.render.overlay import colour_of
from pipeline.types import AttributedWord, ScoredTracks, Sentence, Word
from tests.support.film import Film

F = Fraction
GRID, ZERO = F(25), F(0)
WIDTH, HEIGHT, SIDE, STEP, TOP = 640, 480, 128, 4, 160
GREY = 90
MIDDLE = TOP + SIDE // 2
SECONDS = 2
BOUNDARY = 30
"""Grid frame from which the moving face, track 0, speaks; person 7 says it, person 2 (track 1) is silent."""


def _left(frame: float) -> float:
    """Left edge of the moving square at a place in grid frames."""
    return 80 + STEP * frame


def _tracks(first: int = 0, stop: int = 25 * SECONDS, frame_count: int = 25 * SECONDS) -> ScoredTracks:
    frames = np.arange(first, stop, dtype=np.int32)
    count = len(frames)
    moving = [[_left(k), TOP, _left(k) + SIDE, TOP + SIDE] for k in frames.tolist()]
    standing = [[500, 60, 580, 140]] * count
    speaks = (frames >= BOUNDARY).astype(np.float32)
    return ScoredTracks(
        frame_count=frame_count,
        shot_starts=np.array([0], np.int32),
        track=np.repeat(np.arange(2, dtype=np.int32), count),
        frame=np.concatenate([frames, frames]),
        box_px=np.array(moving + standing, np.float32),
        logit=np.zeros(2 * count, np.float32),
        probability=np.concatenate([speaks, np.full(count, 0.5, np.float32)]),
        person=np.repeat(np.array([7, 2], np.int32), count),
    )


def _sentence(start_s: float = 0.8, end_s: float = 1.2, track: int | None = 0, speaker: int | None = 1) -> Sentence:
    word = AttributedWord(Word(" Hello there.", start_s, end_s), track, speaker)
    return Sentence((word,), track, speaker, 0.0, 0.5, None, 1.0)


def _picture(at: float, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    picture = np.full((size[1], size[0], 3), GREY, np.uint8)
    left = round(_left(at))
    picture[TOP : TOP + SIDE, left : left + SIDE] = 160
    return picture


def _film(folder: Path, times_s: list[Fraction], last_s: Fraction, **more: Any) -> Path:
    film = Film(folder)
    zero_s = times_s[0]
    pictures = [_picture(float((time_s - zero_s) * 25)) for time_s in times_s]
    sound = film.tone(16_000, SECONDS)
    sound[: round(0.4 * 16_000)] = 0
    return film.make("film.mp4", times_s, last_s, pictures=pictures, sound=[(zero_s, sound)], **more)


def _annotated(folder: Path, rate: Fraction = GRID, zero_s: Fraction = ZERO, **more: Any) -> tuple[Path, Path, int]:
    source = _film(folder, [zero_s + k / rate for k in range(round(rate * SECONDS))], 1 / rate)
    out = folder / "annotated.mp4"
    count = annotate(probe(source), _tracks(), [_sentence()], out, crf=10, preset="ultrafast", **more)
    return source, out, count


def _near(pixel: np.ndarray, colour: tuple[int, int, int], within: int = 45) -> bool:
    """Whether a pixel has this colour as far as subsampled chroma lets it."""
    return bool(np.abs(pixel.astype(int) - colour).max() <= within)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [F(25), F(30000, 1001), F(50), F(12)], ids=str)
def test_every_picture_of_the_source_is_there_at_its_rate(tmp_path: Path, rate: Fraction) -> None:
    source, out, count = _annotated(tmp_path, rate)
    before, after = probe(source), probe(out)
    assert count == round(rate * SECONDS) == sum(1 for _ in read_frames(after, rate=rate))
    assert (after.rate, after.width_px, after.height_px) == (rate, WIDTH, HEIGHT)
    assert after.duration_s == pytest.approx(before.duration_s, abs=0.5 / float(rate))


@pytest.mark.slow
@pytest.mark.parametrize("rate", [F(25), F(30000, 1001), F(50)], ids=str)
def test_the_box_follows_the_face_at_the_rate_of_the_source(tmp_path: Path, rate: Fraction) -> None:
    """The left edge of the box is found where the square is on that picture, to two pixels."""
    _, out, _ = _annotated(tmp_path, rate)
    for number, picture in enumerate(read_frames(probe(out), rate=rate)):
        if number % 7 == 0:
            at = min(max((number + 0.5) * 25 / float(rate) - 0.5, 0), 25 * SECONDS - 1)
            wanted = colour_of(1.0 if at >= BOUNDARY else 0.0 if at <= BOUNDARY - 1 else at - BOUNDARY + 1)
            x = round(_left(at))
            assert any(_near(picture[MIDDLE, x + dx], wanted) for dx in (-2, -1, 0, 1, 2)), (number, picture[MIDDLE, x])


@pytest.mark.slow
def test_the_colour_changes_with_the_probability(tmp_path: Path) -> None:
    _, out, _ = _annotated(tmp_path)
    pictures = [picture.copy() for picture in read_frames(probe(out))]
    for frame, probability in ((10, 0.0), (BOUNDARY - 1, 0.0), (BOUNDARY, 1.0), (45, 1.0)):
        assert _near(pictures[frame][MIDDLE, round(_left(frame))], colour_of(probability)), frame
    assert _near(pictures[10][100, 500], colour_of(0.5))


@pytest.mark.slow
@pytest.mark.parametrize("zero_s", [F(0), F(7, 5)], ids=str)
def test_the_sound_begins_with_the_picture(tmp_path: Path, zero_s: Fraction) -> None:
    """A tone from 0.4 s on is found there, in a file whose clock begins anywhere."""
    source, out, _ = _annotated(tmp_path, zero_s=zero_s)
    heard = [np.abs(read_sound(probe(path), F(0), F(SECONDS))[0].astype(int)) > 3000 for path in (source, out)]
    begins = [int(np.argmax(loud)) for loud in heard]
    assert begins == pytest.approx([6400, 6400], abs=160)
    assert probe(out).audio_rate_hz == 16_000


@pytest.mark.slow
def test_of_a_variable_rate_each_moment_shows_its_picture(tmp_path: Path) -> None:
    """30, then 10 pictures a second: the average is constant, and the square is where it was at that time."""
    times_s = [F(k, 30) for k in range(30)] + [1 + F(k, 10) for k in range(10)]
    source = probe(_film(tmp_path, times_s, F(1, 10)))
    count = annotate(source, _tracks(), [], tmp_path / "out.mp4", crf=10, preset="ultrafast")
    out = probe(tmp_path / "out.mp4")
    assert (count, out.rate) == (round(SECONDS * source.rate), source.rate)
    at_s = F(31, 20)
    shown = next(read_frames(out, int(at_s * out.rate), rate=out.rate))
    assert np.flatnonzero(shown[TOP + 100].max(1) > 140)[0] == pytest.approx(_left(1.5 * 25), abs=8)


@pytest.mark.slow
def test_progress_is_told_up_to_the_last_picture(tmp_path: Path) -> None:
    told: list[int] = []
    _annotated(tmp_path, F(12), on_frames=told.append)
    assert told == [24]


def _drawn(count: int, rate: Fraction = GRID, cues: tuple[Cue, ...] = (), **spans: int) -> list[np.ndarray]:
    labels = {0: "Speaker 1"}
    pictures = (np.full((HEIGHT, WIDTH, 3), GREY, np.uint8) for _ in range(count))
    return list(draw_all(pictures, rate, _tracks(**spans, frame_count=500), labels, cues))


def test_a_face_is_boxed_on_its_own_frames_only() -> None:
    boxed = [bool((picture != GREY).any()) for picture in _drawn(12, first=3, stop=8)]
    assert [number for number, is_boxed in enumerate(boxed) if is_boxed] == [3, 4, 5, 6, 7]


def test_pictures_in_between_are_boxed_up_to_half_a_frame_away() -> None:
    boxed = [bool((picture != GREY).any()) for picture in _drawn(24, F(50), first=3, stop=8)]
    assert [number for number, is_boxed in enumerate(boxed) if is_boxed] == [*range(6, 16)]


@pytest.mark.parametrize(
    ("rate", "cut"), [(50, 39), (50, 40), (50, 41), (60, 47), (60, 48), (60, 49), (30, 24), (12, 9), (12, 10), (25, 20)]
)
def test_at_a_cut_boxes_change_with_the_picture(rate: int, cut: int) -> None:
    """Grid frame 19 is the last of the old shot, whose face is on the left, and 20 the first of the new one."""
    count = 60
    frames = np.arange(count, dtype=np.int32)
    tracks = ScoredTracks(
        frame_count=count,
        shot_starts=np.array([0, 20], np.int32),
        track=(frames >= 20).astype(np.int32),
        frame=frames,
        box_px=np.where(frames[:, None] < 20, [40, 100, 200, 300], [440, 100, 600, 300]).astype(np.float32),
        logit=np.zeros(count, np.float32),
        probability=np.zeros(count, np.float32),
    )
    pictures = (np.full((HEIGHT, WIDTH, 3), 40 if k < cut else 200, np.uint8) for k in range(2 * cut))
    drawn = list(draw_all(pictures, F(rate), tracks, {}, ()))
    assert len(drawn) == 2 * cut
    for number, picture in enumerate(drawn):
        left, right = (tuple(picture[200, x].tolist()) == colour_of(0.0) for x in (40, 600))
        assert (left, right) == (number < cut, number >= cut), number


def test_subtitles_are_on_screen_while_they_are_said() -> None:
    cue = Cue(0.2, 0.4, ("Speaker 1: Hello there.",), 1)
    shown = [bool((picture[400:] != GREY).any()) for picture in _drawn(15, cues=(cue,), first=400, stop=401)]
    assert [number for number, is_shown in enumerate(shown) if is_shown] == [5, 6, 7, 8, 9]


def test_the_source_s_pictures_are_not_drawn_on() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), GREY, np.uint8)
    next(draw_all(iter([picture]), F(25), _tracks(), {}, ()))
    assert (picture == GREY).all()


def test_odd_sides_are_made_even() -> None:
    drawn = next(draw_all(iter([np.full((481, 641, 3), GREY, np.uint8)]), F(25), _tracks(), {}, ()))
    assert drawn.shape == (482, 642, 3)
    assert (drawn[-1] == GREY).all()


@pytest.mark.parametrize(
    ("at", "left", "probability"), [(29.0, 196, 0.0), (29.25, 197, 0.25), (-3.0, 80, 0.0), (99, 276, 1.0)]
)
def test_boxes_between_frames(at: float, left: float, probability: float) -> None:
    box, found = interpolated(_tracks(), 0, at)
    assert box == pytest.approx([left, TOP, left + SIDE, TOP + SIDE])
    assert found == pytest.approx(probability)


def test_every_track_of_a_speaker_has_the_name_and_who_is_silent_none() -> None:
    tracks = _tracks()
    assert labels_of(tracks, [_sentence()]) == {0: "Speaker 1"}
    assert labels_of(tracks, [_sentence(), _sentence(track=1, speaker=2)], {2: "Ann"}) == {0: "Speaker 1", 1: "Ann"}
    assert labels_of(tracks, [_sentence(track=None, speaker=None)]) == {}


def test_a_picture_that_cannot_be_read_leaves_no_file(tmp_path: Path) -> None:
    source = probe(_film(tmp_path, [F(k, 25) for k in range(25)], F(1, 25)))
    source.path.write_bytes(b"gone")
    with pytest.raises(Exception, match=r"film\.mp4"):
        annotate(source, _tracks(), [], tmp_path / "out.mp4", crf=20, preset="ultrafast")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4"]


@pytest.mark.slow
def test_what_is_written_plays_elsewhere(tmp_path: Path) -> None:
    _, out, _ = _annotated(tmp_path)
    with av.open(str(out)) as container:
        kinds = [(stream.type, stream.codec_context.name) for stream in container.streams]
        assert kinds == [("video", "h264"), ("audio", "aac")]
        assert math.isclose(float((container.duration or 0) / av.time_base), SECONDS, abs_tol=0.1)
