"""What a benchmark says of its machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from benchmarks.common import facts as module
from benchmarks.common.facts import facts, share_of_others


@pytest.mark.parametrize(
    ("wall_s", "busy_s", "own_s", "share"),
    [(10.0, 15.0, 5.0, 0.5), (10.0, 5.0, 5.0, 0.0), (10.0, 4.9, 5.0, 0.0), (0.0, 0.0, 0.0, 0.0)],
    ids=["half of two cores", "nothing", "clocks that do not agree", "no time"],
)
def test_what_is_not_ours_is_that_of_others(wall_s: float, busy_s: float, own_s: float, share: float) -> None:
    assert share_of_others(wall_s, busy_s, own_s, 2) == share


def test_facts_go_into_a_json_line() -> None:
    assert {"device_name", "cores", "others", "commit", "date"} <= set(json.loads(json.dumps(facts())))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_what_a_living_child_computes_is_ours() -> None:
    before = module._own_s()
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as child:
        end_s = time.monotonic() + 60
        while module._own_s() < before + 0.5 and time.monotonic() < end_s:
            time.sleep(0.05)
        alive = child.poll() is None
        while_alive = module._own_s()
        child.kill()
    assert alive and while_alive >= before + 0.5
    assert module._own_s() >= while_alive, "what has ended was counted already, and still is"
