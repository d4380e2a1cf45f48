"""A run's clock begins with its first video and ends with its last process."""

from __future__ import annotations

import json

import pytest

from benchmarks.common.busy import Look
from benchmarks.common.speed_videos import VideoSet
from benchmarks.common.timed_runs import first_and_last, summary, timed
from benchmarks.common.watching import Watched

EVENTS = (
    ("2026-01-01T00:00:05.000+00:00", "stopping"),
    ("2026-01-01T00:00:10.500+00:00", "begun"),
    ("2026-01-01T00:00:11.000+00:00", "begun"),
    ("2026-01-01T00:00:20.000+00:00", "done"),
)
CONSOLE = (
    "weights: all here\n" + "\n".join(json.dumps({"time": at, "event": event}) for at, event in EVENTS) + "\n1 done"
)


def test_the_first_begun_and_the_last_event_are_found_among_other_lines() -> None:
    begun_s, last_s = first_and_last(CONSOLE)
    assert last_s - begun_s == pytest.approx(9.5)


def test_a_run_that_began_nothing_has_no_clock() -> None:
    with pytest.raises(SystemExit, match="no video was begun"):
        first_and_last("2 videos: 2 skipped\n")


def watched(ended_s: float = 30.0) -> Watched:
    """Ten seconds of start, then vision busy until 20 and again while it ends."""
    looks = tuple(
        Look(float(at), {"vision-0": at < 20 or at > 25, "parent": False}, {"vision-0": float(at)}, 1.0)
        for at in range(30)
    )
    return Watched(0, 0.0, ended_s, 50.0, 3 << 20, looks)


def report(clips: int) -> dict:
    return {"videos": [{"clips": clips, "timings": {"vision": [0.0, 5.0]}}]}


def test_start_and_end_are_told_apart_from_the_work() -> None:
    run = timed(watched(), (10.0, 24.0), report(3))
    assert (run.startup_s, run.wall_s, run.ending_s) == (10.0, 20.0, 6.0)
    assert (run.startup_cpu_s, run.cpu_s) == (11.0, 39.0)
    assert run.worker_cpu_s == {"vision-0": 14.0}
    assert run.spans == {"vision": 0.25}


def test_what_a_worker_does_after_the_last_result_is_no_work() -> None:
    # 10 of the 15 looks from 10 to 24 find it busy; those 14 s are 0.7 of the wall time.
    assert timed(watched(), (10.0, 24.0), report(3)).overlap_efficiency == pytest.approx(10 / 15 * 14 / 20)


def test_the_summary_has_medians(tmp_path) -> None:
    runs = [timed(watched(ended_s), (10.0, 24.0), report(3)) for ended_s in (30.0, 40.0, 90.0)]
    line = summary(runs, VideoSet(tmp_path, tmp_path, 4, 15.0))
    assert (line["wall_s"], line["runs"], line["clips"], line["peak_mb"]) == (30.0, 3, 3, 3)
    assert line["video_s_per_s"] == 2.0
    json.dumps(line, allow_nan=False)
