"""Channels to stereo, and stereo to mono: never beyond full scale where the source is not, and never to silence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

CENTRE = math.sqrt(0.5)
"""Share of a centre or surround channel in a side, before all are brought down: ITU-R BS.775."""

MAIN = frozenset({"FL", "FR", "DL", "DR"})
"""Channels that enter their side whole."""

USUAL = {
    3: ("FL", "FR", "LFE"),
    4: ("FL", "FR", "FC", "BC"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}
"""Channels of a file that does not say which they are, by their number: FFmpeg's own guess."""

CANCELLED, WHOLE = 0.1, 0.25
"""Power of the mean over that of the louder channel: below the first the channels cancel each other out and the louder
one is taken, above the second the mean is taken again. Alike channels give 1, unrelated ones 0.5, one silent 0.25."""

MEMORY_S = 0.05
"""Powers are compared over about this time."""

FADE_S = 0.02
"""Time in which one choice goes over into the other."""


def stereo_matrix(names: Sequence[str]) -> np.ndarray:
    """Return the matrix that mixes channels to left and right.

    Args:
        names: of the channels as FFmpeg abbreviates them, such as ``FL``, ``FC``, ``LFE``; more than two.

    Returns:
        (2, C) float32. No row adds up to more than 1, so that no mix is louder than the loudest channel could be. Low
        frequency effects are left out; channels without a known place go to both sides.
    """
    if not any(name.endswith(("L", "R", "C", "LFE")) for name in names):
        names = USUAL.get(len(names), names)
    matrix = np.zeros((2, len(names)))
    for channel, name in enumerate(names):
        if name.startswith("LFE"):
            continue
        side = name.removesuffix("C") if name in ("FLC", "FRC") else name
        share = 1.0 if name in MAIN else CENTRE
        if not side.endswith("R"):
            matrix[0, channel] = share
        if not side.endswith("L"):
            matrix[1, channel] = share
    if not matrix.any():
        matrix[:] = 1.0
    return (matrix / max(matrix.sum(axis=1).max(), 1.0)).astype(np.float32)


class MonoMixer:
    """Mixes stereo to mono, block after block: the mean of both channels, or where they cancel each other out the
    louder one.

    Args:
        rate_hz: samples a second.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._powers = np.zeros(3)
        self._weights = np.array([0.5, 0.5], np.float32)
        self.cancelled = 0
        """Samples for which one channel was taken."""

    def mix(self, samples: np.ndarray) -> np.ndarray:
        """Return (n, 1) float32 of (n, 1) or (n, 2)."""
        if samples.shape[1] == 1 or not len(samples):
            return samples[:, :1]
        mean = samples.mean(axis=1, keepdims=True)
        before, self._weights = self._weights, self._choice(samples, mean)
        if self._weights[0] != 0.5:
            self.cancelled += len(samples)
        if np.array_equal(before, self._weights):
            return mean if before[0] == 0.5 else samples @ before[:, None]
        fade = np.minimum(np.arange(len(samples), dtype=np.float32) / (FADE_S * self._rate_hz), 1)[:, None]
        return ((samples * (before + fade * (self._weights - before))).sum(axis=1, keepdims=True)).astype(np.float32)

    def _choice(self, samples: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """(2,) float32: share of each channel, after the powers of these samples are taken in."""
        keep = math.exp(-len(samples) / (MEMORY_S * self._rate_hz))
        now = [float(np.square(part, dtype=np.float64).mean()) for part in (samples[:, 0], samples[:, 1], mean)]
        self._powers = keep * self._powers + (1 - keep) * np.array(now)
        left, right, both = self._powers.tolist()
        louder = max(left, right)
        if both > WHOLE * louder:
            return np.array([0.5, 0.5], np.float32)
        if both < CANCELLED * louder:
            return np.array([1.0, 0.0] if left >= right else [0.0, 1.0], np.float32)
        return self._weights
