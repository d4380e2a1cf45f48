"""The fit of a calibration, on numbers whose calibration is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality.calibration import calibration_error, fit, log_loss


def _drawn(slope: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    logits = rng.normal(0.5, 2.0, 40_000).astype(np.float32)
    return logits, rng.random(len(logits)) < 1 / (1 + np.exp(-(slope * logits + offset)))


def test_the_line_that_made_the_labels_is_found() -> None:
    logits, labels = _drawn(1.4, -1.9)
    slope, offset = fit(logits, labels)
    assert (slope, offset) == (pytest.approx(1.4, abs=0.06), pytest.approx(-1.9, abs=0.06))
    assert log_loss(slope, offset, logits, labels) <= log_loss(1.4, -1.9, logits, labels)


def test_the_error_tells_a_good_calibration_from_a_bad_one() -> None:
    logits, labels = _drawn(1.4, -1.9)
    assert calibration_error(1.4, -1.9, logits, labels) < 0.02
    assert calibration_error(1.0, 0.0, logits, labels) > 0.1
