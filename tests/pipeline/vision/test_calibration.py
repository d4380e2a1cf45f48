"""Logits to probabilities."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.vision import calibration
from pipeline.vision.calibration import Calibration, probability_of

MODELS = ("talknet", "lr-asd", "light-asd", "lip-motion", "another")


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50))
def test_probabilities_keep_the_order_and_stay_within_bounds(model, logits):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = probability_of(model, np.sort(np.array(logits, np.float32)))
    assert found.dtype == np.float32
    assert (found >= 0).all() and (found <= 1).all() and (np.diff(found) >= 0).all()


def test_a_model_without_fit_has_the_plain_sigmoid():
    found = probability_of("another", np.array([-np.log(3), 0, np.log(3)], np.float32))
    assert found == pytest.approx([0.25, 0.5, 0.75])


def test_slope_and_offset_act(monkeypatch):
    monkeypatch.setattr(calibration, "FITTED", {"fitted": Calibration(2.0, -1.0)})
    assert probability_of("fitted", np.array([0.5], np.float32)) == pytest.approx([0.5])


def test_no_rows_give_no_rows():
    assert probability_of("talknet", np.zeros(0, np.float32)).shape == (0,)
