"""Movement of a mouth that speaks: from phonemes to its opening and width at any instant."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.ndimage import gaussian_filter1d

from samples.speech import Sound

STEP_HZ = 500
"""Instants a second at which the movement is computed before it is sampled."""

SMOOTHING_S = 0.024
"""Standard deviation of the blur over time: lips are on their way to the next sound before this one has ended."""

CLOSED = (-0.35, 0.0)
"""Opening of the lips in p, b and m: below zero, so that the blur over time still leaves them closed."""

# Opening (0 closed, 1 wide open) and spread (-1 rounded, 1 drawn wide) of the lips for each sound.
_SHAPES: dict[str, tuple[float, float]] = {
    **dict.fromkeys("pbm", CLOSED),
    **dict.fromkeys("fv", (0.06, 0.1)),
    **dict.fromkeys("θð", (0.22, 0.15)),
    **dict.fromkeys("tdnszlɾ", (0.2, 0.3)),
    **dict.fromkeys("ʃʒ", (0.24, -0.55)),
    **dict.fromkeys("kɡŋjhʔ", (0.3, 0.15)),
    **dict.fromkeys("rɹ", (0.26, -0.4)),
    "w": (0.14, -1.0),
    **dict.fromkeys("ɑaæɐ", (1.0, 0.15)),
    "ʌ": (0.75, 0.05),
    **dict.fromkeys("ɔɒo", (0.72, -0.6)),
    **dict.fromkeys("ɛe", (0.62, 0.45)),
    **dict.fromkeys("əɚɜ", (0.42, -0.05)),
    **dict.fromkeys("iɪᵻ", (0.36, 0.75)),
    **dict.fromkeys("uʊ", (0.32, -0.95)),
}
_MARKS = "ˈˌːˑ̩"
"""Stress, length and syllable signs, which do not change the shape."""


def shapes_of(phoneme: str) -> list[tuple[float, float]]:
    """Return the shapes that one phoneme passes through, as (opening, spread); none for a pause.

    Raises:
        ValueError: the table lacks a sign of IPA.
    """
    signs = [sign for sign in phoneme if sign not in _MARKS]
    unknown = [sign for sign in signs if sign not in _SHAPES]
    if unknown:
        raise ValueError(f"no mouth shape for {unknown} in the phoneme {phoneme!r}")
    return [_SHAPES[sign] for sign in signs]


def mouth_movement(phonemes: Iterable[Sound], times_s: np.ndarray) -> np.ndarray:
    """Return opening and spread of a mouth at the instants *times_s*.

    Args:
        phonemes: its phonemes, in order of time; outside them it is shut and at rest.
        times_s: (F,) instants on the clock of *phonemes*.

    Returns:
        (F, 2) float64: opening in 0..1, spread in -1..1.
    """
    last_s = float(times_s.max(initial=0.0)) + 1.0
    track = np.zeros((int(last_s * STEP_HZ) + 1, 2))
    for sound in phonemes:
        shapes = shapes_of(sound.text)
        edges = np.linspace(sound.start_s, sound.end_s, len(shapes) + 1)
        for shape, start_s, end_s in zip(shapes, edges[:-1], edges[1:], strict=True):
            track[round(start_s * STEP_HZ) : round(end_s * STEP_HZ)] = shape
    smooth = gaussian_filter1d(track, SMOOTHING_S * STEP_HZ, axis=0)
    steps = np.arange(len(track)) / STEP_HZ
    opening = np.interp(times_s, steps, smooth[:, 0]).clip(0, 1)
    spread = np.interp(times_s, steps, smooth[:, 1]).clip(-1, 1)
    return np.stack([opening, spread], axis=1)
