"""Shares of time in which workers were busy, from looks and from spans."""

from __future__ import annotations

import pytest

from benchmarks.common.busy import Look, busy_shares, cpu_spent, overlap_efficiency, span_shares, union_s


def look(at_s: float, vision: bool, decode: bool, vision_cpu_s: float = 0.0) -> Look:
    return Look(at_s, {"vision-0": vision, "decode-0": decode, "parent": True}, {"vision-0": vision_cpu_s})


LOOKS = [look(0.0, True, True), look(1.0, True, False), look(2.0, True, True), look(3.0, False, False)]


def test_shares_count_the_looks_inside_only() -> None:
    assert busy_shares(LOOKS, 1.0, 3.0) == {
        "vision-0": pytest.approx(2 / 3),
        "decode-0": pytest.approx(1 / 3),
        "parent": 1.0,
    }


def test_without_a_look_nobody_was_busy() -> None:
    assert busy_shares(LOOKS, 5.0, 6.0) == {}


def test_a_worker_that_was_not_there_yet_was_not_busy() -> None:
    looks = [Look(0.0, {"vision-0": True}, {}), Look(1.0, {"vision-0": True, "mux-0": True}, {})]
    assert busy_shares(looks, 0.0, 1.0)["mux-0"] == 0.5


def test_the_parent_does_not_count_for_the_overlap() -> None:
    assert overlap_efficiency({"parent": 1.0, "vision-0": 0.7, "decode-0": 0.2}) == 0.7


def test_without_workers_nothing_overlaps() -> None:
    assert overlap_efficiency({"parent": 1.0}) == 0.0


def test_cpu_seconds_are_counted_from_the_last_look_before() -> None:
    looks = [look(0.0, True, True, 4.0), look(1.0, True, True, 5.0), look(2.0, True, True, 9.0)]
    assert cpu_spent(looks, 0.5, 2.0) == {"vision-0": 5.0}


def test_a_worker_that_ended_early_keeps_its_cpu_seconds() -> None:
    looks = [Look(0.0, {}, {"mux-0": 1.0}), Look(1.0, {}, {"mux-0": 3.0}), Look(2.0, {}, {})]
    assert cpu_spent(looks, 0.0, 2.0) == {"mux-0": 2.0}


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0.0),
        ([(0.0, 2.0), (3.0, 4.0)], 3.0),
        ([(3.0, 6.0), (0.0, 4.0)], 6.0),
        ([(0.0, 10.0), (2.0, 3.0)], 10.0),
        ([(1.0, 1.0)], 0.0),
    ],
)
def test_what_is_covered_twice_counts_once(spans: list[tuple[float, float]], seconds: float) -> None:
    assert union_s(spans) == seconds


def test_spans_of_a_stage_are_joined_over_the_videos() -> None:
    videos = [
        {"timings": {"vision": [0.0, 4.0], "mux": [4.0, 5.0]}},
        {"timings": {"vision": [3.0, 6.0]}},
        {"timings": {}},
    ]
    assert span_shares(videos, 10.0) == {"mux": 0.1, "vision": 0.6}
