"""Ratios of the old way to ours, and whether both found the same."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.common.our_stages import OurStages, vision_s
from benchmarks.speed.baseline import OldRun, by_stage, old_line, ratios

SECONDS = {"media": 2.0, "shots": 1.0, "faces": 10.0, "tracks_crops": 3.0, "scores": 20.0, "clips": 4.0}


def old(wall_s: float, cpu_s: float = 1.0, videos: int = 2) -> OldRun:
    video = {"seconds": SECONDS, "tracks": 3, "clips": [{}, {}]}
    return OldRun(1.0, wall_s, cpu_s, 100, [video] * videos)


def ours(wall_s: float, cpu_s: float = 1.0) -> Any:
    return SimpleNamespace(wall_s=wall_s, cpu_s=cpu_s)


def test_ratios_are_those_within_a_round() -> None:
    runs = {5: [ours(1.0), ours(10.0), ours(1.0)], 1: [ours(2.0), ours(20.0), ours(4.0)]}
    line = ratios([old(6.0), old(70.0), old(8.0)], runs)
    assert line["end_to_end_ratio"] == 7.0
    assert line["every_frame_ratio"] == 3.0
    assert line["detect_every_brings"] == pytest.approx(7 / 3, abs=1e-3)


def test_cpu_time_has_its_own_ratio() -> None:
    assert ratios([old(6.0, 30.0)], {5: [ours(1.0, 3.0)]})["cpu_ratio"] == 10.0


def test_without_a_run_on_every_frame_nothing_is_said_of_it() -> None:
    assert set(ratios([old(6.0)], {5: [ours(1.0)]})) == {"end_to_end_ratio", "cpu_ratio"}


def test_shots_and_crops_of_the_old_way_are_one_stage_over_all_videos() -> None:
    assert old(1.0).seconds == {"media": 4.0, "shots_tracks_crops": 8.0, "faces": 20.0, "scores": 40.0, "clips": 8.0}


def test_vision_is_what_a_vision_worker_does() -> None:
    assert vision_s(old(1.0).seconds) == 68.0


def test_stages_have_medians_and_a_ratio_of_each() -> None:
    stages = OurStages({"media": 1.0, "shots_tracks_crops": 2.0, "faces": 4.0, "scores": 5.0, "clips": 0.0})
    lines = by_stage([old(1.0)], [stages])
    assert lines["faces"] == {"old_s": 20.0, "ours_s": 4.0, "ratio": 5.0}
    assert lines["clips"]["ratio"] is None
    json.dumps(lines, allow_nan=False)


def test_what_the_old_way_found_is_counted_over_all_videos() -> None:
    line = old_line([old(3.0), old(5.0), old(4.0)])
    assert (line["wall_s"], line["tracks"], line["clips"]) == (4.0, 6, 4)
