from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from talknet import load_scorer
from talknet.scorer import NetworkScorer

pytestmark = pytest.mark.slow

_NETWORKS = ["talknet", "lr-asd", "light-asd"]
_ALLOWED = 1e-4

Scorers = Callable[[str], NetworkScorer]
Noise = tuple[np.ndarray, np.ndarray]


def _part(track: Noise, first: int, count: int) -> Noise:
    return track[0][first : first + count], track[1][4 * first : 4 * (first + count)]


def _repeated(track: Noise, frames: int) -> Noise:
    crops, mfcc = track
    return np.resize(crops, (frames, 112, 112)), np.resize(mfcc, (4 * frames, 13))


@pytest.mark.parametrize("model", _NETWORKS)
def test_tracks_scored_together_have_the_scores_of_each_alone(scorer_of: Scorers, track: Noise, model: str) -> None:
    scorer = scorer_of(model)
    tracks = [_part(track, first, count) for first, count in ((0, 1), (3, 7), (5, 25), (9, 27), (0, 60), (20, 100))]
    together = scorer.score_tracks(tracks)
    for part, logits in zip(tracks, together, strict=True):
        np.testing.assert_allclose(logits, scorer.score(*part), rtol=0, atol=_ALLOWED)


def test_blocks_of_a_minute_give_the_scores_of_the_whole(scorer_of: Scorers, track: Noise) -> None:
    scorer = scorer_of("lr-asd")
    crops, mfcc = _repeated(track, 1530)
    whole = scorer.score(crops, mfcc)
    parts = [scorer.score(crops[:1500], mfcc[:6000]), scorer.score(crops[1500:], mfcc[6000:])]
    np.testing.assert_allclose(whole, np.concatenate(parts), rtol=0, atol=_ALLOWED)


@pytest.mark.parametrize("model", _NETWORKS)
@pytest.mark.parametrize("batches", [{"frames": 7, "seconds": 1, "windows": 25}, {"frames": 999, "seconds": 3}])
def test_scores_do_not_depend_on_the_batches(
    scorer_of: Scorers, weights: dict[str, Path], track: Noise, model: str, batches: dict[str, int]
) -> None:
    scorer = NetworkScorer(model, weights[model])
    scorer._batches._most.update(batches)
    part = _part(track, 0, 110)
    np.testing.assert_allclose(scorer.score(*part), scorer_of(model).score(*part), rtol=0, atol=_ALLOWED)


@pytest.mark.parametrize("model", _NETWORKS)
@pytest.mark.parametrize("frames", [1, 2, 24, 25, 26, 30])
def test_the_shortest_tracks_are_scored(scorer_of: Scorers, track: Noise, model: str, frames: int) -> None:
    logits = scorer_of(model).score(*_part(track, 0, frames))
    assert logits.shape == (frames,)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("model", _NETWORKS)
def test_frames_without_sound_repeat_the_last_that_has_it(scorer_of: Scorers, track: Noise, model: str) -> None:
    crops, mfcc = _part(track, 0, 40)
    logits = scorer_of(model).score(crops, mfcc[:131])
    np.testing.assert_allclose(logits[:32], scorer_of(model).score(crops[:32], mfcc[:128]), rtol=0, atol=_ALLOWED)
    assert (logits[32:] == logits[31]).all()


def test_scores_are_not_rounded(scorer_of: Scorers, track: Noise) -> None:
    logits = scorer_of("lr-asd").score(*_part(track, 0, 50))
    assert np.abs(logits * 10 - np.round(logits * 10)).max() > 0.01


def test_no_tracks(scorer_of: Scorers) -> None:
    assert scorer_of("lr-asd").score_tracks([]) == []


@pytest.mark.parametrize(("frames", "rows"), [(0, 40), (10, 3)])
def test_nothing_to_score_is_an_error(scorer_of: Scorers, frames: int, rows: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        scorer_of("lr-asd").score(np.zeros((frames, 112, 112), np.uint8), np.zeros((rows, 13), np.float32))


@pytest.mark.parametrize("model", _NETWORKS)
def test_running_out_of_memory_halves_the_batch_and_is_counted(
    weights: dict[str, Path], scorer_of: Scorers, track: Noise, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = NetworkScorer(model, weights[model])
    forward = scorer._network.forward

    def short_of_memory(sound: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
        if len(faces) > 1:
            raise torch.OutOfMemoryError("no memory")
        return forward(sound, faces)

    monkeypatch.setattr(scorer._network, "forward", short_of_memory)
    part = _part(track, 0, 100)
    np.testing.assert_allclose(scorer.score(*part), scorer_of(model).score(*part), rtol=0, atol=_ALLOWED)
    assert scorer.memory_reductions > 0


@pytest.mark.parametrize("model", _NETWORKS)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_load_scorer_gives_the_network(
    weights: dict[str, Path], track: Noise, model: str, device: str, available: None
) -> None:
    scorer = load_scorer(model, weights[model], device)
    assert scorer.name == model
    assert scorer.memory_reductions == 0
    assert np.isfinite(scorer.score(*_part(track, 0, 30))).all()
