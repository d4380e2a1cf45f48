"""What a benchmark says of its machine."""

from __future__ import annotations

import json

import pytest

from benchmarks.facts import facts, share_of_others


@pytest.mark.parametrize(
    ("wall_s", "busy_s", "own_s", "share"),
    [(10.0, 15.0, 5.0, 0.5), (10.0, 5.0, 5.0, 0.0), (10.0, 4.9, 5.0, 0.0), (0.0, 0.0, 0.0, 0.0)],
    ids=["half of two cores", "nothing", "clocks that do not agree", "no time"],
)
def test_what_is_not_ours_is_that_of_others(wall_s: float, busy_s: float, own_s: float, share: float) -> None:
    assert share_of_others(wall_s, busy_s, own_s, 2) == share


def test_facts_go_into_a_json_line() -> None:
    assert {"device_name", "cores", "others", "commit", "date"} <= set(json.loads(json.dumps(facts())))
