"""From a network's logit to the probability that the face speaks, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from scipy.special import expit

PLATT: Mapping[str, tuple[float, float]] = MappingProxyType({})
"""Slope and offset by speaker model, where they were fitted. A model that is not listed has slope 1 and offset 0: its
probability is the plain sigmoid of the logit, right in order but not fitted to any labelled conversation."""


def probability_of(model: str, logit: np.ndarray) -> np.ndarray:
    """Probability of speaking by Platt's method, ``1 / (1 + exp(-(slope * logit + offset)))``.

    Args:
        model: name of the speaker model.
        logit: (M,) float32.

    Returns:
        (M,) float32 in 0..1.
    """
    slope, offset = PLATT.get(model, (1.0, 0.0))
    return expit(slope * logit.astype(np.float64) + offset).astype(np.float32)
