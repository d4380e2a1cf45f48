"""Which sentences become clips."""

from __future__ import annotations

import dataclasses

import pytest

from config import Config
from pipeline.clips.faces import Faces
from pipeline.clips.plan import plan_clips, speaking_threshold
from pipeline.types import AttributedWord, ClipPlan, DroppedSentence, Word

PICTURE = (640, 360)


def _plan(sentences, tracks, config=None):
    return plan_clips(sentences, Faces(tracks), PICTURE, config or Config())


@pytest.mark.parametrize(
    ("span_s", "track", "fields", "reason_code", "words"),
    [
        ((1.0, 2.0), None, {}, "not_visible", "no face in view speaks; the nearest is track 0 with a score of -1.50"),
        ((3.0, 3.5), None, {}, "not_visible", "no face is in view"),
        ((4.0, 5.0), None, {}, "outside_picture", "ends at 4.00 s and the sentence begins at 4.00 s"),
        ((1.0, 1.1), 0, {}, "too_short", "0.10 s, less than MIN_SENTENCE_S, 0.2 s"),
        ((0.0, 3.9), 0, {}, "too_long", "3.90 s, more than MAX_SENTENCE_S, 3 s"),
        ((1.0, 2.0), 0, {"coverage": 0.25}, "low_coverage", "on 25% of it, less than MIN_COVERAGE, 50%"),
        ((1.0, 2.0), 0, {"avg_score": -0.5}, "low_score", "scores -0.50, below MIN_SPEAKER_SCORE_THRESHOLD, 0"),
    ],
)
def test_reasons(make_tracks, make_sentence, span_s, track, fields, reason_code, words) -> None:
    sentence = make_sentence(*span_s, track, **fields)
    plans = _plan([sentence], make_tracks((0, 60, -1.5), frame_count=100), Config(MAX_SENTENCE_S=3.0))
    dropped = plans[0]
    assert isinstance(dropped, DroppedSentence)
    assert (dropped.sentence, dropped.reason_code) == (sentence, reason_code)
    assert words in dropped.message


@pytest.mark.parametrize(
    ("setting", "value", "span_s", "fields"),
    [
        ("MIN_SENTENCE_S", 0.05, (1.0, 1.1), {}),
        ("MAX_SENTENCE_S", 5.0, (0.0, 3.9), {}),
        ("MIN_COVERAGE", 0.2, (1.0, 2.0), {"coverage": 0.25}),
        ("MIN_SPEAKER_SCORE_THRESHOLD", -1.0, (1.0, 2.0), {"avg_score": -0.5}),
    ],
)
def test_each_limit_is_a_setting(make_tracks, make_sentence, setting, value, span_s, fields) -> None:
    tracks = make_tracks((0, 100, 1.0), frame_count=100)
    sentence = make_sentence(*span_s, 0, **fields)
    strict = Config(MAX_SENTENCE_S=3.0)
    assert isinstance(_plan([sentence], tracks, strict)[0], DroppedSentence)
    assert isinstance(_plan([sentence], tracks, dataclasses.replace(strict, **{setting: value}))[0], ClipPlan)


def test_a_plan_spans_the_sentence_with_its_padding(make_tracks, make_sentence) -> None:
    tracks = make_tracks((0, 100, 1.0, (300, 100, 400, 200)), frame_count=100)
    plan = _plan([make_sentence(1.0, 2.0)], tracks)[0]
    assert isinstance(plan, ClipPlan)
    assert (plan.index, plan.first_frame, plan.frame_count, plan.style) == (0, 22, 31, "face")
    assert plan.covered.all()
    assert plan.window_px[0].tolist() == pytest.approx([280, 80, 420, 220])
    assert plan.name == "seg_0000_track_000.mp4"


@pytest.mark.parametrize(
    ("config", "first", "window"),
    [
        (Config(CLIP_PADDING_S=0.0), 25, [280, 80, 420, 220]),
        (Config(CLIP_SCALE=1.0), 22, [250, 50, 450, 250]),
    ],
)
def test_padding_and_margin_are_settings(make_tracks, make_sentence, config, first, window) -> None:
    tracks = make_tracks((0, 100, 1.0, (300, 100, 400, 200)), frame_count=100)
    plan = _plan([make_sentence(1.0, 2.0)], tracks, config)[0]
    assert isinstance(plan, ClipPlan)
    assert plan.first_frame == first
    assert plan.window_px[0].tolist() == pytest.approx(window)


def test_numbers_count_every_sentence(make_tracks, make_sentence) -> None:
    tracks = make_tracks((0, 100, 1.0), (0, 100, 0.0), frame_count=100)
    plans = _plan([make_sentence(0.0, 0.5, None), make_sentence(1.0, 2.0, 1), make_sentence(2.5, 3.5, 0)], tracks)
    assert list(plans) == [0, 1, 2]
    assert [plan.name for plan in plans.values() if isinstance(plan, ClipPlan)] == [
        "seg_0001_track_001.mp4",
        "seg_0002_track_000.mp4",
    ]


def test_the_camera_follows_every_track_of_the_sentence(make_tracks, make_sentence) -> None:
    tracks = make_tracks(
        (0, 50, 1.0, (100, 100, 200, 200)), (50, 100, 1.0, (400, 100, 500, 200)), frame_count=100, shot_starts=(0, 50)
    )
    words = (AttributedWord(Word(" a", 1.0, 2.0), 0, 1), AttributedWord(Word(" b", 2.0, 2.5), 1, 1))
    sentence = dataclasses.replace(make_sentence(1.0, 2.5), words=words)
    plan = _plan([sentence], tracks)[0]
    assert isinstance(plan, ClipPlan)
    assert plan.covered.all()
    assert plan.window_px[-1].tolist() == pytest.approx([380, 80, 520, 220])


@pytest.mark.parametrize(("least", "threshold"), [(0.0, 0.0), (-1.5, -1.5), (2.0, 0.0)])
def test_the_threshold_of_speaking(least: float, threshold: float) -> None:
    assert speaking_threshold(Config(MIN_SPEAKER_SCORE_THRESHOLD=least)) == threshold
