"""Vision of faces that are given: the same as of faces that are found, with no detector there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.types import SAMPLES_PER_FRAME, AudioTrack, ScoredTracks
from pipeline.vision.given_faces import WIDEST_STEP
from pipeline.vision.likeness import MOBILEFACENET
from pipeline.vision.samples import FaceView
from pipeline.vision.session import VisionModels, VisionSession
from pipeline.vision.settings import VisionSettings
from tests.pipeline.vision.synthetic import BASE, Face, Scorer, Shot, faces_of, pictures, stream
from tests.support.by_hand import on_cpu

SHOTS: dict[str, Sequence[Shot]] = {
    "one still face": [(30, (Face(),))],
    "two faces, one leaves": [(40, (Face(5, speed=1), Face(60, stop=20)))],
    "a gap that is bridged": [(30, (Face(hidden=frozenset(range(6, 9))),))],
    "a gap too long": [(40, (Face(hidden=frozenset(range(10, 20))),))],
    "cuts": [(14, (Face(),)), (11, (Face(),)), (20, (Face(), Face(66)))],
    "nobody": [(25, ())],
}


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> AudioTrack:
    path: Path = tmp_path_factory.mktemp("sound") / "sound.pcm"
    samples = np.random.default_rng(5).integers(-9000, 9000, 60 * SAMPLES_PER_FRAME).astype("<i2")
    path.write_bytes(samples.tobytes())
    return AudioTrack(path, len(samples))


def _assert_same(one: ScoredTracks, other: ScoredTracks) -> None:
    for name in ("shot_starts", "track", "frame", "box_px", "logit", "person"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.slow
@pytest.mark.parametrize("shots", SHOTS.values(), ids=SHOTS.keys())
def test_given_faces_have_the_tracks_and_scores_of_those_that_are_found(audio, shots) -> None:
    frames = pictures(shots)
    found, given = stream(frames, audio), stream(frames, audio, faces=faces_of(frames))
    _assert_same(given.tracks, found.tracks)
    assert given.detector.batches == [] and given.done == found.done


def test_a_given_face_is_kept_where_no_view_shows_one(audio) -> None:
    class Blind:
        limits, memory_reductions = MOBILEFACENET, 0

        def embed(self, views: Sequence[FaceView]) -> list[np.ndarray | None]:
            return [None] * len(views)

        def sees_face(self, views: Sequence[FaceView]) -> bool:
            return False

    frames = pictures(SHOTS["one still face"])
    assert len(stream(frames, audio, embedder=Blind()).tracks.track_ids) == 0
    given = stream(frames, audio, faces=faces_of(frames), embedder=Blind()).tracks
    assert given.track_ids.tolist() == [0] and len(given.unkept) == 0


def test_boxes_are_in_source_pixels_where_pictures_are_analysed_at_a_smaller_size(audio) -> None:
    frames = pictures(SHOTS["two faces, one leaves"])
    found = stream(frames, audio, scale=2.0)
    _assert_same(stream(frames, audio, scale=2.0, faces=faces_of(frames, scale=2.0)).tracks, found.tracks)
    assert found.tracks.box_px.max() > 96


@pytest.mark.slow
@pytest.mark.parametrize("every", [2, 5, 12, WIDEST_STEP])
def test_faces_on_every_nth_frame_are_interpolated_in_between(audio, every: int) -> None:
    """A face that moves on a straight line: its boxes are right on every frame up to the last that is listed."""
    frames = pictures([(60, (Face(5, speed=1, side=30),))])
    faces, settings = faces_of(frames, every), replace(BASE, track_iou=0.05)
    assert faces.step == every
    settings = replace(settings, max_gap=faces.bridged)
    tracks = stream(frames, audio, settings, faces=faces).tracks
    every_frame = stream(frames, audio, settings).tracks
    last = (len(frames) - 1) // every * every
    assert tracks.track_ids.tolist() == [0] and tracks.frame.tolist() == list(range(last + 1))
    np.testing.assert_allclose(tracks.box_px, every_frame.box_px[: last + 1], atol=0.01)


def test_no_face_is_looked_for_on_frames_that_are_not_listed(audio) -> None:
    """Detection is not asked on the last frame of a shot, nor between two frames in doubt."""
    frames = pictures([(30, (Face(5, speed=2), Face(66, start=12)))])
    listed = faces_of(frames[:10])
    tracks = stream(frames, audio, faces=listed).tracks
    assert tracks.frame.tolist() == list(range(10)) and len(tracks.track_ids) == 1


@pytest.mark.parametrize(
    ("failed", "every", "bridged", "gap"), [(10, 5, 1, 10), (10, 25, 1, 10), (3, 1, 13, 13), (10, 25, 6, 10)]
)
def test_what_a_track_of_given_faces_survives(failed: int, every: int, bridged: int, gap: int) -> None:
    """NUM_FAILED_DET and the step of the list, not DETECT_EVERY."""
    settings = VisionSettings.of(on_cpu(NUM_FAILED_DET=failed, DETECT_EVERY=every), bridged)
    assert (settings.max_gap, settings.detect_every) == (gap, 1)


def test_without_a_detector_faces_must_be_given(audio) -> None:
    with pytest.raises(ValueError, match="expected a face detector"):
        VisionSession(VisionModels(None, Scorer(), "lip-motion"), BASE, audio, BASE.frames_held(1))
