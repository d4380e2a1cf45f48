"""MTCNN and lip motion on four seconds of a sample video whose faces and speaker are known."""

from __future__ import annotations

import json
from itertools import islice

import numpy as np
import pytest

from pipeline.media.audio import extract_sound
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.types import GRID_FPS, FrameBatch, ScoredTracks
from pipeline.vision.session import VisionModels, VisionSession
from pipeline.vision.settings import DECODE_BATCH, VisionSettings
from pipeline.vision.tracker import iou
from s3fd import load_detector
from talknet import load_scorer
from tests.support.by_hand import on_cpu

pytestmark = pytest.mark.slow

FRAMES = 4 * GRID_FPS


@pytest.fixture(scope="module")
def truth(samples):
    return json.loads((samples / "two_shot.truth.json").read_text())


@pytest.fixture(scope="module")
def found(samples, tmp_path_factory) -> ScoredTracks:
    seen = probe(samples / "two_shot.mp4")
    audio = extract_sound(seen, tmp_path_factory.mktemp("sound") / "sound.pcm")
    settings = VisionSettings.of(on_cpu(DETECT_EVERY=5))
    models = VisionModels(load_detector("mtcnn", None), load_scorer("lip-motion", None), "lip-motion")
    session = VisionSession(models, settings, audio, settings.frames_held(2))
    pictures = (picture.copy() for picture in islice(read_frames(seen), FRAMES))
    first = 0
    while batch := list(islice(pictures, DECODE_BATCH)):
        session.push(FrameBatch(first, np.stack(batch)))
        first += len(batch)
    found = session.finish()
    assert isinstance(found, ScoredTracks)
    return found


def track_of(found: ScoredTracks, truth: dict, person: str) -> int:
    """The track whose first box lies over that person."""
    boxes = np.stack([found.box_px[found.rows(track)][0] for track in found.track_ids])
    return int(iou(boxes, np.array(truth["boxes"][person][:1]))[:, 0].argmax())


def test_two_faces_through_one_shot(found):
    assert found.shot_starts.tolist() == [0]
    assert found.frame.tolist() == [*range(FRAMES), *range(FRAMES)]


@pytest.mark.parametrize("person", ["astronaut", "admiral"])
def test_boxes_lie_over_the_true_faces(found, truth, person):
    rows = found.rows(track_of(found, truth, person))
    overlap = np.diag(iou(found.box_px[rows], np.array(truth["boxes"][person][:FRAMES])))
    assert (overlap > 0.5).mean() > 0.95


def test_the_speaker_scores_higher_than_the_listener(found, truth):
    turn = truth["turns"][0]
    span = slice(round(turn["start_s"] * GRID_FPS), round(turn["end_s"] * GRID_FPS))
    listener = next(person["name"] for person in truth["people"] if person["name"] != turn["person"])
    speaking, listening = (
        found.logit[found.rows(track_of(found, truth, person))][span].mean() for person in (turn["person"], listener)
    )
    assert speaking > listening
