"""Weights of the scores of each speaker model in the evidence for who says a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipeline.vision.calibration import calibration_of


@dataclass(frozen=True, slots=True)
class Certainty:
    """Share of the log-odds between two answers for one word that is believed, 0..1.

    Neighbouring words repeat one another's evidence, and a face that fits the sound better than it should does so in
    all words of a turn: their evidence together says more than it knows.
    """

    calm: float = 1.0
    """Between two faces one of which holds its mouth still."""
    moving: float = 1.0
    """Between two faces whose mouths move."""
    nobody: float = 1.0
    """Between a face and nobody in view."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the columns of `SpeakerScores`; the plain ones are those of a model with one score.

    Two questions are answered apart. *Does anybody in view speak?* The score of the most active face says so, with a
    share of what the other weights of the network say of it. *Which of them?* All faces are behind the likeliest one by
    as much as they are less likely: by the log-probability that their mouth moves, which two moving mouths share, and
    by the score of the other weights and the sync contrast, which they do not.
    """

    presence: float = 1.0
    """Log-odds that somebody in view speaks to one of the score's units."""
    boundary: float = 0.0
    """Score at which a word is as likely said by nobody in view."""
    others: float = 0.0
    """Weight of the score of the other weights, ``logit - activity``, beside an activity of weight 1."""
    presence_frames: int = 9
    """Width of the running mean over both, in frames."""
    moving: float | None = None
    """Weight of the log-probability that a mouth moves. None: the plain score alone tells which of them."""
    moving_slope: float = 1.0
    """Log-odds that a mouth moves to one of the activity's units."""
    listening: float = 0.0
    """Weight of the score of the other weights."""
    contrast: float = 0.0
    """Weight of the sync contrast."""
    certainty: Certainty = Certainty()
    """Trust in the probabilities of words."""


PLAIN = Weights()
"""Those of any model that was not fitted: the boundary of its training."""


def _of_one_score(model: str, boundary: float) -> Weights:
    return Weights(presence=calibration_of(model).slope, boundary=boundary)


FITTED: Mapping[str, Weights] = MappingProxyType(
    {
        "lr-asd": _of_one_score("lr-asd", boundary=0.3),
        "light-asd": _of_one_score("light-asd", boundary=0.9),
        "lip-motion": _of_one_score("lip-motion", boundary=0.1),
        "lr-asd + lr-asd-ava": Weights(
            presence=0.5,
            boundary=0.3,
            others=0.25,
            presence_frames=51,
            moving=2.0,
            moving_slope=2.0,
            listening=0.5,
            contrast=2.0,
            certainty=Certainty(calm=0.21, moving=0.27, nobody=0.5),
        ),
        "light-asd + light-asd-ava": Weights(
            presence=0.5,
            boundary=0.45,
            others=0.25,
            presence_frames=51,
            moving=2.0,
            moving_slope=2.0,
            listening=0.3,
            contrast=2.0,
            certainty=Certainty(calm=0.18, moving=0.38, nobody=0.35),
        ),
    }
)
"""Weights of each speaker model that were fitted: of one score by ``python -m benchmarks.calibration``, of two by
``python -m benchmarks.contrast``, on conversations composed of ten talking heads, with listeners, with two moving
mouths, and with a voice from off screen. TalkNet is not among them: its weights could not be had."""


def weights_of(model: str) -> Weights:
    """Return the weights of a speaker model, by the name that `pipeline.vision.calibration.speaking_name` gives.

    Two files that were not fitted together have those of the first, whose score is the activity.
    """
    return FITTED.get(model) or FITTED.get(model.split(" + ")[0], PLAIN)
