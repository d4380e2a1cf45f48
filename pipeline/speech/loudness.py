"""Gain that brings quiet speech to the level that a speech detector expects.

The gain follows the loudest sound within `NEAR_S`, so that a quiet half of a recording is heard as well as a loud one.
It is for a detector alone: recognisers get the sound as it is.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

TARGET_DBFS = -25.0
"""Level to which the loudest speech nearby is brought. Louder speech stays as it is."""

MAX_GAIN_DB = 60.0
"""Greatest gain: 16-bit speech at -85 dBFS is rounded to nothing."""

MAX_BELOW_DB = 35.0
"""Distance below the loud parts of a recording from which sound gets no more gain: it is the noise of the room."""

NEAR_S = 1.0
"""Reach of the loudest sound, to either side. With 5 s the first quiet words after loud ones were not heard."""

SMOOTH_S = 0.3
"""Time over which levels are means: clicks do not count."""

LOUD_PERCENTILE = 95.0
"""Percentile of the levels of a recording above which its loud parts lie."""


def gains(powers: np.ndarray, step_s: float) -> np.ndarray:
    """Return the factor for each step of a recording.

    Chosen on ten recordings of ``retalking_face1`` to ``5``, ``jfk``, ``pyannote_sample`` and GRID, as they are and
    quieter by 20 to 60 dB: at -45 dB the regions of speech overlap those of the recording as it is by 0.98 to 1.00,
    without the gain by 0.00 to 1.00. Noise alone, at -30 to -80 dBFS, gives no speech with it either.

    Args:
        powers: (W,) mean square of the samples of each step, full scale 1.
        step_s: length of a step.

    Returns:
        (W,) float64, at least 1.
    """
    if not len(powers):
        return np.ones(0)
    level = _dbfs(uniform_filter1d(np.asarray(powers, np.float64), max(round(SMOOTH_S / step_s), 1)))
    near = maximum_filter1d(level, 2 * round(NEAR_S / step_s) + 1)
    loud = float(np.percentile(_dbfs(powers), LOUD_PERCENTILE))
    return 10 ** (np.clip(TARGET_DBFS - np.maximum(near, loud - MAX_BELOW_DB), 0.0, MAX_GAIN_DB) / 20)


def _dbfs(powers: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(powers, 1e-12))
