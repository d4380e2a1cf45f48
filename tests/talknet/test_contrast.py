"""Sync contrast: the score with this sound against the same sound at other times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from talknet.contrast import MARGIN_FRAMES, SHIFTS_FRAMES, ContrastScorer, HeardTrack, heard_track, wrapped
from talknet.features import mfcc_for_frames
from talknet.joint import JointScorer
from talknet.lip_motion import LipMotion
from talknet.scorer import NetworkScorer

Scorers = Callable[[str], NetworkScorer]
Noise = tuple[np.ndarray, np.ndarray]

FRAMES = 40


def _heard(track: Noise, first: int = 0, count: int = FRAMES) -> HeardTrack:
    """A stretch of the track, whose sound is repeated until it reaches far enough on both sides."""
    crops, mfcc = track
    rows = np.arange(4 * (first - MARGIN_FRAMES), 4 * (first + count + MARGIN_FRAMES)) % len(mfcc)
    return HeardTrack(crops[first : first + count], mfcc[rows])


def _shifted(heard: HeardTrack, frames: int) -> np.ndarray:
    start = 4 * (MARGIN_FRAMES + frames)
    return heard.mfcc[start : start + 4 * len(heard.crops)]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["talknet", "lr-asd", "light-asd"])
class TestNetworks:
    def test_the_logits_are_those_of_the_track(self, scorer_of: Scorers, track: Noise, model: str) -> None:
        heard = _heard(track)
        (found,) = scorer_of(model).evidence([heard])
        np.testing.assert_allclose(found.logit, scorer_of(model).score(*heard.track), rtol=0, atol=1e-4)

    def test_the_contrast_is_the_score_less_that_with_the_sound_at_other_times(
        self, scorer_of: Scorers, track: Noise, model: str
    ) -> None:
        """Of a track of less than 6 s that is one window."""
        heard, scorer = _heard(track), scorer_of(model)

        def of_one_window(mfcc: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                faces = scorer._faces([torch.from_numpy(heard.crops)])[: len(heard.crops)]
                return scorer._network(torch.from_numpy(mfcc)[None], faces[None])[0].numpy()

        elsewhere = np.mean([of_one_window(_shifted(heard, shift)) for shift in SHIFTS_FRAMES], axis=0)
        (found,) = scorer.evidence([heard])
        np.testing.assert_allclose(
            found.sync_contrast, of_one_window(_shifted(heard, 0)) - elsewhere, rtol=0, atol=1e-4
        )

    def test_tracks_together_have_the_evidence_of_each_alone(
        self, scorer_of: Scorers, track: Noise, model: str
    ) -> None:
        parts = [_heard(track, first, count) for first, count in ((0, 1), (3, 27), (20, 60))]
        for heard, together in zip(parts, scorer_of(model).evidence(parts), strict=True):
            (alone,) = scorer_of(model).evidence([heard])
            np.testing.assert_allclose(together.logit, alone.logit, rtol=0, atol=1e-4)
            np.testing.assert_allclose(together.sync_contrast, alone.sync_contrast, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_sound_that_is_the_same_at_all_times_tells_nothing(scorer_of: Scorers, track: Noise) -> None:
    crops = track[0][:FRAMES]
    same = np.repeat(track[1][:1], 4 * (FRAMES + 2 * MARGIN_FRAMES), axis=0)
    (found,) = scorer_of("lr-asd").evidence([HeardTrack(crops, same)])
    np.testing.assert_allclose(found.sync_contrast, 0, atol=1e-4)


@pytest.mark.slow
def test_two_weights_add_their_logits_and_the_contrast_is_that_of_the_second(scorer_of: Scorers, track: Noise) -> None:
    one, other = scorer_of("lr-asd"), scorer_of("light-asd")
    joint, heard = JointScorer(one, other), _heard(track)
    (found,), (second,) = joint.evidence([heard]), other.evidence([heard])
    wanted = one.score(*heard.track) + other.score(*heard.track)
    np.testing.assert_allclose(found.logit, wanted, rtol=0, atol=1e-4)
    np.testing.assert_allclose(joint.score(*heard.track), wanted, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(found.sync_contrast, second.sync_contrast)
    assert (joint.name, joint.memory_reductions) == ("lr-asd", 0)
    assert isinstance(joint, ContrastScorer) and not isinstance(LipMotion(), ContrastScorer)


def test_sound_of_another_length_is_refused(track: Noise) -> None:
    with pytest.raises(ValueError, match=r"expected \(504, 13\) for 20 crops, got \(80, 13\)"):
        HeardTrack(track[0][:20], track[1][:80])


SOUND = np.arange(1, 30_001, dtype=np.int16)


def _read(start: int, stop: int) -> np.ndarray:
    places = np.arange(start, stop)
    inside = (places >= -400) & (places < len(SOUND) - 400)
    return np.where(inside, SOUND[(places + 400) % len(SOUND)], 0).astype(np.int16)


@pytest.mark.parametrize(("start", "stop"), [(0, 10), (-500, -300), (29_000, 30_500), (-70_000, 65_000), (5, 5)])
def test_a_sound_goes_on_from_its_other_end(start: int, stop: int) -> None:
    read = wrapped(_read, -400, len(SOUND) - 400)
    np.testing.assert_array_equal(read(start, stop), SOUND[(np.arange(start, stop) + 400) % len(SOUND)])


def test_the_sound_of_a_track_is_its_own_and_that_around_it_wraps(track: Noise) -> None:
    """The picture goes on for longer than the sound: there it is silent, as for the score."""
    first, count = 40, 10
    heard = heard_track(track[0][:count], _read, wrapped(_read, -400, len(SOUND) - 400), first)
    np.testing.assert_array_equal(heard.track[1], mfcc_for_frames(_read, first, count))
    behind = heard.mfcc[4 * (MARGIN_FRAMES + count) :]
    assert not np.array_equal(behind, mfcc_for_frames(_read, first + count, MARGIN_FRAMES))
