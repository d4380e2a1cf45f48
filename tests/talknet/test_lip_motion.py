from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from talknet import load_scorer
from talknet.features import mfcc_for_frames
from talknet.lip_motion import face_motion

_FRAMES = 150
_LOUD = 18.0
_QUIET = 9.0


def _face(opening_px: float, shift_px: float = 0.0) -> np.ndarray:
    """A drawn face (112, 112) whose mouth is an ellipse that opens."""
    x = round(shift_px)
    face = np.full((112, 112), 60, np.uint8)
    cv2.ellipse(face, (56 + x, 56), (44, 54), 0, 0, 360, 170, -1)
    for eye in (38, 74):
        cv2.circle(face, (eye + x, 26), 6, 30, -1)
    cv2.line(face, (56 + x, 30), (56 + x, 50), 120, 2)
    cv2.ellipse(face, (56 + x, 68), (18, 2 + round(opening_px)), 0, 0, 360, 20, -1)
    return cv2.GaussianBlur(face, (0, 0), 1.0)


def _syllables() -> np.ndarray:
    """(150,) in 0..1: bursts of four openings a second, with a pause after each."""
    second = np.arange(_FRAMES) / 25
    return np.clip(np.sin(2 * np.pi * 4 * second), 0, 1) * (second % 1.4 < 1)


def _mfcc(loudness: np.ndarray) -> np.ndarray:
    rows = np.zeros((4 * len(loudness), 13), np.float32)
    rows[:, 0] = np.repeat(loudness, 4)
    return rows


_TALKING = np.stack([_face(8 * opening) for opening in _syllables()])
_STILL = np.repeat(_face(0)[None], _FRAMES, axis=0)
_SPEECH = _mfcc(_QUIET + (_LOUD - _QUIET) * np.clip(np.convolve(_syllables(), np.ones(5) / 2, "same"), 0, 1))


def test_a_mouth_that_moves_with_the_sound_speaks() -> None:
    logits = load_scorer("lip-motion", None).score(_TALKING, _SPEECH)
    assert np.mean(logits > 0) > 0.8


def test_a_still_face_beside_speech_does_not() -> None:
    logits = load_scorer("lip-motion", None).score(_STILL, _SPEECH)
    assert (logits < 0).all()


def test_a_head_that_sways_with_its_mouth_shut_does_not() -> None:
    sway = np.stack([_face(0, 3 * np.sin(2 * np.pi * 1.5 * number / 25)) for number in range(_FRAMES)])
    scorer = load_scorer("lip-motion", None)
    assert scorer.score(sway, _SPEECH).mean() < scorer.score(_TALKING, _SPEECH).mean() - 2


@pytest.mark.parametrize("level", [-36.0, 3.0, _QUIET])
def test_nothing_speaks_in_silence(level: float) -> None:
    logits = load_scorer("lip-motion", None).score(_TALKING, _mfcc(np.full(_FRAMES, level)))
    assert (logits < -1).all()


def test_sound_that_follows_the_lips_scores_higher_than_sound_that_does_not() -> None:
    scorer = load_scorer("lip-motion", None)
    assert scorer.score(_TALKING, _SPEECH).mean() > scorer.score(_TALKING, np.roll(_SPEECH, 4 * 17, axis=0)).mean()


def test_the_shift_of_a_head_is_no_motion() -> None:
    shifted = np.stack([_face(0, shift) for shift in (0, 3, 6)])
    mouth, _ = face_motion(shifted)
    assert mouth.max() < 0.2 * face_motion(np.stack([_face(0), _face(6)]))[0].max()


def test_frames_without_sound_repeat_the_last_that_has_it() -> None:
    logits = load_scorer("lip-motion", None).score(_TALKING, _SPEECH[: 4 * 100 + 3])
    assert logits.shape == (_FRAMES,)
    assert (logits[100:] == logits[99]).all()


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_the_shortest_tracks_have_finite_logits(frames: int) -> None:
    logits = load_scorer("lip-motion", None).score(_TALKING[:frames], _SPEECH[: 4 * frames])
    assert logits.shape == (frames,)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()


def test_pictures_of_nothing_have_finite_logits() -> None:
    logits = load_scorer("lip-motion", None).score(np.zeros((30, 112, 112), np.uint8), _SPEECH[:120])
    assert np.isfinite(logits).all()


def test_several_tracks_score_as_each_alone() -> None:
    scorer = load_scorer("lip-motion", None)
    together = scorer.score_tracks([(_TALKING, _SPEECH), (_STILL[:40], _SPEECH[:160])])
    np.testing.assert_array_equal(together[0], scorer.score(_TALKING, _SPEECH))
    np.testing.assert_array_equal(together[1], scorer.score(_STILL[:40], _SPEECH[:160]))


@pytest.mark.slow
def test_a_real_speaker_is_above_zero_while_it_speaks(shared: Path) -> None:
    capture = cv2.VideoCapture(str(shared / "videos" / "talknet_pycrop_00000.avi"))
    frames = [capture.read()[1] for _ in range(200)]
    crops = np.stack([cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)[56:168, 56:168] for frame in frames])
    sound = _sound(shared / "videos" / "talknet_pycrop_00000.avi")
    logits = load_scorer("lip-motion", None).score(crops, mfcc_for_frames(lambda a, b: _span(sound, a, b), 0, 200))
    loud = np.abs(sound[: 200 * 640].reshape(200, 640).astype(float)).mean(axis=1) > 500
    assert loud.sum() > 50
    assert np.mean(logits[loud] > 0) > 0.7


def _sound(path: Path) -> np.ndarray:
    import av

    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])


def _span(sound: np.ndarray, start: int, stop: int) -> np.ndarray:
    return np.pad(sound, 16_000)[16_000 + start : 16_000 + stop]
