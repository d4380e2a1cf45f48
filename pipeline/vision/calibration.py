"""The probability that a face speaks, from the logit of a speaker model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.special import expit

from pipeline.types import ModelChoice


@dataclass(frozen=True, slots=True)
class Calibration:
    """Slope and offset that turn the logits of one speaker model into probabilities."""

    slope: float = 1.0
    """Log-odds of speaking to one of the logit's units."""
    offset: float = 0.0
    """Log-odds of speaking at logit 0."""


FITTED: Mapping[str, Calibration] = MappingProxyType(
    {
        "lr-asd": Calibration(slope=1.398, offset=-1.941),
        "light-asd": Calibration(slope=0.916, offset=-2.304),
        "lr-asd + lr-asd-ava": Calibration(slope=0.758, offset=-1.521),
        "lip-motion": Calibration(slope=0.88, offset=-0.782),
    }
)
"""Calibration of each speaker model that was fitted, by ``python -m benchmarks.calibration``: on 13,286 rows, each a
face on a frame, of 52 videos that are composed of ten talking heads, 13 of them with a voice from off screen. TalkNet
is not among them: its weights could not be had."""

PLAIN = Calibration()
"""Of any other model: the plain sigmoid, right in order but fitted to nothing."""


def speaking_name(models: Sequence[ModelChoice]) -> str:
    """Return the name by which scores are calibrated: of the speaker model, or of two that score jointly."""
    return " + ".join(model.name for model in models if model.role == "speaking")


def calibration_of(model: str) -> Calibration:
    """Return the calibration of a speaker model."""
    return FITTED.get(model, PLAIN)


def probability_of(model: str, logit: np.ndarray) -> np.ndarray:
    """Return the probability of speaking by Platt's method, ``1 / (1 + exp(-(slope * logit + offset)))``.

    Args:
        model: name of the speaker model.
        logit: (M,) float32.

    Returns:
        (M,) float32 in 0..1.
    """
    fit = calibration_of(model)
    return expit(fit.slope * logit.astype(np.float64) + fit.offset).astype(np.float32)
