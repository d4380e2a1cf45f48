"""A track is parted where one person turns into another, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.types import AudioTrack, FrameBatch, ScoredTracks
from pipeline.vision.likeness import MOBILEFACENET, unit
from pipeline.vision.parting import change_of, embedded, parts_of
from pipeline.vision.persons import load_identity
from pipeline.vision.samples import FaceView, SampledTrack
from pipeline.vision.scenes import GivenShots
from pipeline.vision.session import VisionModels, VisionSession
from pipeline.vision.settings import DECODE_BATCH, VisionSettings
from s3fd import load_detector
from talknet import load_scorer
from tests.support.by_hand import on_cpu


def looks(*turns: tuple[int, int], noise: float = 0.4) -> np.ndarray:
    """Vectors of so many views of each of these persons, whose cosines are about 0.86 within and 0 across."""
    rng = np.random.default_rng(0)
    persons = [person for person, count in turns for _ in range(count)]
    return np.stack([unit(np.eye(128)[person] + noise * rng.normal(size=128) / 128**0.5) for person in persons])


@pytest.mark.parametrize("turns", [[(0, 4), (1, 6)], [(0, 3), (1, 29)], [(0, 12), (1, 3)]], ids=str)
def test_the_change_is_where_the_person_is_another(turns):
    assert change_of(looks(*turns), MOBILEFACENET) == turns[0][1]


@pytest.mark.parametrize("turns", [[(0, 12)], [(0, 2), (1, 10)], [(0, 5), (1, 2), (0, 5)], [(0, 1)], []], ids=str)
def test_one_person_and_a_face_hidden_for_two_views_are_no_change(turns):
    vectors = looks(*turns) if turns else np.zeros((0, 128))
    assert change_of(vectors, MOBILEFACENET) is None


def test_views_of_nothing_in_particular_are_no_person():
    vectors = np.concatenate([looks((0, 8)), looks((1, 8), noise=3.0)])
    assert change_of(vectors, MOBILEFACENET) is None


def test_a_profile_is_the_same_person():
    front, side = np.eye(128)[0], np.eye(128)[0] * 0.35 + np.eye(128)[1] * (1 - 0.35**2) ** 0.5
    assert change_of(np.stack([front] * 6 + [side] * 6), MOBILEFACENET) is None


def test_parts_fill_the_track_and_meet_between_two_views():
    frames = list(range(102, 162, 5))
    parts = parts_of(frames, looks((0, 4), (1, 4), (2, 4)), 100, 163, MOBILEFACENET)
    # Views of frames 117 and 122, and of 137 and 142.
    assert [(first, stop) for first, stop, _ in parts] == [(100, 120), (120, 140), (140, 163)]
    assert [len(vectors) for _, _, vectors in parts] == [4, 4, 4]


class Numbered:
    """Knows the person of each view by its first pixel, sees no face where that is 255, and notes the calls."""

    limits = MOBILEFACENET
    memory_reductions = 0

    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    def embed(self, views: Sequence[FaceView]) -> list[np.ndarray | None]:
        persons = [int(view.picture[0, 0, 0]) for view in views]
        self.calls.append(persons)
        return [None if person == 255 else np.eye(9, dtype=np.float32)[person] for person in persons]

    def sees_face(self, views: Sequence[FaceView]) -> bool:
        return True


def kept(first: int, *persons: int) -> SampledTrack:
    """A track of which each fifth frame shows this person."""
    frames = list(range(first + 2, first + 5 * len(persons), 5))
    views = [FaceView(np.full((4, 4, 3), person, np.uint8), np.zeros(4, np.float32)) for person in persons]
    return SampledTrack(first, first + 5 * len(persons), frames, views)


def test_a_few_views_of_each_track_are_looked_at_together_and_all_of_those_that_change():
    embedder = Numbered()
    still, changing, hidden = kept(0, *[1] * 9), kept(50, *[2] * 5, *[3] * 4), kept(100, 255, 4, 4)
    found = embedded(embedder, [still, changing, hidden])
    # Each fourth view, 20 frames apart; then the rest of the second track, and of the third, whose face was not seen.
    assert embedder.calls == [[1, 1, 1, 2, 2, 3, 255], [2, 2, 2, 3, 3, 3, 4, 4]]
    assert [frames for frames, _ in found] == [[2, 22, 42], list(range(52, 97, 5)), [107, 112]]
    assert [vector.argmax() for vector in found[1][1]] == [2] * 5 + [3] * 4
    assert embedded(embedder, []) == [] and len(embedder.calls) == 2


@pytest.fixture(scope="module")
def models(shared: Path) -> VisionModels:
    yunet = shared / "weights" / "yunet_n_dynamic.onnx"
    identity = load_identity("mobilefacenet", shared / "weights" / "mobilefacenet.pt", yunet)
    return VisionModels(load_detector("yunet", yunet), load_scorer("lip-motion", None), "lip-motion", identity)


def dissolve(shared: Path, names: tuple[str, str], length: int) -> list[np.ndarray]:
    """40 frames of each video with a dissolve between."""
    first, second = (
        [
            cv2.resize(picture, (320, 320))
            for picture, _ in zip(read_frames(probe(path)), range(40 + length), strict=False)
        ]
        for path in (shared / "videos" / name for name in names)
    )
    between = [
        cv2.addWeighted(first[40 + at], 1 - (at + 1) / (length + 1), second[at], (at + 1) / (length + 1), 0)
        for at in range(length)
    ]
    return first[:40] + between + second[length : 40 + length]


def seen(frames: list[np.ndarray], models: VisionModels, folder: Path, shots: GivenShots | None) -> ScoredTracks:
    (folder / "sound.pcm").touch()
    settings = VisionSettings.of(on_cpu(DETECT_EVERY=5))
    audio = AudioTrack(folder / "sound.pcm", 0)
    session = VisionSession(models, settings, audio, settings.frames_held(8), shots=shots)
    for first in range(0, len(frames), DECODE_BATCH):
        session.push(FrameBatch(first, np.stack(frames[first : first + DECODE_BATCH])))
    found = session.finish()
    assert isinstance(found, ScoredTracks)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("shots", [None, GivenShots(())], ids=["shots found", "one shot given"])
def test_a_dissolve_of_two_people_is_two_persons(shared, models, tmp_path, shots):
    found = seen(dissolve(shared, ("retalking_face2.mp4", "retalking_face3.mp4"), 20), models, tmp_path, shots)
    assert found.shot_starts.tolist() == ([0] if shots else [0, pytest.approx(50, abs=3)])
    assert found.persons == {0: 0, 1: 1}
    starts = [int(found.frame[found.rows(track)][0]) for track in (0, 1)]
    assert starts == [0, pytest.approx(50, abs=6)]
    assert found.frame.tolist() == list(range(100))


@pytest.mark.slow
def test_without_a_network_no_track_is_parted(shared, models, tmp_path):
    without = replace(models, identity=load_identity("by-framing", None, None))
    frames = dissolve(shared, ("retalking_face2.mp4", "retalking_face3.mp4"), 20)
    assert seen(frames, without, tmp_path, GivenShots(())).persons == {0: 0}


@pytest.mark.slow
def test_a_dissolve_of_one_person_is_one_person(shared, models, tmp_path):
    found = seen(dissolve(shared, ("retalking_face2.mp4", "retalking_face2.mp4"), 20), models, tmp_path, None)
    assert set(found.persons.values()) == {0}


@pytest.mark.slow
@pytest.mark.parametrize(("on", "off"), [(2, 2), (4, 4), (6, 6), (1, 9)], ids=["6 Hz", "3 Hz", "2 Hz", "flashes"])
def test_a_face_under_strobe_light_is_one_track(shared, models, tmp_path, on, off):
    lit = dissolve(shared, ("retalking_face3.mp4", "retalking_face3.mp4"), 1)
    frames = [
        picture if 20 <= at < 70 and at % (on + off) < on else (picture * 0.35).astype(np.uint8)
        for at, picture in enumerate(lit)
    ]
    found = seen(frames, models, tmp_path, None)
    assert found.shot_starts.tolist() == [0]
    assert set(found.persons) == {0}
