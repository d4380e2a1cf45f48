"""The choice of weights with people held out, on videos whose best weights are known."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.quality.calibration import stated_error
from benchmarks.quality.contrast import Answer, _held_out, _speaker_model, write_reliability
from pipeline.attribution.weights import Certainty, Weights
from tests.support.finished import finished


def test_words_are_judged_by_weights_that_were_chosen_without_the_people_of_their_video() -> None:
    """The first weights serve a and b alone, so well that they would win; without them the second ones do."""
    videos: Any = [SimpleNamespace(heads=frozenset(pair), count=10) for pair in ("ab", "ab", "cd")]
    right = {"conversations": np.array([[10, 1], [10, 2], [4, 5]])}
    assert _held_out("conversations", {"conversations": videos}, right) == 1 + 2 + 4


def test_an_answer_is_tempered_by_what_moves() -> None:
    shares, right = np.array([0.8, 0.15, 0.05]), np.array([False, True, False])
    answer = Answer(shares, [3, 4, None], [1.0, 0.0, 0.0], right)
    assert answer.shares(Certainty()) == pytest.approx(shares)
    odds = np.array([1.0, (0.15 / 0.8) ** 0.5, (0.05 / 0.8) ** 0.25])
    certainty = Certainty(calm=0.5, moving=0.1, nobody=0.25)
    assert answer.shares(certainty) == pytest.approx(odds / odds.sum())
    assert answer.loss(certainty) == pytest.approx(-np.log(odds[1] / odds.sum()))
    assert answer.told(certainty) == (pytest.approx(1 / odds.sum()), False)


def test_the_error_of_stated_probabilities() -> None:
    stated, right = np.array([0.95, 0.95, 0.25, 0.25]), np.array([1, 0, 0, 1])
    assert stated_error(stated, right) == pytest.approx(0.5 * 0.45 + 0.5 * 0.25)


def test_the_reliability_is_written_beside_that_of_other_models(tmp_path: Path) -> None:
    path = tmp_path / "reliability.json"
    path.write_text('{"other": {"sets": {}}}')
    sets: Any = {"conversations": [SimpleNamespace(heads=frozenset(pair)) for pair in ("ab", "bc")]}
    told = {"conversations": np.array([[0.95, 1], [1.0, 1], [0.91, 0], [0.31, 0]])}
    write_reliability(path, "a + b", sets, told, Weights(contrast=2.0, certainty=Certainty(calm=0.5)))
    written = json.loads(path.read_text())
    assert written["other"] == {"sets": {}}
    assert (written["a + b"]["videos"], written["a + b"]["people"]) == (2, 3)
    assert written["a + b"]["weights"]["certainty"]["calm"] == 0.5
    assert written["a + b"]["sets"] == {
        "conversations": [
            {"stated": [0.3, 0.4], "right": 0.0, "words": 1},
            {"stated": [0.9, 1.0], "right": 0.67, "words": 3},
        ]
    }


def test_the_model_is_the_one_that_scored(tmp_path: Path) -> None:
    finished().write(tmp_path / "conversations-results" / "a")
    assert _speaker_model(tmp_path) == "lr-asd"
