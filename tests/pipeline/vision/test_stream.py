"""The stream of tracks by itself: who takes its crops, when they come, and what it gives without speaker scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.types import SAMPLES_PER_FRAME, AudioTrack, FaceTracks, ScoredTracks
from pipeline.vision.consumers import EndedTrack, GrowingTrack
from pipeline.vision.persons import IdentityByFraming
from tests.pipeline.vision.crops import AliveCrops
from tests.pipeline.vision.synthetic import BASE, Face, Shot, boxes_in, pictures, stream
from tests.pipeline.vision.two_passes import crop, smooth

SHOTS: list[Shot] = [
    (30, (Face(5, speed=1), Face(60, start=3, stop=20))),
    (25, (Face(40, shake=3), Face(70, start=10, stop=12))),
    (9, ()),
    (40, (Face(10, hidden=frozenset(range(12, 15))),)),
]


class Counter:
    """`CropConsumer` that keeps count of the crops, and a copy of each."""

    def __init__(self) -> None:
        self.first: dict[int, int] = {}
        self.crops: dict[int, list[np.ndarray]] = {}
        self.boxes_px: dict[int, list[np.ndarray]] = {}
        self.kept: list[int] = []
        self.dropped: list[int] = []
        self.grown_at_once: list[int] = []

    def grow(self, tracks: Sequence[GrowingTrack]) -> None:
        self.grown_at_once.append(sum(len(track.crops) for track in tracks))
        for track in tracks:
            self._take(track)

    def end(self, tracks: Sequence[EndedTrack]) -> None:
        for track in tracks:
            self._take(track)
            (self.kept if track.stretches else self.dropped).append(track.key)

    def _take(self, track: GrowingTrack | EndedTrack) -> None:
        assert track.key not in self.kept and track.key not in self.dropped
        begin = self.first.setdefault(track.key, track.first_frame)
        crops = self.crops.setdefault(track.key, [])
        assert track.first_frame == begin + len(crops) and len(track.boxes_px) == len(track.crops)
        crops += [each.copy() for each in track.crops]
        self.boxes_px.setdefault(track.key, []).append(track.boxes_px)

    @property
    def total(self) -> int:
        return sum(map(len, self.crops.values()))


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> AudioTrack:
    path: Path = tmp_path_factory.mktemp("sound") / "sound.pcm"
    samples = np.random.default_rng(5).integers(-9000, 9000, 110 * SAMPLES_PER_FRAME).astype("<i2")
    path.write_bytes(samples.tobytes())
    return AudioTrack(path, len(samples))


def assert_same_faces(one: FaceTracks, other: FaceTracks) -> None:
    assert (one.frame_count, one.first_frame) == (other.frame_count, other.first_frame)
    for name in ("shot_starts", "track", "frame", "box_px", "person", "unkept"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_every_frame_of_a_kept_track_comes_once_with_its_crop_and_box() -> None:
    frames, counter = pictures(SHOTS), Counter()
    found = stream(frames, None, consumers=[counter], scored=False).faces
    drawn = {key: np.concatenate(counter.boxes_px[key]) for key in counter.kept}
    by_start = {(counter.first[key], float(boxes[0][0])): key for key, boxes in drawn.items()}
    assert len(by_start) == len(counter.kept) == len(found.track_ids) and len(counter.dropped) == 1
    for track in found.track_ids:
        rows = found.rows(track)
        first, boxes = int(found.frame[rows][0]), found.box_px[rows]
        key = by_start[first, float(boxes[0][0])]
        np.testing.assert_array_equal(drawn[key], boxes)
        expected = [crop(frames[first + at], place, BASE) for at, place in enumerate(smooth(boxes, BASE))]
        np.testing.assert_array_equal(np.stack(counter.crops[key]), np.stack(expected))


def test_crops_come_while_the_video_goes_on() -> None:
    counter = Counter()
    stream(pictures([(60, (Face(),))]), None, consumers=[counter], scored=False)
    assert sum(counter.grown_at_once) == 60 - BASE.smooth_frames // 2
    assert max(counter.grown_at_once) <= 2 * BASE.detect_batch + 8


def test_the_stream_itself_holds_no_crops() -> None:
    watched = AliveCrops()
    stream(pictures([(120, (Face(5), Face(60)))]), None, consumers=[watched], scored=False)
    assert watched.total == 240 and max(watched.alive) <= 1


def test_consumers_side_by_side_take_the_same_and_change_no_score(audio: AudioTrack) -> None:
    frames = pictures(SHOTS)
    alone, one, two = stream(frames, audio), Counter(), Counter()
    beside = stream(frames, audio, consumers=[one, two])
    assert_same_faces(beside.tracks, alone.tracks)
    np.testing.assert_array_equal(beside.tracks.logit, alone.tracks.logit)
    assert beside.scorer.calls == alone.scorer.calls
    assert one.total == two.total == len(alone.tracks.frame)
    assert one.kept == two.kept


@pytest.mark.parametrize("identity", [None, IdentityByFraming()], ids=["by-track", "by-framing"])
def test_without_speaker_model_and_sound_the_faces_are_the_same(audio: AudioTrack, identity) -> None:
    frames = pictures(SHOTS)
    scored = stream(frames, audio, identity=identity)
    for silent in (
        stream(frames, None, identity=identity, scored=False),
        stream(frames, audio, identity=identity, scored=False),
        stream(frames, None, identity=identity),
    ):
        assert type(silent.faces) is FaceTracks
        assert_same_faces(silent.faces, scored.tracks.faces)
        assert silent.scorer.calls == []


def test_with_both_there_are_scores(audio: AudioTrack) -> None:
    assert isinstance(stream(pictures(SHOTS), audio).faces, ScoredTracks)


FACES = st.builds(
    Face, x=st.integers(0, 80), speed=st.integers(-2, 2), start=st.integers(0, 12), stop=st.integers(8, 40)
)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.lists(FACES, max_size=2)), min_size=1, max_size=3),
    st.integers(1, 4),
    st.integers(0, 20),
)
def test_pictures_are_let_go_as_early_whoever_consumes(shots: list[Shot], every: int, spare: int) -> None:
    frames, tuned = pictures(shots), replace(BASE, detect_every=every)
    capacity, counter = tuned.frames_held(1) + spare, Counter()
    without = stream(frames, None, tuned, capacity, scored=False)
    with_two = stream(frames, None, tuned, capacity, scored=False, consumers=[counter, Counter()])
    assert with_two.free == without.free
    assert_same_faces(with_two.faces, without.faces)
    assert sum(len(counter.crops[key]) for key in counter.kept) == len(without.faces.frame)


def test_boxes_of_growing_tracks_are_in_source_pixels() -> None:
    frames, counter = pictures([(40, (Face(30),))]), Counter()
    found = stream(frames, None, scale=2.5, consumers=[counter], scored=False).faces
    np.testing.assert_array_equal(np.concatenate(counter.boxes_px[0]), found.box_px)
    assert found.box_px[0].tolist() == (boxes_in(frames[0])[0] * 2.5).tolist()
