"""Hostile plans of upright videos: a plan that can be rendered, or an error that names the place."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.framing.plan import CameraPath, FramingPlan, Panel, Run
from pipeline.framing.plan_file import PlanFile, parse_plan, plan_text, summary_of
from tests.fuzz.mutations import CHANGES, Change, fuzz, mutated
from tests.fuzz.values import JSON_VALUES, Place, changed, places_in, raw_json

pytestmark = pytest.mark.slow

PATH = CameraPath(np.array([0.0, 7.5]), np.array([[400.0, 540.0, 1080.0], [500.0, 540.0, 1080.0]]))
HALVES = tuple(
    Panel((person,), CameraPath(np.array([60.0]), np.array([[x, 500.0, 560.0]]))) for person, x in ((1, 400), (2, 1500))
)
RUNS = (
    Run(0, 60, "follow", (Panel((1,), PATH),), "start", "speaker model", 1, "speaker 1 speaks"),
    Run(60, 160, "split", HALVES, "turn", "lip motion", 2, "at once"),
)
VALID = plan_text(PlanFile(FramingPlan((1920, 1080), (1080, 1920), (0, 0, 1920, 1080), "blur", RUNS), "a.mp4", 200))
CONTENT = json.loads(VALID)


def _check(data: bytes) -> None:
    try:
        read = parse_plan(data)
    except InputError as error:
        assert error.reason_code == "bad_plan"
        assert len(error.message) < 1000
        return
    plan = read.plan
    assert 0 <= plan.runs[0].first < plan.runs[-1].stop <= read.frame_count
    assert not any(side % 2 for side in plan.size_px)
    for run in plan.runs:
        for panel in run.panels:
            assert np.isfinite(panel.path.window).all() and (panel.path.window[:, 2] > 0).all()
    assert 0 <= summary_of(plan)["reframed_share"] <= 1
    assert plan_text(parse_plan(plan_text(read))) == plan_text(read)


@fuzz
@given(CHANGES)
def test_damaged_plans(changes: list[Change]) -> None:
    _check(mutated(VALID.encode(), changes))


@fuzz
@given(st.sampled_from(places_in(CONTENT)), JSON_VALUES)
def test_plans_with_one_strange_value(place: Place, value: Any) -> None:
    _check(raw_json(changed(CONTENT, place, value)))


@fuzz
@given(JSON_VALUES)
def test_other_json(value: Any) -> None:
    _check(raw_json(value))
