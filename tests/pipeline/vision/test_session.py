"""Vision in one pass over streamed pictures, against a plain two-pass account of the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.types import GRID_FPS, NO_FACE, SAMPLES_PER_FRAME, TOO_SHORT, TOO_SMALL, AudioTrack, ScoredTracks
from pipeline.vision import block_scorer
from pipeline.vision.block_scorer import SCORE_BLOCK_FRAMES
from pipeline.vision.calibration import probability_of
from pipeline.vision.likeness import MOBILEFACENET
from pipeline.vision.samples import VIEW_PX, FaceView
from pipeline.vision.settings import DECODE_BATCH, VisionSettings
from talknet.features import mfcc_for_frames
from tests.pipeline.vision.crops import AliveCrops
from tests.pipeline.vision.synthetic import BASE, FIRST_RED, Face, Shot, boxes_in, pictures, stream
from tests.pipeline.vision.two_passes import crop, smooth, two_passes
from tests.support.by_hand import on_cpu


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> AudioTrack:
    """Noise that is shorter than the longer videos."""
    path: Path = tmp_path_factory.mktemp("sound") / "sound.pcm"
    samples = np.random.default_rng(5).integers(-9000, 9000, 100 * SAMPLES_PER_FRAME).astype("<i2")
    path.write_bytes(samples.tobytes())
    return AudioTrack(path, len(samples))


def assert_same(found: ScoredTracks, expected: list[tuple], frame_count: int) -> None:
    assert found.frame_count == frame_count
    assert found.track_ids.tolist() == list(range(len(expected)))
    for number, (first, path, logits) in enumerate(expected):
        rows = found.rows(number)
        assert found.frame[rows].tolist() == list(range(first, first + len(path)))
        assert np.array_equal(found.box_px[rows], path)
        assert np.array_equal(found.logit[rows], logits)


STILL = (Face(),)
HALVES = frozenset(range(6, 9))
SCENES: dict[str, tuple[Sequence[Shot], int | None]] = {
    "one still face": ([(30, STILL)], 1),
    "two faces, one leaves": ([(40, (Face(5, speed=1), Face(60, stop=20)))], 2),
    "a gap that is bridged": ([(30, (Face(hidden=HALVES),))], 1),
    "a gap too long": ([(40, (Face(hidden=frozenset(range(10, 20))),))], 2),
    "a face that comes back elsewhere": ([(40, (Face(5, stop=15), Face(70, start=25)))], 2),
    "too short a track": ([(30, (Face(5), Face(60, start=10, stop=12)))], 1),
    "cuts": ([(14, STILL), (11, STILL), (20, (Face(), Face(66)))], 4),
    "a shot without faces": ([(14, STILL), (11, ()), (20, STILL)], 2),
    "nobody": ([(25, ())], 0),
    "a shaking head": ([(40, (Face(5, speed=1, shake=4), Face(60, shake=3, hidden=HALVES)))], 2),
    "partly outside": ([(25, (Face(-6, -5), Face(84, 36)))], 2),
    "faces over each other": ([(36, (Face(10, 8, speed=2), Face(66, 14, speed=-2)))], None),
}
"""Shots of each, and the tracks in them; None where one face hides another, so that its own box shrinks."""


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 3, 5])
@pytest.mark.parametrize("scene", SCENES)
def test_one_pass_equals_two(audio, scene, every):
    frames, settings = pictures(SCENES[scene][0]), replace(BASE, detect_every=every, max_gap=max(every, 4))
    assert_same(stream(frames, audio, settings).tracks, two_passes(frames, audio, settings), len(frames))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scene", "count"), [(name, count) for name, (_, count) in SCENES.items() if count is not None]
)
def test_each_scene_has_the_tracks_that_it_was_drawn_with(audio, scene, count):
    assert len(stream(pictures(SCENES[scene][0]), audio).tracks.track_ids) == count


@pytest.mark.parametrize("count", [0, 1, 2, 7])
@pytest.mark.parametrize("detector", ["adaptive", "content"])
def test_short_videos(audio, detector, count):
    frames, settings = pictures([(count, STILL)]), replace(BASE, shot_detector=detector, detect_every=5, max_gap=5)
    run = stream(frames, audio, settings)
    assert_same(run.tracks, two_passes(frames, audio, settings), count)
    assert run.tracks.shot_starts.tolist() == ([0] if count else [])
    assert len(run.tracks.frame) == (7 if count == 7 else 0)


FACES = st.builds(
    Face,
    x=st.integers(-6, 84),
    y=st.integers(-5, 36),
    speed=st.integers(-3, 3),
    start=st.integers(0, 12),
    stop=st.integers(8, 40),
    hidden=st.frozensets(st.integers(0, 35), max_size=12),
    side=st.integers(4, 24),
    shake=st.integers(0, 5),
)
SHOTS = st.lists(st.tuples(st.integers(1, 36), st.lists(FACES, max_size=3)), min_size=1, max_size=4)


@st.composite
def tunings(draw: st.DrawFn) -> VisionSettings:
    every = draw(st.sampled_from([1, 2, 3, 5, 9]))
    return replace(
        BASE,
        detect_every=every,
        detect_batch=draw(st.integers(1, 9)),
        shot_detector=draw(st.sampled_from(["adaptive", "content"])),
        min_track=draw(st.integers(0, 8)),
        max_gap=max(draw(st.integers(1, 10)), every),
        min_face_px=draw(st.sampled_from([1.0, 10.0])),
        track_iou=draw(st.sampled_from([0.1, 0.3, 0.5])),
        smooth_frames=draw(st.sampled_from([1, 5, 13])),
    )


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(SHOTS, tunings(), st.integers(0, 40), st.lists(st.integers(1, DECODE_BATCH), min_size=1, max_size=5))
def test_one_pass_equals_two_whatever_the_settings_batches_and_room(audio, shots, tuned, spare, sizes):
    frames = pictures(shots)
    run = stream(frames, audio, tuned, tuned.frames_held(1) + spare, sizes)
    assert_same(run.tracks, two_passes(frames, audio, tuned), len(frames))


@pytest.mark.slow
@pytest.mark.parametrize("detector", ["adaptive", "content"])
@pytest.mark.parametrize("every", [1, 3, 5])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_least_room_is_enough_while_a_face_is_missed_for_as_long_as_can_be(audio, detector, every, batch):
    tuned = replace(BASE, detect_every=every, detect_batch=batch, max_gap=10, smooth_frames=13, shot_detector=detector)
    for stop in range(20, 29):
        frames = pictures([(60, (Face(shake=3, stop=stop),))])
        run = stream(frames, audio, tuned, tuned.frames_held(batch))
        assert_same(run.tracks, two_passes(frames, audio, tuned), 60)


@pytest.mark.parametrize("detector", ["adaptive", "content"])
def test_shots_begin_where_they_were_cut_and_no_track_crosses(audio, detector):
    frames = pictures([(14, STILL), (11, STILL), (20, STILL)])
    found = stream(frames, audio, replace(BASE, shot_detector=detector)).tracks
    assert found.shot_starts.tolist() == [0, 14, 25]
    spans = [(found.frame[found.rows(track)][0], found.frame[found.rows(track)][-1]) for track in found.track_ids]
    assert spans == [(0, 13), (14, 24), (25, 44)]


@pytest.mark.parametrize("detector", ["adaptive", "content"])
def test_faces_are_looked_for_on_the_first_and_the_last_frame_of_a_shot(audio, detector):
    frames = pictures([(14, STILL), (11, STILL), (13, STILL)])
    run = stream(frames, audio, replace(BASE, shot_detector=detector, detect_every=5, max_gap=5))
    looked_at = [0, 5, 10, 13, 14, 19, 24, 25, 30, 35, 37]
    assert run.detector.sums == [int(frames[frame].sum(dtype=np.int64)) for frame in looked_at]


FAST = (Face(-10, 4, speed=4),)
"""22 percent of its side a frame, so that from one to the fifth after it, it has left its place altogether."""


def test_a_fast_face_keeps_one_track_near_that_of_looking_at_every_frame(audio):
    frames = pictures([(27, FAST)])
    often, seldom = (
        stream(frames, audio, replace(BASE, detect_every=every, max_gap=every, smooth_frames=1)) for every in (1, 5)
    )
    assert seldom.tracks.track_ids.tolist() == [0]
    assert seldom.tracks.frame.tolist() == often.tracks.frame.tolist()
    assert np.abs(seldom.tracks.box_px - often.tracks.box_px).max() <= 2


@pytest.mark.parametrize("begin", [31, 33, 35])
def test_a_face_that_appears_in_a_long_shot_costs_a_few_looks_and_begins_where_it_does(audio, begin):
    frames = pictures([(61, (Face(5), Face(60, start=begin)))])
    run = stream(frames, audio, replace(BASE, detect_every=5, max_gap=5))
    assert run.tracks.frame[run.tracks.rows(1)].tolist() == list(range(begin, 61))
    assert sum(run.detector.batches) <= 13 + 3


@pytest.mark.slow
def test_more_room_means_larger_batches_up_to_the_setting(audio):
    frames = pictures([(80, STILL)])
    small = stream(frames, audio).detector.batches
    large = stream(frames, audio, capacity=BASE.frames_held(4) + 9).detector.batches
    assert (max(small), max(large)) == (1, 4)
    assert sum(small) == sum(large) == 80


def test_too_little_room_is_refused(audio):
    with pytest.raises(ValueError, match="expected room for"):
        stream([], audio, capacity=BASE.frames_held(1) - 1)


def test_boxes_of_reduced_pictures_are_in_source_pixels(audio):
    frames = pictures([(20, (Face(30, 12, side=18),))])
    found = stream(frames, audio, scale=2.5).tracks
    assert np.array_equal(found.box_px, np.tile(np.array([75, 30, 120, 75], np.float32), (20, 1)))
    assert np.array_equal(found.logit, stream(frames, audio).tracks.logit)


def test_the_least_face_is_in_source_pixels(audio):
    frames, settings = pictures([(20, STILL)]), replace(BASE, min_face_px=18.0)
    assert len(stream(frames, audio, settings).tracks.frame) == 0
    assert len(stream(frames, audio, settings, scale=1.1).tracks.frame) == 20


@pytest.mark.parametrize(
    ("wanted", "scale", "expected"),
    [
        (0.25, 1.0, 0.25),
        (0.25, 2.0, 0.5),  # the picture has half the source's size already
        (None, 1.0, 1.0),  # 96 pixels are below MTCNN's usual 640
        (None, 20.0, 640 / 96),  # the source is 1920 pixels wide
    ],
)
def test_faces_are_looked_for_at_a_size_relative_to_the_source(audio, wanted, scale, expected):
    run = stream(pictures([(9, STILL)]), audio, replace(BASE, detect_scale=wanted), scale=scale)
    assert run.detector.scales == pytest.approx([expected] * 9)


def test_tracks_that_end_together_are_scored_together(audio):
    frames = pictures([(14, (Face(5), Face(60))), (20, (Face(5), Face(35), Face(66, start=5)))])
    assert [sorted(call) for call in stream(frames, audio).scorer.calls] == [[14, 14], [15, 20, 20]]


@pytest.mark.slow
def test_a_long_track_is_scored_in_blocks_with_the_sound_of_each(audio):
    frame_count = 2 * SCORE_BLOCK_FRAMES + 70
    few = pictures([(23, STILL)])
    run = stream([few[frame % 23] for frame in range(frame_count)], audio)
    assert SCORE_BLOCK_FRAMES == 60 * GRID_FPS
    assert run.scorer.calls == [[1500], [1500], [70]]
    assert run.tracks.frame.tolist() == list(range(frame_count))
    sound = mfcc_for_frames(audio.read, 0, frame_count).reshape(frame_count, -1).mean(axis=1)
    crops = [crop(picture, smooth(boxes_in(picture), BASE)[0], BASE).mean() / 100 for picture in few]
    assert run.tracks.logit == pytest.approx(np.resize(crops, frame_count) + sound, abs=1e-4)


@pytest.mark.slow
def test_scored_pictures_and_crops_are_let_go(audio, monkeypatch):
    monkeypatch.setattr(block_scorer, "SCORE_BLOCK_FRAMES", 20)
    watched = AliveCrops()
    frames = pictures([(150, STILL)])
    run = stream(frames, audio, consumers=[watched])
    assert watched.total == 150 and max(watched.alive) < 20
    assert run.scorer.calls == [[20]] * 7 + [[10]]
    assert np.array_equal(run.tracks.logit, two_passes(frames, audio, BASE)[0][2])


class Looks:
    """Tells synthetic faces by the red of their view, and notes how many views it was given."""

    limits = MOBILEFACENET

    def __init__(self, to_reduce: int = 0) -> None:
        self.views: list[int] = []
        self.to_reduce, self.memory_reductions = to_reduce, 0

    def embed(self, views: Sequence[FaceView]) -> list[np.ndarray | None]:
        self.views.append(len(views))
        self.memory_reductions += self.to_reduce
        reds = [int(view.picture[VIEW_PX // 2, VIEW_PX // 2, 2]) for view in views]
        return [np.eye(6, dtype=np.float32)[red - FIRST_RED] for red in reds]

    def sees_face(self, views: Sequence[FaceView]) -> bool:
        return True


def test_faces_are_known_again_after_a_cut(audio):
    # Face 0 is on the left, then alone on the right, then on the left of the second again.
    shots = [(20, (Face(5), Face(60))), (20, (Face(60),)), (20, (Face(60, stop=2), Face(5))), (15, (Face(40),))]
    run = stream(pictures(shots), audio, embedder=Looks())
    assert run.tracks.persons == {0: 0, 1: 1, 2: 0, 3: 1, 4: 0}


def test_without_a_network_every_track_is_a_person(audio):
    found = stream(pictures([(14, STILL), (20, STILL)]), audio).tracks
    assert found.persons == {0: 0, 1: 1}


@pytest.mark.slow
def test_only_tracks_that_are_kept_are_looked_at_for_identity_and_a_few_times_each(audio):
    looks = Looks()
    stream(pictures([(200, (Face(5), Face(60, start=10, stop=12)))]), audio, embedder=looks)
    assert 4 <= sum(looks.views) <= 200 / 20


def test_the_views_of_all_faces_of_a_shot_are_looked_at_together(audio):
    looks = Looks()
    stream(pictures([(40, (Face(5), Face(60))), (20, (Face(60),))]), audio, embedder=looks)
    assert looks.views == [4, 1]


@pytest.mark.parametrize(("same_person", "persons"), [(0.45, {0: 0, 1: 0}), (0.55, {0: 0, 1: 1})])
def test_persons_are_those_of_the_limits_of_the_network(audio, same_person, persons):
    class Turned(Looks):
        """The face of each shot has a cosine of 0.5 to that of the shot before."""

        limits = MOBILEFACENET.scaled_to(same_person)

        def embed(self, views: Sequence[FaceView]) -> list[np.ndarray | None]:
            self.views.append(len(views))
            angle = np.pi / 3 * len(self.views)
            return [np.array([np.cos(angle), np.sin(angle)], np.float32)] * len(views)

    assert stream(pictures([(20, (Face(5),)), (20, (Face(60),))]), audio, embedder=Turned()).tracks.persons == persons


def test_faces_that_are_not_kept_are_remembered(audio):
    shots = [(30, (Face(5), Face(60, start=10, stop=12)))]
    assert stream(pictures(shots), audio).tracks.unkept.tolist() == [[10, 12, TOO_SHORT]]
    small = stream(pictures(shots), audio, replace(BASE, min_face_px=100.0)).tracks
    assert small.unkept.tolist() == [[0, 30, TOO_SMALL], [10, 12, TOO_SHORT]]
    assert len(small.track) == 0


class Blind(Looks):
    """Knows nobody, and sees a face in views of this red alone."""

    def __init__(self, face: int | None) -> None:
        super().__init__()
        self.face = face

    def embed(self, views: Sequence[FaceView]) -> list[np.ndarray | None]:
        self.views.append(len(views))
        return [None] * len(views)

    def sees_face(self, views: Sequence[FaceView]) -> bool:
        return any(int(view.picture[VIEW_PX // 2, VIEW_PX // 2, 2]) == self.face for view in views)


def test_a_track_without_a_face_in_any_view_is_none(audio):
    hand, face = Face(5), Face(60)
    found = stream(pictures([(20, (hand, face)), (20, (face,))]), audio, embedder=Blind(FIRST_RED + 1)).tracks
    assert [found.frame[found.rows(track)].tolist() for track in found.track_ids.tolist()] == [[*range(20)]]
    assert found.box_px[0, 0] > 50
    assert found.unkept.tolist() == [[0, 40, NO_FACE]]


def test_tracks_of_faces_that_nobody_knows_are_persons_of_their_own(audio):
    shots = [(20, (Face(5),)), (20, (Face(5),))]
    assert stream(pictures(shots), audio, embedder=Blind(FIRST_RED)).tracks.persons == {0: 0, 1: 1}


def test_running_out_of_memory_is_noted_once_for_each_model(audio):
    frames = pictures([(14, STILL), (11, STILL)])
    assert stream(frames, audio).notes == ()
    short = stream(frames, audio, reductions=(2, 1))
    assert short.notes == (
        "the device ran out of memory: the batch of the face detector was halved 2 times",
        "the device ran out of memory: the batch of the speaker model was halved 1 time",
    )
    identity = stream(frames, audio, embedder=Looks(to_reduce=1))
    assert identity.notes == ("the device ran out of memory: the batch of the identity model was halved 2 times",)


def test_progress_counts_frames_up_to_the_last(audio):
    done = stream(pictures([(14, STILL), (30, ())]), audio).done
    assert done == sorted(done) and done[-1] == 44


def test_probabilities_are_those_of_the_logits(audio):
    found = stream(pictures([(20, STILL)]), audio).tracks
    np.testing.assert_array_equal(found.probability, probability_of("lip-motion", found.logit))


def test_settings_resolve_auto_and_never_let_a_gap_fall_below_the_detection_step():
    found = VisionSettings.of(on_cpu(DETECT_EVERY=12, NUM_FAILED_DET=10))
    assert (found.detect_scale, found.detect_threshold, found.shot_threshold) == (None, None, None)
    assert (found.detect_every, found.max_gap) == (12, 12)


def test_settings_take_every_value_of_the_configuration():
    config = on_cpu(
        FACEDET_SCALE=0.5,
        FACEDET_THRESHOLD=0.8,
        DETECT_EVERY=2,
        DETECT_BATCH=3,
        SHOT_DETECTOR="content",
        SHOT_THRESHOLD=20.0,
        MIN_TRACK=7,
        NUM_FAILED_DET=6,
        MIN_FACE_SIZE=9.0,
        TRACK_IOU=0.4,
        SMOOTH_FRAMES=7,
        CROP_SCALE=0.3,
    )
    assert VisionSettings.of(config) == VisionSettings(0.5, 0.8, 2, 3, "content", 20.0, 7, 6, 9.0, 0.4, 7, 0.3)
