"""The values that cross boundaries refuse what does not fit, and cannot be changed."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.types import (
    AttributedWord,
    AudioTrack,
    ClipPlan,
    FaceTracks,
    FrameBatch,
    Probe,
    ScoredTracks,
    Segment,
    Sentence,
    SpeakerScores,
    Transcript,
    Word,
)


def _probe(**changed: Any) -> Probe:
    values: dict[str, Any] = {
        "path": Path("/v.mp4"),
        "container": "mov",
        "duration_s": 4.01,
        "width_px": 64,
        "height_px": 48,
        "rate": Fraction(25),
        "rotation_deg": 0,
        "zero_s": Fraction(0),
        "audio_rate_hz": 44100,
        "audio_channels": 2,
    }
    return Probe(**{**values, **changed})


def _tracks(**changed: Any) -> ScoredTracks:
    """Track 0 on frames 3 to 5, track 2 on frames 4 and 5."""
    values: dict[str, Any] = {
        "frame_count": 6,
        "shot_starts": np.array([0], np.int32),
        "track": np.array([0, 0, 0, 2, 2], np.int32),
        "frame": np.array([3, 4, 5, 4, 5], np.int32),
        "box_px": np.zeros((5, 4), np.float32),
        "logit": np.zeros(5, np.float32),
        "probability": np.full(5, 0.5, np.float32),
    }
    return ScoredTracks(**{**values, **changed})


def _sentence(*words: Word) -> Sentence:
    return Sentence(tuple(AttributedWord(word, 7, 0) for word in words), 7, 0, 1.0, 0.7, None, 1.0)


SENTENCE = _sentence(Word(" Hi", 1.0, 1.9), Word(" there.", 1.4, 1.8))


def test_a_track_is_a_person_of_its_own_unless_named() -> None:
    assert _tracks().persons == {0: 0, 2: 2}
    assert _tracks(person=np.array([4, 4, 4, 4, 4], np.int32)).persons == {0: 4, 2: 4}
    with pytest.raises(ValueError, match="one person to a track"):
        _tracks(person=np.array([4, 4, 5, 4, 4], np.int32))


def test_probe_counts_grid_frames() -> None:
    assert _probe().frame_count == 100
    assert _probe().has_audio
    assert not _probe(audio_rate_hz=None, audio_channels=0).has_audio


@pytest.mark.parametrize("changed", [{"width_px": 0}, {"height_px": 0}, {"rotation_deg": 45}, {"rotation_deg": 360}])
def test_probe_refuses(changed: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        _probe(**changed)


def test_frame_batch_is_a_read_only_view() -> None:
    frames = np.zeros((2, 4, 6, 3), np.uint8)
    batch = FrameBatch(5, frames)
    assert len(batch) == 2
    assert np.shares_memory(batch.frames, frames)
    with pytest.raises(ValueError, match="read-only"):
        batch.frames[0] = 1
    frames[0] = 1  # the owner may still write


@pytest.mark.parametrize(
    "frames", [np.zeros((2, 4, 6), np.uint8), np.zeros((2, 4, 6, 1), np.uint8), np.zeros((2, 4, 6, 3), np.float32)]
)
def test_frame_batch_refuses_other_arrays(frames: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"FrameBatch.frames: expected uint8 .* got"):
        FrameBatch(0, frames)


@pytest.mark.parametrize(("first", "scale"), [(-1, 1.0), (0, 0.0)])
def test_frame_batch_refuses_other_numbers(first: int, scale: float) -> None:
    with pytest.raises(ValueError, match="FrameBatch"):
        FrameBatch(first, np.zeros((1, 2, 2, 3), np.uint8), scale)


@pytest.mark.parametrize(
    ("start", "stop", "wanted"),
    [
        (0, 5, [1, 2, 3, 4, 5]),
        (1, 3, [2, 3]),
        (-2, 2, [0, 0, 1, 2]),
        (3, 8, [4, 5, 0, 0, 0]),
        (7, 9, [0, 0]),
        (-3, -1, [0, 0]),
        (2, 2, []),
    ],
)
def test_audio_track_reads_silence_outside(tmp_path: Path, start: int, stop: int, wanted: list[int]) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(np.array([1, 2, 3, 4, 5], "<i2").tobytes())
    got = AudioTrack(path, 5).read(start, stop)
    assert got.dtype == np.int16
    assert got.tolist() == wanted


def test_audio_track_refuses_a_span_that_ends_before_it_begins() -> None:
    with pytest.raises(ValueError, match="start <= stop"):
        AudioTrack(Path("/a"), 5).read(3, 2)


def test_audio_track_lasts() -> None:
    assert AudioTrack(Path("/a"), 24000).duration_s == 1.5


def test_rows_of_a_track() -> None:
    tracks = _tracks()
    assert tracks.track_ids.tolist() == [0, 2]
    assert [tracks.frame[tracks.rows(track)].tolist() for track in (0, 1, 2, 3)] == [[3, 4, 5], [], [4, 5], []]


def test_faces_and_scores_are_values_of_their_own_and_join() -> None:
    tracks = _tracks(person=np.array([4, 4, 4, 1, 1], np.int32), unkept=np.array([[0, 2, 0]], np.int32))
    faces, scores = tracks.faces, tracks.scores
    assert type(faces) is FaceTracks and not hasattr(faces, "logit")
    again = ScoredTracks.of(faces, scores)
    for each in dataclasses.fields(ScoredTracks):
        np.testing.assert_array_equal(getattr(again, each.name), getattr(tracks, each.name))
    assert faces.persons == {0: 4, 2: 1} and faces.unkept.tolist() == [[0, 2, 0]]
    with pytest.raises(ValueError, match=r"ScoredTracks\.logit: expected float32 \(5,\)"):
        ScoredTracks.of(faces, SpeakerScores(np.zeros(4, np.float32), np.zeros(4, np.float32)))


@pytest.mark.parametrize(
    ("logit", "probability"),
    [(np.full(2, np.nan, np.float32), np.zeros(2, np.float32)), (np.zeros(2, np.float32), np.zeros(3, np.float32))],
    ids=["nan", "length"],
)
def test_speaker_scores_refuse(logit: np.ndarray, probability: np.ndarray) -> None:
    with pytest.raises(ValueError, match="SpeakerScores"):
        SpeakerScores(logit, probability)


def test_no_track_at_all() -> None:
    whole, real = np.zeros(0, np.int32), np.zeros(0, np.float32)
    empty = ScoredTracks(0, whole, whole, whole, np.zeros((0, 4), np.float32), real, real)
    assert empty.track_ids.tolist() == []
    assert empty.frame[empty.rows(0)].tolist() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"logit": np.array([0, 0, np.nan, 0, 0], np.float32)},
        {"box_px": np.full((5, 4), np.inf, np.float32)},
        {"box_px": np.zeros((5, 4), np.float64)},
        {"logit": np.zeros(4, np.float32)},
        {"frame": np.array([3, 4, 6, 4, 5], np.int32)},
        {"frame": np.array([-1, 0, 1, 4, 5], np.int32)},
        {"frame": np.array([2, 3, 5, 4, 5], np.int32)},
        {"frame": np.array([3, 4, 4, 4, 5], np.int32)},
        {"track": np.array([2, 2, 2, 0, 0], np.int32)},
    ],
    ids=["nan", "infinite", "dtype", "length", "beyond", "negative", "gap", "twice", "unsorted"],
)
def test_scored_tracks_refuse(changed: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"ScoredTracks|SpeakerScores"):
        _tracks(**changed)


@pytest.mark.parametrize(("start_s", "end_s"), [(2.0, 1.0), (-0.1, -0.2), (float("nan"), 1.0), (0.0, float("nan"))])
@pytest.mark.parametrize("make", [lambda a, b: Word("x", a, b), lambda a, b: Segment(a, b, "x", ())])
def test_spans_go_forward(make: Any, start_s: float, end_s: float) -> None:
    with pytest.raises(ValueError, match="start <= end"):
        make(start_s, end_s)


def test_words_of_a_transcript() -> None:
    words = [Word(name, 0, 1) for name in "abc"]
    segments = (Segment(0, 1, "ab", tuple(words[:2])), Segment(1, 2, "", ()), Segment(1, 2, "c", (words[2],)))
    assert Transcript("en", segments).words == tuple(words)


def test_a_sentence_spans_its_words() -> None:
    """Its first word here ends after its last."""
    assert (SENTENCE.start_s, SENTENCE.end_s, SENTENCE.text) == (1.0, 1.9, "Hi there.")


def test_a_sentence_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one word"):
        _sentence()


def test_clip_plan() -> None:
    plan = ClipPlan(4, SENTENCE, 25, np.zeros((10, 4), np.float32), "face", np.ones(10, np.bool_), (224, 224))
    assert (plan.frame_count, plan.start_s, plan.end_s) == (10, 1.0, 1.4)
    assert plan.name == "seg_0004_track_007.mp4"


@pytest.mark.parametrize(
    ("first", "frames", "covered"), [(-1, 3, 3), (0, 0, 0), (0, 3, 2)], ids=["negative", "empty", "lengths"]
)
def test_clip_plan_refuses(first: int, frames: int, covered: int) -> None:
    with pytest.raises(ValueError, match="ClipPlan"):
        ClipPlan(0, SENTENCE, first, np.zeros((frames, 4), np.float32), "face", np.ones(covered, np.bool_), (224, 224))


def test_a_clip_of_another_rate_has_its_own_clock() -> None:
    windows, covered = np.zeros((60, 4), np.float32), np.ones(60, np.bool_)
    plan = ClipPlan(4, SENTENCE, 30, windows, "full", covered, (640, 360), Fraction(30000, 1001))
    assert (plan.start_s, plan.end_s) == (pytest.approx(1.001), pytest.approx(3.003))


@pytest.mark.parametrize("size_px", [(225, 224), (224, 0)])
def test_clip_plan_refuses_odd_sizes(size_px: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="even sides"):
        ClipPlan(0, SENTENCE, 0, np.zeros((1, 4), np.float32), "face", np.ones(1, np.bool_), size_px)


def test_values_cannot_be_changed() -> None:
    for value, name in ((_probe(), "width_px"), (_tracks(), "frame_count"), (SENTENCE, "track")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, 3)
    with pytest.raises(ValueError, match="read-only"):
        _tracks().logit[0] = 1
