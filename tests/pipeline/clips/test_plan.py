"""Which sentences become clips."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import Config
from pipeline.attribution.faces import Faces
from pipeline.clips.plan import plan_clips
from pipeline.types import TOO_SHORT, TOO_SMALL, AttributedWord, ClipPlan, DroppedSentence, Sentence, Word

PICTURE = (640, 360)


def _plan(sentences, tracks, config=None, rate=Fraction(25)):
    return plan_clips(sentences, Faces(tracks), PICTURE, config or Config(), rate)


def _spoken(sentence, *words):
    """*sentence* with words of (start_s, end_s, track)."""
    spoken = tuple(
        AttributedWord(Word(f" {i}", start_s, end_s), track, 1, ((track, 1.0),))
        for i, (start_s, end_s, track) in enumerate(words)
    )
    return dataclasses.replace(sentence, words=spoken)


@pytest.mark.parametrize(
    ("span_s", "track", "fields", "reason_code", "words"),
    [
        ((1.0, 2.0), None, {}, "not_visible", "no face in view speaks; the nearest is track 0 with a score of -1.50"),
        ((3.0, 3.5), None, {}, "not_visible", "no face is in view"),
        ((4.0, 5.0), None, {}, "outside_picture", "ends at 4.00 s and the sentence begins at 4.00 s"),
        ((1.0, 1.1), 0, {}, "too_short", "0.10 s, less than MIN_SENTENCE_S, 0.2 s"),
        ((0.0, 3.9), 0, {}, "too_long", "3.90 s, more than MAX_SENTENCE_S, 3 s"),
        ((2.2, 3.0), 0, {}, "low_coverage", "on 25% of it, less than MIN_COVERAGE, 50%"),
        ((1.0, 2.0), 0, {"avg_score": -0.5}, "low_score", "scores -0.50, below MIN_SPEAKER_SCORE_THRESHOLD, 0"),
    ],
)
def test_reasons(make_tracks, make_sentence, span_s, track, fields, reason_code, words) -> None:
    sentence = make_sentence(*span_s, track, **fields)
    plans = _plan([sentence], make_tracks((0, 60, -1.5), frame_count=100), Config(MAX_SENTENCE_S=3.0))
    dropped = plans[0]
    assert isinstance(dropped, DroppedSentence)
    assert (dropped.index, dropped.reason_code) == (0, reason_code)
    assert dropped.sentence.words == sentence.words
    assert words in dropped.message


@pytest.mark.parametrize(
    ("shares", "config", "message"),
    [
        (((0, 0.49), (1, 0.4), (None, 0.11)), Config(), "with probability 0.49, below MIN_PROBABILITY, 0.5"),
        (((0, 0.51), (1, 0.45), (None, 0.04)), Config(MIN_MARGIN=0.1), "answer by 0.06, less than MIN_MARGIN, 0.1"),
        (((0, 0.52), (None, 0.48)), Config(MIN_MARGIN=0.1), "answer by 0.04, less than MIN_MARGIN, 0.1"),
        (((0, 0.5), (1, 0.5)), Config(), None),  # reaching both is enough
        (((0, 0.3), (2, 0.3), (1, 0.4)), Config(), None),  # two tracks of one person
    ],
)
def test_a_doubtful_speaker_gets_no_clip_unless_he_is_kept(make_tracks, shares, config, message) -> None:
    tracks = make_tracks(*((0, 100, 1.0, (300, 100, 400, 200)) for _ in range(3)), frame_count=100, persons=(0, 1, 0))
    words = (AttributedWord(Word(" hm", 1.0, 2.0), 0, 1, shares),)
    sentence = Sentence(words, 0, 1, avg_score=1.0, probability=shares[0][1], margin=None, coverage=1.0)
    (plan,) = _plan([sentence], tracks, config)
    if message is None:
        assert isinstance(plan, ClipPlan)
        return
    assert isinstance(plan, DroppedSentence) and plan.reason_code == "uncertain_speaker"
    assert message in plan.message and "--keep-doubtful" in plan.message
    assert isinstance(_plan([sentence], tracks, dataclasses.replace(config, KEEP_DOUBTFUL=True))[0], ClipPlan)


@pytest.mark.parametrize(
    ("unkept", "message"),
    [
        ([(0, 5, TOO_SHORT), (60, 90, TOO_SMALL)], "no face is in view"),
        ([(30, 36, TOO_SHORT)], "a face is in view, on no shot longer than 12 frames, MIN_TRACK"),
        ([(20, 60, TOO_SMALL)], "a face is in view, no larger than MIN_FACE_SIZE, 9 pixels"),
    ],
)
def test_a_face_that_was_seen_and_is_in_no_track_is_named(make_tracks, make_sentence, unkept, message) -> None:
    tracks = dataclasses.replace(make_tracks(frame_count=100), unkept=np.array(unkept, np.int32))
    plans = _plan([make_sentence(1.0, 2.0, None)], tracks, Config(MIN_TRACK=12, MIN_FACE_SIZE=9.0))
    assert isinstance(plans[0], DroppedSentence)
    assert (plans[0].reason_code, plans[0].message) == ("not_visible", message)


@pytest.mark.parametrize(
    ("setting", "value", "span_s", "fields"),
    [
        ("MIN_SENTENCE_S", 0.05, (1.0, 1.1), {}),
        ("MAX_SENTENCE_S", 5.0, (0.0, 3.9), {}),
        ("MIN_COVERAGE", 0.2, (3.8, 4.6), {}),
        ("MIN_SPEAKER_SCORE_THRESHOLD", -1.0, (1.0, 2.0), {"avg_score": -0.5}),
    ],
)
def test_each_limit_is_a_setting(make_tracks, make_sentence, setting, value, span_s, fields) -> None:
    tracks = make_tracks((0, 100, 1.0), frame_count=200)
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
    assert [plan.index for plan in plans] == [0, 1, 2]
    assert [plan.name for plan in plans if isinstance(plan, ClipPlan)] == [
        "seg_0001_track_001.mp4",
        "seg_0002_track_000.mp4",
    ]


def test_the_camera_follows_every_track_of_the_sentence(make_tracks, make_sentence) -> None:
    tracks = make_tracks(
        (0, 50, 1.0, (100, 100, 200, 200)), (50, 100, 1.0, (400, 100, 500, 200)), frame_count=100, shot_starts=(0, 50)
    )
    sentence = _spoken(make_sentence(1.0, 2.5), (1.0, 2.0, 0), (2.0, 2.5, 1))
    plan = _plan([sentence], tracks)[0]
    assert isinstance(plan, ClipPlan)
    assert plan.covered.all()
    assert plan.window_px[-1].tolist() == pytest.approx([380, 80, 520, 220])


def _cut_to_another_angle(make_tracks, person):
    """Two shots of one face: track 0 until frame 50, track 1 after it, which no word names; a stranger beside it."""
    tracks = make_tracks(
        (0, 50, 2.0, (100, 100, 200, 200)),
        (50, 100, 2.0, (400, 100, 500, 200)),
        (50, 100, -2.0, (10, 10, 60, 60)),
        frame_count=100,
        shot_starts=(0, 50),
    )
    return dataclasses.replace(tracks, person=np.repeat(np.array(person, np.int32), 50))


def test_a_cut_is_followed_to_the_persons_next_track(make_tracks, make_sentence) -> None:
    plan = _plan([make_sentence(1.0, 3.0)], _cut_to_another_angle(make_tracks, (7, 7, 8)))[0]
    assert isinstance(plan, ClipPlan)
    assert plan.covered.all()
    assert (plan.sentence.coverage, plan.gap, plan.tracks) == (1.0, "none", (0, 1))
    assert plan.window_px[-1].tolist() == pytest.approx([380, 80, 520, 220])


def test_without_a_clear_identity_no_other_face_is_shown(make_tracks, make_sentence) -> None:
    plan = _plan([make_sentence(1.0, 3.0)], _cut_to_another_angle(make_tracks, (0, 1, 2)))[0]
    assert isinstance(plan, ClipPlan)
    assert (plan.sentence.coverage, plan.gap, plan.tracks) == (0.5, "wide", (0,))
    assert plan.window_px[-1].tolist() == pytest.approx([0, -140, 640, 500])  # the whole picture


def _face_in_the_middle(make_tracks):
    """A face on frames 30 to 80 of 100."""
    return make_tracks((30, 80, 2.0, (300, 100, 400, 200)), frame_count=100)


WORDS = ((0.8, 1.1, 0), (1.3, 2.0, 0), (2.1, 3.0, 0), (3.05, 3.6, 0))


@pytest.mark.parametrize(("gap", "kind"), [("wide", ClipPlan), ("skip", DroppedSentence), ("trim", ClipPlan)])
def test_gaps_are_a_setting(make_tracks, make_sentence, gap, kind) -> None:
    sentence = _spoken(make_sentence(0.8, 3.6), *WORDS)
    assert isinstance(_plan([sentence], _face_in_the_middle(make_tracks), Config(GAP=gap))[0], kind)


def test_skip_says_how_long_the_face_is_gone(make_tracks, make_sentence) -> None:
    sentence = _spoken(make_sentence(0.8, 3.6), *WORDS)
    dropped = _plan([sentence], _face_in_the_middle(make_tracks), Config(GAP="skip"))[0]
    assert isinstance(dropped, DroppedSentence)
    assert dropped.reason_code == "face_gap"
    assert "0.80 s" in dropped.message  # frames 20 to 30 and 80 to 90


def test_skip_gives_up_silence_before_it_gives_up_the_clip(make_tracks, make_sentence) -> None:
    """The sentence is on frames 31 to 79; of three frames of padding only one has the face, on either side."""
    plan = _plan([make_sentence(1.24, 3.16)], _face_in_the_middle(make_tracks), Config(GAP="skip"))[0]
    assert isinstance(plan, ClipPlan)
    assert (plan.first_frame, plan.frame_count, plan.gap) == (30, 50, "none")
    assert plan.covered.all()


def test_trim_keeps_the_words_that_are_seen_and_names_the_others(make_tracks, make_sentence) -> None:
    sentence = _spoken(make_sentence(0.8, 3.6), *WORDS)
    plan = _plan([sentence], _face_in_the_middle(make_tracks), Config(GAP="trim"))[0]
    assert isinstance(plan, ClipPlan)
    assert (plan.sentence.text, plan.gap, plan.sentence.coverage) == ("1 2", "trim", 1.0)
    assert [spoken.word.text for spoken in plan.words_outside] == [" 0", " 3"]
    # From the middle of the pause, 1.2 s, to that of the next, 3.025 s: frames 30 to 76.
    assert (plan.first_frame, plan.first_frame + plan.frame_count) == (30, 76)
    assert plan.covered.all()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (((0.0, 1.0, 0), (1.0, 1.2, 0), (1.3, 2.0, 0), (2.0, 3.9, 0)), "low_coverage"),  # 0.8 of 3.9 s are left
        (((0.6, 2.0, 0), (2.0, 3.6, 0)), "face_gap"),  # each of both words begins or ends without the face
    ],
)
def test_trim_drops_what_is_left_of_too_little(make_tracks, make_sentence, words, reason) -> None:
    sentence = _spoken(make_sentence(1.0, 2.0), *words)
    dropped = _plan([sentence], _face_in_the_middle(make_tracks), Config(GAP="trim"))[0]
    assert isinstance(dropped, DroppedSentence)
    assert dropped.reason_code == reason


@pytest.mark.parametrize(
    ("style", "size_px", "window"),
    [
        ("face", (224, 224), [280, 80, 420, 220]),
        ("head", (512, 512), [225, 50, 475, 300]),
        ("full", (640, 360), [0, 0, 640, 360]),
        ("portrait", (202, 360), [249, 0, 451, 360]),
    ],
)
def test_the_style_is_a_setting(make_tracks, make_sentence, style, size_px, window) -> None:
    tracks = make_tracks((0, 100, 1.0, (300, 100, 400, 200)), frame_count=100)
    plan = _plan([make_sentence(1.0, 2.0)], tracks, Config(CLIP_STYLE=style))[0]
    assert isinstance(plan, ClipPlan)
    assert (plan.style, plan.size_px) == (style, size_px)
    assert plan.window_px[10].tolist() == pytest.approx(window)


@pytest.mark.parametrize(
    ("rate", "first", "stop"),
    [
        (Fraction(25), 22, 53),
        (Fraction(50), 44, 106),
        (Fraction(30000, 1001), 26, 64),  # 0.88 s is in frame 26, 2.12 s in frame 63
        (Fraction(24000, 1001), 21, 51),
    ],
)
def test_the_rate_is_a_setting(make_tracks, make_sentence, rate, first, stop) -> None:
    boxes = np.array([300, 100, 400, 200]) + np.arange(100)[:, None] * [1, 0, 1, 0]
    tracks = make_tracks((0, 100, 1.0, boxes), frame_count=100)
    plan = _plan([make_sentence(1.0, 2.0)], tracks, Config(CLIP_FPS="source"), rate)[0]
    assert isinstance(plan, ClipPlan)
    assert (plan.rate, plan.first_frame, plan.first_frame + plan.frame_count) == (rate, first, stop)
    assert plan.covered.all()
    # Grid frame i shows the face at 350 + i, in the middle of its 0.04 s.
    middle = (plan.window_px[:, 0] + plan.window_px[:, 2]) / 2
    wanted = 350 + ((np.arange(first, stop) + 0.5) / float(rate) * 25 - 0.5)
    np.testing.assert_allclose(middle, wanted, atol=0.05)
    plan = _plan([make_sentence(1.0, 2.0)], tracks, Config(), rate)[0]
    assert isinstance(plan, ClipPlan)
    assert plan.rate == 25


def test_a_cut_that_the_grid_leaves_open_is_named(make_tracks, make_sentence) -> None:
    """Grid frame 50 shows 2.02 s, the one before it 1.98 s: frames at 50 a second whose middles are outside, 98 and
    101 (1.97 s and 2.03 s), are surely of one shot and of the other."""
    tracks = _cut_to_another_angle(make_tracks, (7, 7, 8))
    plan = _plan([make_sentence(1.0, 3.0)], tracks, Config(CLIP_FPS="source"), Fraction(50))[0]
    assert isinstance(plan, ClipPlan)
    assert [(plan.first_frame + old, plan.first_frame + new) for old, new in plan.cuts] == [(98, 101)]
    plan = _plan([make_sentence(1.0, 3.0)], tracks)[0]
    assert isinstance(plan, ClipPlan)
    assert plan.cuts == ()


RATES = [Fraction(25), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(50), Fraction(60), Fraction(12)]


@st.composite
def conversations(draw: st.DrawFn):
    """Words of one to four sentences, each with pauses, and a face with gaps."""
    time_s, sentences = draw(st.floats(0, 0.5)), []
    for _ in range(draw(st.integers(1, 4))):
        words = []
        for _ in range(draw(st.integers(1, 6))):
            start_s = time_s + draw(st.sampled_from([0.0, 0.02, 0.1, 0.3]))
            time_s = start_s + draw(st.floats(0.08, 0.8))
            words.append((start_s, time_s))
        sentences.append(words)
        time_s += draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    count = max(int(time_s * 25) + draw(st.integers(-5, 20)), 10)
    edges = sorted(draw(st.sets(st.integers(0, count), min_size=2, max_size=8)))
    return sentences, count, edges[: len(edges) // 2 * 2], draw(st.sampled_from(RATES))


@pytest.mark.slow
@settings(max_examples=60)
@given(conversations(), st.sampled_from(["wide", "skip", "trim"]))
def test_no_word_is_lost_and_no_clip_leaves_the_video(make_tracks, make_sentence, conversation, gap) -> None:
    spoken, count, edges, rate = conversation
    visible = list(zip(edges[::2], edges[1::2], strict=True))
    tracks = make_tracks(*((first, stop, 1.0) for first, stop in visible), frame_count=count)
    tracks = dataclasses.replace(tracks, person=np.zeros(len(tracks.track), np.int32))
    sentences = [_spoken(make_sentence(0, 1), *((start_s, end_s, 0) for start_s, end_s in words)) for words in spoken]
    plans = _plan(sentences, tracks, Config(GAP=gap, CLIP_FPS="source", MIN_COVERAGE=0.1), rate)
    assert [plan.index for plan in plans] == list(range(len(sentences)))
    clips = [plan for plan in plans if isinstance(plan, ClipPlan)]
    for plan, sentence in zip(plans, sentences, strict=True):
        outside = plan.words_outside if isinstance(plan, ClipPlan) else ()
        assert sorted((*plan.sentence.words, *outside), key=sentence.words.index) == list(sentence.words)
    for plan in clips:
        assert plan.first_frame >= 0
        assert plan.end_s <= count / 25 + 0.5 / float(rate) + 1e-9
        assert gap == "wide" or plan.covered.all()
    for before, after in pairwise(clips):
        assert before.end_s <= after.start_s + 1e-9
    half_s = 0.5 / float(rate) + 1e-6
    for plan in clips:
        others = [words for i, words in enumerate(spoken) if i != plan.index]
        own = [(word.word.start_s, word.word.end_s) for word in plan.words_outside]
        for start_s, end_s in [word for words in others for word in words] + own:
            assert end_s <= plan.start_s + half_s or start_s >= plan.end_s - half_s
