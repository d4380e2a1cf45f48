"""``reframe.json``: written, read back, and refused where an edit is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.framing.plan import CameraPath, FramingPlan, Panel, Run
from pipeline.framing.plan_file import PlanFile, parse_plan, plan_text, read_plan, summary_of, write_plan
from pipeline.framing.planner import plan_framing
from tests.support.talks import HD, LEFT, RIGHT, UPRIGHT, faces, moving, says


def path(*keys: tuple[float, float, float, float]) -> CameraPath:
    table = np.array(keys)
    return CameraPath(table[:, 0], table[:, 1:])


RUNS = (
    Run(
        0, 100, "follow", (Panel((3,), path((0, 400, 540, 1080), (7.5, 500.25, 540, 1080))),), "start",
        "speaker model", 1, "speaker 1 speaks",
    ),
    Run(
        100, 200, "split", (Panel((3,), path((100, 400, 500, 560))), Panel((4,), path((100, 1500, 500, 560)))), "turn",
        "lip motion", 2, "they speak at the same time for 0.5 s",
    ),
    Run(200, 300, "wide", (Panel((), path((200, 960, 540, 1080))),), "cut", "none", None, 'a "quoted" ночь'),
)  # fmt: skip
PLAN = FramingPlan(HD, UPRIGHT, (0, 0, 1920, 1080), "blur", RUNS, ("a note",))
FILE = PlanFile(PLAN, "talk 1.mp4", 320, "0123abc")


def assert_same(one: FramingPlan, other: FramingPlan) -> None:
    def values(plan: FramingPlan) -> list[Any]:
        return [
            (plan.picture_px, plan.size_px, plan.content_px, plan.background, plan.notes),
            *((run.first, run.stop, run.mode, run.begin, run.tier, run.speaker, run.reason) for run in plan.runs),
            *(
                (panel.persons, panel.path.frame.tolist(), panel.path.window.tolist())
                for run in plan.runs
                for panel in run.panels
            ),
        ]

    assert values(one) == values(other)


def test_a_plan_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_plan(tmp_path / "reframe.json", FILE)
    read = read_plan(tmp_path / "reframe.json")
    assert_same(read.plan, PLAN)
    assert (read.source_name, read.frame_count, read.fingerprint) == ("talk 1.mp4", 320, "0123abc")


def test_a_plan_of_the_planner_is_read_back_exactly() -> None:
    way = np.interp(np.arange(500), [0, 100, 350, 500], [0, 0, 700, 900])
    tracks = faces((0, 500, moving(LEFT, way)), (0, 500, RIGHT), frame_count=500, tremble_px=3.0)
    plan = plan_framing(tracks, [*says(1, 9, 0), *says(10, 19, 1)], picture_px=HD, size_px=UPRIGHT)
    assert len(plan.runs[0].panels[0].path.frame) > 2
    assert_same(parse_plan(plan_text(PlanFile(plan, "", 500))).plan, plan)


def test_a_line_holds_one_key() -> None:
    lines = plan_text(FILE).splitlines()
    assert "    [0, 400, 540, 1080]," in lines
    assert "    [0.3, 500.25, 540, 1080]]}]}," in lines
    assert '   {"persons": [3], "keys": [[4, 400, 500, 560]]},' in lines


def test_the_summary_counts_no_wide_picture_as_reframed() -> None:
    summary = summary_of(PLAN)
    assert summary["reframed_share"] == 0.6667
    assert summary["mode_share"] == {"follow": 0.3333, "split": 0.3333, "wide": 0.3333}
    assert summary["tier_share"] == {"lip motion": 0.3333, "none": 0.3333, "speaker model": 0.3333}
    assert json.loads(plan_text(FILE))["summary"] == summary


def edited(change: Callable[[Any], Any]) -> str:
    content = json.loads(plan_text(FILE))
    change(content)
    return json.dumps(content)


def test_an_edit_by_hand_takes_effect_and_may_leave_out_what_only_explains() -> None:
    def edit(content: Any) -> None:
        del content["summary"], content["notes"]
        run = content["runs"][0]
        for name in ("tier", "reason", "speaker", "begin"):
            del run[name]
        run["end_s"] = content["runs"][1]["start_s"] = 3.21  # on the grid: 3.2
        run["panels"] = [{"keys": [[0.5, 700, 500, 800], [1.05, 800, 500, 800]]}]

    plan = parse_plan(edited(edit)).plan
    first = plan.runs[0]
    assert (first.stop, first.begin, first.tier, first.speaker, first.panels[0].persons) == (
        80,
        "start",
        "none",
        None,
        (),
    )
    assert first.panels[0].path.frame.tolist() == [12.5, 26.25]
    assert first.panels[0].path.at(0) == (700, 500, 800)


WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "version": (lambda c: c.update(version=2), r"version: 1 was expected"),
    "no runs": (lambda c: c.update(runs=[]), r"runs: \[\] should be non-empty"),
    "unknown field": (lambda c: c["runs"][1].update(zoom=2), r"runs\[1\]: .*'zoom' was unexpected"),
    "unknown mode": (lambda c: c["runs"][2].update(mode="zoom"), r"runs\[2\]\.mode: 'zoom' is not one of \['follow'"),
    "no number": (lambda c: c["runs"][0].update(end_s="4"), r"runs\[0\]\.end_s: '4' is not of type 'number'"),
    "a short key": (
        lambda c: c["runs"][1]["panels"][1]["keys"].append([5, 400, 500]),
        r"runs\[1\]\.panels\[1\]\.keys\[1\]: \[5, 400, 500\] is too short",
    ),
    "a gap": (
        lambda c: c["runs"][1].update(start_s=4.2),
        r"runs\[1\]\.start_s: 4\.2 leaves a gap after it; expected 4, the end of the run before",
    ),
    "an overlap": (lambda c: c["runs"][2].update(start_s=7.6), r"runs\[2\]\.start_s: 7\.6 overlaps it; expected 8, "),
    "no length": (lambda c: c["runs"][0].update(end_s=0.01), r"runs\[0\]\.end_s: expected 0\.04 or later"),
    "past the end": (lambda c: c["runs"][2].update(end_s=13), r"runs\[2\]\.end_s: expected 12\.8 at most"),
    "odd size": (lambda c: c.update(size_px=[1080, 1921]), r"size_px\[1\]: expected an even number, such as 1922"),
    "content": (lambda c: c.update(content_px=[0, 0, 1921, 1080]), r"content_px: expected x1 < x2 up to 1920"),
    "panels": (lambda c: c["runs"][1].update(mode="pair"), r"runs\[1\]\.panels: pair has 1 of them, got 2"),
    "one panel": (lambda c: c["runs"][0].update(mode="split"), r"runs\[0\]\.panels: split has 2 of them, got 1"),
    "a key outside": (
        lambda c: c["runs"][0]["panels"][0]["keys"][1].__setitem__(0, 4.5),
        r"runs\[0\]\.panels\[0\]\.keys\[1\]\[0\]: expected a time in the run, 0 to 3\.96 s, got 4\.5",
    ),
    "keys out of order": (
        lambda c: c["runs"][0]["panels"][0]["keys"].reverse(),
        r"runs\[0\]\.panels\[0\]\.keys\[1\]\[0\]: expected a time after that of the key before, got 0",
    ),
    "too high": (
        lambda c: c["runs"][0]["panels"][0]["keys"][0].__setitem__(3, 1100),
        r"keys\[0\]\[3\]: expected a height of 15 to 1080, the largest window, got 1100",
    ),
    "no height": (lambda c: c["runs"][0]["panels"][0]["keys"][0].__setitem__(3, 0), r"expected a height of 15 to 1080"),
    "hardly a height": (
        lambda c: c["runs"][1]["panels"][1]["keys"][0].__setitem__(3, 0.0001),
        r"runs\[1\]\.panels\[1\]\.keys\[0\]\[3\]: expected a height of 7\.5 to 1080, the largest window, got 0\.0001",
    ),
    "a huge size": (
        lambda c: c.update(size_px=[20000, 36000]),
        r"size_px\[[01]\]: (20000|36000) is greater than the maximum of 3840",
    ),
    "beyond the edge": (
        lambda c: c["runs"][0]["panels"][0]["keys"][0].__setitem__(1, 100),
        r"keys\[0\]\[1\]: expected x 303\.75 to 1616\.25, so that the window is inside, got 100",
    ),
    "off the middle": (
        lambda c: c["runs"][0]["panels"][0]["keys"][0].__setitem__(2, 500),
        r"keys\[0\]\[2\]: expected y 540, so that the window is inside, got 500",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_edit_is_refused_with_its_place(name: str) -> None:
    change, message = WRONG[name]
    with pytest.raises(InputError) as caught:
        parse_plan(edited(change))
    assert caught.value.reason_code == "bad_plan"
    assert re.search(message, caught.value.message), caught.value.message


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "NaN", "\x00", "[" * 100_000, b"\xff\xfe\x00"])
def test_files_that_are_no_plan_are_refused(text: str | bytes, tmp_path: Path) -> None:
    file = tmp_path / "reframe.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"reframe\.json") as caught:
        read_plan(file)
    assert caught.value.reason_code == "bad_plan"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "9" * 400])
def test_numbers_that_are_none_are_refused(number: str) -> None:
    text = plan_text(FILE).replace("[4, 400, 500, 560]", f"[4, {number}, 500, 560]")
    with pytest.raises(InputError, match="is no number"):
        parse_plan(text)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_plan(tmp_path / "none.json")
    assert caught.value.reason_code == "unreadable"


def test_the_whole_picture_of_a_tiny_source_is_a_window() -> None:
    """However much it is enlarged."""
    run = Run(0, 10, "centre", (Panel((), path((0, 8, 4, 8))),), "start", "none", None, "")
    tiny = FramingPlan((16, 8), UPRIGHT, (0, 0, 16, 8), "blur", (run,))
    assert_same(parse_plan(plan_text(PlanFile(tiny, "", 10))).plan, tiny)
