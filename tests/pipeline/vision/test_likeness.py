"""Vectors of faces have length 1, and the cosines of another network are in the measured one's proportion."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.vision.likeness import MOBILEFACENET, CosineLimits, unit


def test_unit_length():
    assert unit(np.array([3.0, 4.0])).tolist() == pytest.approx([0.6, 0.8])
    assert unit(np.zeros(3)).tolist() == [0, 0, 0]


def test_limits_of_another_network_are_in_the_same_proportion():
    # 0.36 is 0.8 times 0.45.
    found = MOBILEFACENET.scaled_to(0.36)
    assert found.same_person == 0.36
    assert [found.most_doubt, found.most_across, found.least_within] == pytest.approx([0.32, 0.2, 0.44])


@pytest.mark.parametrize("values", [(0.45, 0.4, 0.5, 0.55), (0.45, 0.4, 0.25, 0.4), (0.9, 0.8, 0.5, 1.1)])
def test_limits_that_contradict_each_other_are_refused(values):
    with pytest.raises(ValueError, match="CosineLimits"):
        CosineLimits(*values)
