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
"""Names of the channels of a file that does not name them, by their number: FFmpeg's own guess."""

CANCELLED, WHOLE = 0.4, 1.0
"""Power of a mix over that of its loudest part: below the first the channels cancel each other out and the loudest is
taken, above the second the mix is taken again. Two alike channels give 4, unrelated ones 2, one alone gives 1."""

MEMORY_S = 0.05
"""Time over which powers are compared, roughly."""

FADE_S = 0.02
"""Time in which one choice fades into the other."""


def stereo_matrix(names: Sequence[str]) -> np.ndarray:
    """Return the matrix that mixes channels to left and right.

    Args:
        names: names of more than two channels as FFmpeg abbreviates them, such as ``FL``, ``FC``, ``LFE``.

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


class Mixer:
    """Mixer of channels by a matrix, block after block. Where the channels of a mix cancel each other out, the loudest
    of them takes their place.

    Args:
        matrix: (R, C) share of each channel of the source in each mix, none below 0.
        rate_hz: samples a second.
    """

    def __init__(self, matrix: np.ndarray, rate_hz: int) -> None:
        self._matrix = matrix.astype(np.float32)
        self._rate_hz = rate_hz
        self._channel_powers, self._powers = np.zeros(matrix.shape[1]), np.zeros(matrix.shape[0])
        self._shares = self._matrix
        self.cancelled = 0
        """Samples for which one channel was taken."""

    def mix(self, samples: np.ndarray) -> np.ndarray:
        """Mix (n, C) samples to (n, R) float32."""
        whole = samples @ self._matrix.T
        if self._matrix.shape[1] == 1 or not len(samples):
            return whole
        before, self._shares = self._shares, self._choice(samples, whole)
        if self._shares is self._matrix and before is self._matrix:
            return whole
        self.cancelled += 0 if self._shares is self._matrix else len(samples)
        fade = np.minimum(np.arange(len(samples), dtype=np.float32) / (FADE_S * self._rate_hz), 1)[:, None]
        return samples @ before.T + fade * (samples @ (self._shares - before).T)

    def _choice(self, samples: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Return (R, C) float32: the share of each channel, after the powers of these samples are taken in."""
        keep = math.exp(-len(samples) / (MEMORY_S * self._rate_hz))
        for powers, now in ((self._channel_powers, samples), (self._powers, whole)):
            powers *= keep
            powers += (1 - keep) * np.square(now, dtype=np.float64).mean(axis=0)
        rows = [self._row(*each) for each in zip(self._matrix, self._shares, self._powers.tolist(), strict=True)]
        chosen = np.stack(rows)
        return self._matrix if np.array_equal(chosen, self._matrix) else chosen

    def _row(self, usual: np.ndarray, before: np.ndarray, power: float) -> np.ndarray:
        parts = np.square(usual, dtype=np.float64) * self._channel_powers
        if power > WHOLE * parts.max():
            return usual
        if power < CANCELLED * parts.max():
            loudest = np.zeros_like(usual)
            loudest[parts.argmax()] = usual.sum()
            return loudest
        return before


def stereo_mixer(names: Sequence[str], rate_hz: int) -> Mixer | None:
    """Return a mixer of channels of these names to left and right; None where there are no more than two.

    FFmpeg's own mix of float channels is louder than full scale where the source is not: by up to 8 dB of 5.1.
    """
    return Mixer(stereo_matrix(names), rate_hz) if len(names) > 2 else None


def mono_mixer(channels: int, rate_hz: int) -> Mixer:
    """Return a mixer of so many channels to their mean."""
    return Mixer(np.full((1, channels), 1 / channels), rate_hz)
