"""B18 to B25: where the old systems gave a face to the wrong frame, or a frame the wrong face."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.media.decode import read_frames
from pipeline.media.encode import write_clip
from pipeline.media.probe import probe
from pipeline.types import SAMPLES_PER_FRAME, AudioTrack, ScoredTracks
from pipeline.vision.crops import smooth_path
from pipeline.vision.mobilefacenet import MobileFaceNet, MobileFaceNetRunner
from pipeline.vision.tracker import Tracker
from s3fd.boxes import faces
from tests.pipeline.vision.synthetic import BASE, Face, boxes_in, pictures, stream
from tests.support.film import Film


@pytest.fixture
def silence(tmp_path: Path) -> AudioTrack:
    """A minute and a bit without a sound."""
    samples = 1700 * SAMPLES_PER_FRAME
    (tmp_path / "sound.pcm").write_bytes(bytes(2 * samples))
    return AudioTrack(tmp_path / "sound.pcm", samples)


def _assert_boxes_are_those_of_their_frames(found: ScoredTracks, frames: list[np.ndarray]) -> None:
    for frame, box in zip(found.frame.tolist(), found.box_px, strict=True):
        drawn = boxes_in(frames[frame])
        assert len(drawn) == 0 or np.array_equal(box, drawn[0]), f"frame {frame}: {box}, drawn {drawn}"


def test_b18_frames_without_a_face_keep_their_place_in_a_batch() -> None:
    """A batch left out the frames without a face: faces of frames 0, 1, 4, 5 were given to frames 0, 1, 2, 3."""
    prior = torch.tensor([[0.25, 0.25, 0.2, 0.2], [0.75, 0.75, 0.2, 0.2]])
    scores = torch.tensor([[1.0, 0], [0, 1], [0, 0], [0, 0], [1, 0], [1, 1]]) * 0.99
    found = faces(torch.zeros(6, 2, 4), scores, prior, (100, 100), 0.9)
    assert [len(boxes) for boxes, _ in found] == [1, 1, 0, 0, 1, 2]
    np.testing.assert_allclose(found[0][0][0], [15, 15, 35, 35], atol=1e-4)
    np.testing.assert_allclose(found[1][0][0], [65, 65, 85, 85], atol=1e-4)
    np.testing.assert_allclose(found[4][0][0], [15, 15, 35, 35], atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "every"), [(300, 2), (299, 2), (300, 1), (257, 5)])
def test_b19_frames_that_are_passed_over_keep_their_numbers(silence: AudioTrack, count: int, every: int) -> None:
    """Frame numbers were reckoned with the size of the last batch: of 300 frames 44 were wrong (256 became 88)."""
    # Two pixels every fifth frame, at the frames where faces are looked for: straight lines between them are exact.
    frames = pictures([(count, (Face(2, speed=0, side=18),))])
    for k, picture in enumerate(frames):
        frames[k] = np.roll(picture, k // 10 * 2, axis=1)
    found = stream(frames, silence, replace(BASE, detect_every=every, detect_batch=64, max_gap=10)).tracks
    assert found.frame.tolist() == list(range(count))
    looked_at = {*range(0, count, every), count - 1}
    for frame, box in zip(found.frame.tolist(), found.box_px, strict=True):
        if frame in looked_at:
            np.testing.assert_array_equal(box, boxes_in(frames[frame])[0], err_msg=str(frame))


def test_b20_a_track_has_one_box_a_frame_and_keeps_its_face() -> None:
    """Two boxes of a frame joined one track, 60 entries for 30 frames; two faces near each other changed tracks."""
    tracker = Tracker(least_iou=0.5, max_gap=10)
    left = [np.array([x, 0, x + 100, 100], np.float32) for x in range(30)]
    right = [box + np.array([30, 0, 30, 0], np.float32) for box in left]  # overlap 70 of 130
    for frame in range(30):
        both = [left[frame], right[frame]] if frame % 2 else [right[frame], left[frame]]
        assert tracker.update(frame, np.stack(both)) == []
    found = sorted(tracker.cut(), key=lambda track: track.boxes_px()[0, 0])
    assert [track.stop_frame - track.first_frame for track in found] == [30, 30]
    np.testing.assert_array_equal(found[0].boxes_px(), np.stack(left))
    np.testing.assert_array_equal(found[1].boxes_px(), np.stack(right))


@pytest.mark.parametrize("window", [5, 13])
def test_b21_a_smoothed_path_ends_where_the_face_is(window: int) -> None:
    """The median took zeros for what lies beyond the ends: at 6 px a frame the last centres were 6 to 36 px off."""
    x = 100 + 6.0 * np.arange(40)
    path = smooth_path(np.stack([x, x * 0 + 50, x + 80, x * 0 + 130], axis=1), window)
    np.testing.assert_allclose(path[:, 0], x + 40, atol=1e-9)
    np.testing.assert_allclose(path[:, 1:], [[90, 40]] * 40, atol=1e-9)


def test_b22_a_picture_of_another_size_is_refused_and_no_empty_clip_is_left(tmp_path: Path) -> None:
    """Pictures of 224x244 were given to a writer of 224x224, which silently wrote a file without one picture."""
    wrong = [np.zeros((244, 224, 3), np.uint8)] * 5
    with pytest.raises(ValueError, match=r"expected pictures uint8 \(224, 224, 3\), got uint8 \(244, 224, 3\)"):
        write_clip(
            *(tmp_path / "clip.mp4", wrong),
            size_px=(224, 224),
            rate=Fraction(25),
            sound=np.zeros((3200, 1), np.int16),
            sound_rate_hz=16000,
            crf=18,
            preset="ultrafast",
        )
    assert list(tmp_path.iterdir()) == []


def test_b23_a_frame_without_an_answer_does_not_shift_the_ones_after_it(silence: AudioTrack) -> None:
    """Frames that were passed over got no entry in the list, so that all later faces moved to earlier frames."""
    hidden = frozenset({0, 1, 2, 17, 18, 19, 40})
    frames = pictures([(60, (Face(4, speed=1, hidden=hidden),))])
    found = stream(frames, silence, replace(BASE, max_gap=5)).tracks
    assert found.frame.tolist() == list(range(3, 60))
    _assert_boxes_are_those_of_their_frames(found, frames)


@pytest.mark.slow
def test_b24_the_identity_network_sees_red_as_red(tmp_path: Path) -> None:
    """Faces went to the network with red and blue exchanged."""
    torch.save(MobileFaceNet().state_dict(), tmp_path / "m.pt")
    runner, seen = MobileFaceNetRunner(tmp_path / "m.pt"), []
    runner._network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].numpy()))
    red_in_bgr = np.zeros((1, 112, 112, 3), np.uint8)
    red_in_bgr[..., 2] = 255
    runner.embed(red_in_bgr)
    red, green, blue = seen[-1][0].mean(axis=(1, 2))
    assert red > green and red > blue


@pytest.mark.slow
def test_b24_a_shot_of_more_than_a_minute_is_one_track_in_bounded_memory(silence: AudioTrack) -> None:
    """Every track was broken at 60 s, and a shot of 60 s held its pictures in 9 GB."""
    frames = pictures([(1630, (Face(30),))])
    seldom = replace(BASE, detect_every=5, max_gap=5)
    assert seldom.frames_held(1) < 100
    found = stream(frames, silence, seldom, capacity=seldom.frames_held(1)).tracks
    assert len(found.track_ids) == 1 and len(found.frame) == 1630


def test_b25_the_first_picture_has_the_colours_of_the_others(tmp_path: Path) -> None:
    """One of three decoders exchanged red and blue twice on the first frame only, another began at frame 0 instead
    of 1."""
    film = Film(tmp_path)
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 2] = 200
    path = film.make("v.mp4", film.times(Fraction(25), 1), pictures=[red] * 25)
    shown = [picture.reshape(-1, 3).mean(axis=0) for picture in read_frames(probe(path))]
    assert len(shown) == 25
    np.testing.assert_allclose(shown, [[0, 0, 200]] * 25, atol=6)
    numbered = film.make("n.mp4", film.times(Fraction(25), 2))
    assert [film.number(picture) for picture in read_frames(probe(numbered), 1, 5)] == [1, 2, 3, 4]


def test_b25_a_face_is_not_seen_after_it_has_gone(silence: AudioTrack) -> None:
    """The last box was used again for all frames after it, and a video without frames ended in an IndexError."""
    found = stream(pictures([(40, (Face(20, stop=20),))]), silence).tracks
    assert found.frame.tolist() == list(range(20)) and found.frame_count == 40
    assert stream([], silence).tracks.frame_count == 0
