"""The reliability of stated probabilities, and those of one video, as they are drawn."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from config import Config
from pipeline.attribution.weights import weights_of
from pipeline.outputs import reliability as module
from pipeline.outputs.reliability import FILE, probabilities_of, reliability_of, speaker_model_of, x_of, y_of
from pipeline.types import ModelChoice
from pipeline.vision.calibration import speaking_name
from tests.support.finished import finished


def measured(*bins: tuple[float, float, float, int]) -> dict[str, Any]:
    lines = [{"stated": [low, high], "right": right, "words": words} for low, high, right, words in bins]
    return {"command": "c", "videos": 2, "people": 3, "sets": {"both-talking": lines}}


def sentences(*probabilities: float | None) -> list[dict[str, float | None]]:
    return [{"probability": probability} for probability in probabilities]


@pytest.mark.parametrize("model", module._measured())
def test_the_file_is_of_the_weights_in_use(model: str) -> None:
    """After a new fit ``python -m benchmarks.contrast --reliability pipeline/outputs/reliability.json`` writes it."""
    assert module._measured()[model]["weights"] == asdict(weights_of(model))


def test_the_model_of_two_files_has_the_name_of_its_calibration() -> None:
    choices = [ModelChoice(role, name, None) for role, name in (("speaking", "a"), ("words", "w"), ("speaking", "b"))]
    manifest = {"models": [{"job": choice.role, "name": choice.name} for choice in choices]}
    assert speaker_model_of(manifest) == speaking_name(choices) == "a + b"


def test_each_bin_is_a_point_and_those_of_few_words_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_measured", lambda: {"m": measured((0.4, 0.5, 1.0, 9), (0.6, 0.7, 0.25, 10))})
    found = reliability_of("m")
    assert found is not None
    (line,) = found["sets"]
    assert (line["title"], found["words"], found["people"]) == ("two mouths that move", 10, 3)
    text = "stated 0.6 to 0.7: 25% of 10 words are right"
    assert line["points"] == [{"x": x_of(0.65), "y": y_of(0.25), "text": text}]


def test_a_model_that_was_not_measured_has_none() -> None:
    assert reliability_of("lip-motion") is None
    assert FILE.is_file() and reliability_of("lr-asd + lr-asd-ava") is not None


def test_dropped_sentences_stand_on_those_with_a_clip() -> None:
    manifest = {"clips": sentences(0.95, 1.0), "dropped": sentences(0.92, None, 0.3), "settings": {}}
    found = probabilities_of(manifest)
    assert (found["clips"], found["dropped"], found["most"], found["least"]) == (2, 2, 3, None)
    dropped_low, clips, dropped = found["bars"]
    assert [bar["kind"] for bar in found["bars"]] == ["dropped", "clips", "dropped"]
    assert (dropped_low["y"], dropped_low["height"]) == (y_of(1 / 3), pytest.approx(y_of(0) - y_of(1 / 3), abs=0.1))
    assert (clips["y"], clips["text"]) == (y_of(2 / 3), "0.9 to 1.0: 2 with a clip")
    assert (dropped["y"], dropped["x"], dropped["y"] + dropped["height"]) == (y_of(1), clips["x"], clips["y"])


def test_the_least_probability_of_the_run_is_marked() -> None:
    assert probabilities_of(finished(config=Config(MIN_PROBABILITY=0.75)).manifest)["least"] == x_of(0.75)


def test_a_video_without_a_sentence() -> None:
    assert probabilities_of(finished(0).manifest)["bars"] == []
