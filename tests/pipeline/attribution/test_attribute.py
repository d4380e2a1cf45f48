"""The settings of attribution."""

from __future__ import annotations

import pytest

from config import Config
from pipeline.attribution.attribute import speaking_threshold


@pytest.mark.parametrize(("least", "threshold"), [(0.0, 0.0), (-1.5, -1.5), (2.0, 0.0)])
def test_the_threshold_of_speaking(least: float, threshold: float) -> None:
    assert speaking_threshold(Config(MIN_SPEAKER_SCORE_THRESHOLD=least)) == threshold
