"""Motion beside speech: heads sway, eyes blink, and lips move a little.

Speaker and listener move in the same way, so that motion of the head tells nothing about who speaks.
"""

from __future__ import annotations

import numpy as np

SWAY = (0.022, 0.014, 1.3)
"""Amplitude of the head's motion: right and down in widths of the face, clockwise in degrees."""
SWAY_HZ = (0.08, 0.45)
"""Range of the frequencies that the motion is made of."""
IDLE_SPREAD = 0.1
"""Amplitude of the slow movement of lips that do not speak; see :class:`samples.face.Pose`."""
BLINK_S = 0.2
"""Duration of a blink, down and up again."""
BLINK_PAUSE_S = (2.2, 5.0)
"""Range of the time from one blink to the next."""


def sway(seed: int, times_s: np.ndarray) -> np.ndarray:
    """Return the motion of a head and the idle movement of its lips.

    Args:
        seed: seed of phases and frequencies.
        times_s: (F,) instants.

    Returns:
        (F, 4) float64: right and down in widths of the face, clockwise in degrees, spread of the lips.
    """
    random = np.random.default_rng(seed)
    columns = []
    for amplitude in (*SWAY, IDLE_SPREAD):
        rate_hz = random.uniform(*SWAY_HZ, 3)
        phase = random.uniform(0, 2 * np.pi, 3)
        share = random.dirichlet([4, 4, 4])
        columns.append(amplitude * np.sin(2 * np.pi * np.outer(times_s, rate_hz) + phase) @ share)
    return np.stack(columns, axis=1)


def blinks(seed: int, times_s: np.ndarray) -> np.ndarray:
    """Return by how much the eyes are shut at the instants *times_s*: (F,) float64, 0 open to 1 shut."""
    random = np.random.default_rng(seed)
    shut = np.zeros(len(times_s))
    start_s = random.uniform(0.5, BLINK_PAUSE_S[1])
    while start_s < times_s.max(initial=0.0):
        phase = (times_s - start_s) / BLINK_S
        shut = np.maximum(shut, np.where((phase > 0) & (phase < 1), np.sin(np.pi * phase.clip(0, 1)) ** 1.5, 0))
        start_s += random.uniform(*BLINK_PAUSE_S)
    return shut
