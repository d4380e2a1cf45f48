"""B26 to B31: where the old systems scored the wrong span, or lost what was said in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike

from config import Config
from pipeline.attribution.faces import Faces
from pipeline.attribution.sentences import split_sentences
from pipeline.attribution.speakers import attribute_words
from pipeline.clips.plan import Plan, plan_clips
from pipeline.outputs.files import json_text, write_json
from pipeline.types import ClipPlan, ScoredTracks, Sentence, Word
from pipeline.vision.calibration import probability_of
from pipeline.vision.identity import persons_of
from pipeline.vision.likeness import MOBILEFACENET
from talknet.features import COEFFICIENTS, ROWS_PER_FRAME
from talknet.light_asd import LightAsd
from talknet.lip_motion import LipMotion
from talknet.scorer import NetworkScorer

PICTURE_PX = (640, 360)


def _tracks(frame_count: int, *faces: tuple[int, ArrayLike], persons: Sequence[int] | None = None) -> ScoredTracks:
    """Faces that each begin at a frame and have one logit a frame."""
    rows = [np.asarray(logits, np.float32) for _, logits in faces]
    counts = [len(logits) for logits in rows]
    track = np.repeat(np.arange(len(faces), dtype=np.int32), counts)
    logit = np.concatenate(rows)
    left = 200 * track.astype(np.float32)
    return ScoredTracks(
        frame_count=frame_count,
        shot_starts=np.zeros(1, np.int32),
        track=track,
        frame=np.concatenate(
            [np.arange(count) + first for (first, _), count in zip(faces, counts, strict=True)]
        ).astype(np.int32),
        box_px=np.stack([left + 20, left * 0 + 50, left + 120, left * 0 + 150], axis=1),
        logit=logit,
        probability=probability_of("talknet", logit),
        person=track if persons is None else np.array(persons, np.int32)[track],
    )


def _said(tracks: ScoredTracks, words: Sequence[tuple[float, float]], config: Config | None = None) -> list[Plan]:
    faces, config = Faces(tracks), config or Config()
    spoken = attribute_words([Word(f" w{i}", start_s, end_s) for i, (start_s, end_s) in enumerate(words)], faces)
    sentences = split_sentences(
        spoken, faces, language="en", pause_s=config.SENTENCE_PAUSE_S, max_s=config.MAX_SENTENCE_S
    )
    return list(plan_clips(sentences, faces, PICTURE_PX, config))


def _words(start_s: float, end_s: float) -> list[tuple[float, float]]:
    edges = np.linspace(start_s, end_s, round((end_s - start_s) / 0.25) + 1).tolist()
    return list(pairwise(edges))


def _sentence(plan: Plan) -> Sentence:
    assert isinstance(plan, ClipPlan), plan
    return plan.sentence


def test_b26_a_sentence_is_judged_by_its_own_frames() -> None:
    """A track was judged by its mean: one of 60 s that speaks for 3 s at +3 had -1.27, and was thrown away."""
    silent = (-1.27 * 1500 - 3.0 * 75) / 1425
    logits = np.full(1500, silent)
    logits[750:825] = 3.0
    assert logits.mean() == pytest.approx(-1.27)
    (plan,) = _said(_tracks(1500, (0, logits)), _words(30, 33))
    sentence = _sentence(plan)
    assert (sentence.track, sentence.coverage) == (0, 1.0)
    assert sentence.avg_score == pytest.approx(3.0)


def test_b26_a_silent_face_with_a_talkative_past_does_not_win() -> None:
    """The face with the higher mean over its whole track was cut, whoever spoke the sentence."""
    talkative, quiet = np.full(1500, 4.0), np.full(1500, -4.0)
    talkative[750:825], quiet[750:825] = -3.0, 3.0
    (plan,) = _said(_tracks(1500, (0, talkative), (0, quiet)), _words(30, 33))
    sentence = _sentence(plan)
    assert (sentence.track, sentence.avg_score, sentence.margin) == (1, 3.0, 6.0)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> NetworkScorer:
    """A network with weights drawn at random."""
    torch.manual_seed(4)
    path: Path = tmp_path_factory.mktemp("weights") / "light_asd.model"
    torch.save(LightAsd().state_dict(), path)
    return NetworkScorer("light-asd", path)


def _track(frames: int, rows: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(frames)
    crops = rng.integers(0, 256, (frames, 112, 112), dtype=np.uint8)
    return crops, rng.normal(0, 5, (ROWS_PER_FRAME * frames if rows is None else rows, COEFFICIENTS)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("frames", [7, 24, 49])
def test_b27_every_frame_is_scored_not_only_whole_seconds(network: NetworkScorer, frames: int) -> None:
    """Tracks were cut to whole seconds: those below one were not scored, and of 49 frames 25."""
    for scorer in (network, LipMotion()):
        logits = scorer.score(*_track(frames))
        assert logits.shape == (frames,) and np.isfinite(logits).all()
    logits = network.score(*_track(frames))
    assert len(np.unique(logits)) > frames // 2, "most frames have a score of their own"
    assert not np.allclose(logits, logits.round(1)), "scores are not cut to a tenth (B11)"


@pytest.mark.slow
def test_b28_frames_without_a_score_of_their_own_get_a_number(network: NetworkScorer) -> None:
    """Means around frames beyond the last score were means of nothing: NaN, which is neither above 0 nor JSON."""
    for scorer in (network, LipMotion()):
        logits = scorer.score(*_track(30, rows=ROWS_PER_FRAME * 25 + 3))
        assert len(logits) == 30 and np.isfinite(logits).all()
        assert (logits[25:] == logits[24]).all()


def test_b28_the_last_score_counts_and_a_single_one_is_enough() -> None:
    """The slice around the last frames left the last score out."""
    logits = np.zeros(20)
    logits[-1] = 5.0
    smoothed = Faces(_tracks(20, (0, logits))).activity
    assert smoothed[-5:] == pytest.approx([5 / 9, 5 / 8, 5 / 7, 5 / 6, 1.0])
    assert Faces(_tracks(1, (0, [2.0]))).activity == pytest.approx([2.0])


def test_b28_what_is_no_number_gets_into_no_table_and_no_json(tmp_path: Path) -> None:
    """``NaN`` was written into JSON, which no other program reads."""
    with pytest.raises(ValueError, match="finite"):
        _tracks(3, (0, [1.0, np.nan, 1.0]))
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"avg_score": float("nan")})
    assert list(tmp_path.iterdir()) == []
    assert json.loads(json_text({"avg_score": None})) == {"avg_score": None}


def test_b30_short_utterances_are_kept_and_no_clip_leaves_the_video() -> None:
    """Utterances below about a second vanished, and frame numbers went below 0 and past the end."""
    tracks = _tracks(100, (0, np.full(100, 3.0)))
    plans = _said(tracks, [(0.0, 0.3), (1.8, 2.1), (3.7, 4.0)], Config(CLIP_PADDING_S=1.0))
    spans = [(plan.first_frame, plan.first_frame + plan.frame_count) for plan in plans if isinstance(plan, ClipPlan)]
    assert len(spans) == 3
    assert spans[0][0] == 0 and spans[2][1] == 100
    assert all(0 <= first < stop <= 100 for first, stop in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_b30_two_appearances_far_apart_are_not_joined() -> None:
    """Somebody in view on frames 1 to 60 and 3001 to 3060 got one segment, from -14 to 3075."""
    tracks = _tracks(3100, (1, np.full(60, 3.0)), (3001, np.full(60, 3.0)), persons=(0, 0))
    plans = _said(tracks, [*_words(0.2, 2.2), *_words(120.2, 122.2)], Config(CLIP_PADDING_S=0.0))
    spans = [(plan.first_frame, plan.first_frame + plan.frame_count) for plan in plans if isinstance(plan, ClipPlan)]
    assert spans == [(5, 55), (3005, 3055)]
    assert [_sentence(plan).track for plan in plans] == [0, 1]
    assert {_sentence(plan).speaker for plan in plans} == {1}


def _face_at(degrees: float) -> np.ndarray:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], np.float32)


def test_b31_persons_are_told_apart_by_their_faces_alone() -> None:
    """A label was exchanged for another by its name after two tracks, for one film."""
    spans = np.array([[0, 10], [20, 30], [40, 50], [60, 70], [80, 90]])
    faces = [_face_at(degrees) for degrees in (0, 90, 5, 95, 2)]
    assert persons_of(spans, faces, MOBILEFACENET.same_person).tolist() == [0, 1, 0, 1, 0]
    assert persons_of(spans, faces[::-1], MOBILEFACENET.same_person).tolist() == [0, 1, 0, 1, 0]


def test_b31_a_higher_bar_of_likeness_is_the_stricter_one() -> None:
    """The help of the similarity threshold said the opposite of what it did."""
    spans, alike = np.array([[0, 10], [20, 30]]), float(np.cos(np.radians(40)))
    faces = [_face_at(0), _face_at(40)]
    assert persons_of(spans, faces, least_cosine=alike - 0.01).tolist() == [0, 0]
    assert persons_of(spans, faces, least_cosine=alike + 0.01).tolist() == [0, 1]
