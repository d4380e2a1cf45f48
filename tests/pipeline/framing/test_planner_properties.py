"""Promises of the plan that hold for all faces and words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter

from pipeline.framing.cameras import FAST
from pipeline.framing.options import PRESETS
from pipeline.framing.plan import FramingPlan
from pipeline.framing.plan_file import PlanFile, parse_plan, plan_text
from pipeline.framing.planner import plan_framing
from pipeline.types import AttributedWord, FaceTracks, Word
from tests.support.talks import UPRIGHT, faces

PRESET = PRESETS["normal"]


@dataclass(frozen=True)
class Talk:
    tracks: FaceTracks
    words: list[AttributedWord]
    picture_px: tuple[int, int]
    content_px: tuple[int, int, int, int]


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    count = draw(st.integers(1, 500))
    width, height = draw(st.sampled_from([(1920, 1080), (640, 360), (360, 640), (400, 400)]))
    bar = draw(st.sampled_from([0, 0, height // 8]))
    starts = sorted({0, *draw(st.lists(st.integers(0, count - 1), max_size=3))})
    rows = []
    for start, stop in zip(starts, [*starts[1:], count], strict=True):
        for person in range(draw(st.integers(0, 3))):
            first = draw(st.integers(start, stop - 1))
            last = draw(st.integers(first + 1, stop))
            side = draw(st.floats(0.03, 0.3)) * height
            ends = draw(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=3))
            x, y = np.array(ends).T * np.array([[width - side], [height - side]])
            times = np.linspace(first, last, len(ends))
            frames = np.arange(first, last)
            left, top = np.interp(frames, times, x), np.interp(frames, times, y)
            rows.append((first, last, np.stack([left, top, left + side * 0.8, top + side], axis=1), person))
    words = []
    for track in [None, *range(len(rows))]:
        at_s = draw(st.floats(0, 5))
        for length_s, pause_s in draw(
            st.lists(st.tuples(st.floats(0.05, 0.9), st.sampled_from([0.0, 0.0, 0.1, 0.7, 3.0])), max_size=12)
        ):
            speaker = None if track is None else rows[track][3] + 1
            words.append(AttributedWord(Word(" word", at_s, at_s + length_s), track, speaker))
            at_s += length_s + pause_s
    words.sort(key=lambda each: each.word.start_s)
    tracks = faces(*rows, frame_count=count, shot_starts=starts)
    return Talk(tracks, words, (width, height), (0, bar, width, height - bar))


def planned(talk: Talk) -> FramingPlan:
    return plan_framing(
        talk.tracks, talk.words, picture_px=talk.picture_px, size_px=UPRIGHT, content_px=talk.content_px
    )


@settings(max_examples=60, deadline=None)
@given(talks())
def test_runs_cover_every_frame_and_begin_with_every_shot(talk: Talk) -> None:
    runs = planned(talk).runs
    assert (runs[0].first, runs[-1].stop) == (0, talk.tracks.frame_count)
    assert {int(start) for start in talk.tracks.shot_starts} <= {run.first for run in runs}
    assert [run.begin for run in runs if run.first in talk.tracks.shot_starts.tolist()] == [
        "start" if not start else "cut" for start in talk.tracks.shot_starts.tolist()
    ]


@settings(max_examples=60, deadline=None)
@given(talks())
def test_our_own_changes_keep_the_hold_and_lie_in_no_word(talk: Talk) -> None:
    runs = planned(talk).runs
    cuts = {*talk.tracks.shot_starts.tolist(), talk.tracks.frame_count}
    for run in runs:
        if run.first not in cuts or run.stop not in cuts:
            assert run.stop - run.first >= (75 if run.mode == "split" else 30)
        if run.first not in cuts:
            for each in talk.words:
                assert not each.word.start_s + 0.0201 < run.first / 25 < each.word.end_s - 0.0201


@settings(max_examples=60, deadline=None)
@given(talks())
def test_windows_stay_in_the_content_and_hold_the_faces_that_they_follow(talk: Talk) -> None:
    plan = planned(talk)
    x1, y1, x2, y2 = talk.content_px
    persons = talk.tracks.person
    for run in plan.runs:
        width_px, height_px = plan.panel_size_px(run.mode)
        frames = np.arange(run.first, run.stop)
        for panel in run.panels:
            if run.mode == "wide":
                continue
            seen = np.array([panel.path.at(frame) for frame in frames.tolist()])
            half = np.stack([seen[:, 2] * width_px / height_px, seen[:, 2]], axis=1) / 2
            low, high = seen[:, :2] - half, seen[:, :2] + half
            assert (low >= np.array([x1, y1]) - 0.1).all()
            assert (high <= np.array([x2, y2]) + 0.1).all()
            if run.reason.endswith(FAST):
                continue
            for person in panel.persons:
                rows = (persons == person) & (talk.tracks.frame >= run.first) & (talk.tracks.frame < run.stop)
                boxes = talk.tracks.box_px[rows]
                at = talk.tracks.frame[rows] - run.first
                steady = (np.abs(median_filter(boxes, (9, 1), mode="nearest") - boxes) <= 1).all(axis=1)  # no leap
                whole = (boxes[:, :2] >= [x1, y1]).all(axis=1) & (boxes[:, 2:] <= [x2, y2]).all(axis=1)
                fits = steady & whole & (boxes[:, 2:] - boxes[:, :2] <= 2 * half[at] / 1.2).all(axis=1)
                margin = 0.1 * (boxes[:, 2:] - boxes[:, :2])  # what a path between keys and a median may take
                inside = (boxes[:, :2] >= low[at] - margin).all(axis=1) & (boxes[:, 2:] <= high[at] + margin).all(
                    axis=1
                )
                assert (inside | ~fits).all()


@settings(max_examples=60, deadline=None)
@given(talks())
def test_the_camera_keeps_its_limits_or_says_so(talk: Talk) -> None:
    plan = planned(talk)
    for run in plan.runs:
        if run.reason.endswith(FAST):
            continue
        width_px, height_px = plan.panel_size_px(run.mode)
        for panel in run.panels:
            assert len(set(panel.path.window[:, 2].tolist())) == 1
            width = panel.path.window[0, 2] * width_px / height_px
            places = np.array([panel.path.at(frame)[:2] for frame in range(run.first, run.stop)])
            speed = np.diff(places, axis=0) * 25 / width
            assert (np.abs(speed) <= PRESET.max_speed).all()
            assert (np.abs(np.diff(speed, axis=0)) * 25 <= PRESET.max_acceleration).all()


@settings(max_examples=40, deadline=None)
@given(talks())
def test_every_plan_is_a_valid_file(talk: Talk) -> None:
    text = plan_text(PlanFile(planned(talk), "talk.mp4", talk.tracks.frame_count))
    assert plan_text(parse_plan(text)) == text
