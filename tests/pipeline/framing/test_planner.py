"""The plan of an upright video: who is shown when, in which mode, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pipeline.framing.options import FramingOptions
from pipeline.framing.plan import FramingPlan, Run
from pipeline.framing.planner import plan_framing
from pipeline.types import AttributedWord, FaceTracks, Overlap
from tests.support.talks import HD, LEFT, MIDDLE, RIGHT, UPRIGHT, faces, moving, says


def plan(tracks: FaceTracks, *said: Sequence[AttributedWord], **more: Any) -> FramingPlan:
    words = sorted((word for part in said for word in part), key=lambda each: each.word.start_s)
    return plan_framing(tracks, words, **{"picture_px": HD, "size_px": UPRIGHT, **more})


def shown(made: FramingPlan) -> list[tuple[int, int, str, tuple[int, ...]]]:
    """Return first frame, frame after the last, mode and persons of each run."""
    return [
        (run.first, run.stop, run.mode, tuple(p for panel in run.panels for p in panel.persons)) for run in made.runs
    ]


def windows(run: Run, panel: int = 0) -> np.ndarray:
    return np.array([run.panels[panel].path.at(frame) for frame in range(run.first, run.stop)])


def test_a_face_that_stands_still_but_for_trembling_boxes_does_not_move_the_camera() -> None:
    made = plan(faces((0, 500, LEFT), frame_count=500, tremble_px=4.0), says(1, 15, 0))
    (run,) = made.runs
    assert len(run.panels[0].path.frame) == 1
    x, y, height = run.panels[0].path.at(0)
    assert x == pytest.approx(370, abs=1)  # the middle of 300..440
    assert (y, height) == (540, 1080)  # all of the height: the face is 180/1080 = 0.167 of it
    assert (run.tier, run.speaker, run.begin, run.reason) == ("speaker model", 1, "start", "speaker 1 speaks")


@pytest.mark.parametrize("width_px", [540, 590, 600])
def test_a_face_as_wide_as_the_window_does_not_make_the_camera_tremble(width_px: int) -> None:
    """The window is 607 px wide: 540 px do not fit in with their margin, 600 px hardly without."""
    large = (700, 200, 700 + width_px, 900)
    made = plan(faces((0, 500, large), frame_count=500, tremble_px=4.0), says(1, 15, 0))
    (run,) = made.runs
    assert run.mode == "follow" and len(run.panels[0].path.frame) == 1
    assert run.panels[0].path.at(0)[0] == pytest.approx(700 + width_px / 2, abs=0.03 * 607)


def test_the_picture_cuts_three_frames_before_the_first_word() -> None:
    two = faces((0, 500, LEFT), (0, 500, RIGHT), frame_count=500)
    made = plan(two, says(1, 8, 0), says(10, 18, 1))
    assert shown(made) == [(0, 247, "follow", (0,)), (247, 500, "follow", (1,))]  # 10 s - 0.12 s = 9.88 s
    assert [run.begin for run in made.runs] == ["start", "turn"]


def test_a_cut_does_not_lie_in_a_word_of_anybody() -> None:
    two = faces((0, 500, LEFT), (0, 500, RIGHT), frame_count=500)
    made = plan(two, says(1, 9.96, 0), says(10, 18, 1))
    assert [run.first for run in made.runs] == [0, 249]  # 9.88 s and 9.92 s are inside the last word before
    voice = says(9.4, 9.92, None, word_s=0.52)
    assert [run.first for run in plan(two, says(1, 8, 0), voice, says(10, 18, 1)).runs] == [0, 248]


def test_overlapping_turns_are_cut_where_a_word_ends() -> None:
    two = faces((0, 500, LEFT), (0, 500, RIGHT), frame_count=500)
    made = plan(two, says(1, 10.2, 0, word_s=0.46), says(10, 18, 1, word_s=0.5))
    (_, run) = made.runs
    # The last word before lasts from 9.74 s to 10.2 s, the first after from 10 s to 10.5 s.
    assert run.first == 244  # within half a frame of 9.74 s


def test_a_back_channel_never_cuts() -> None:
    two = faces((0, 750, LEFT), (0, 750, RIGHT), frame_count=750)
    made = plan(two, says(1, 10, 0), says(10.1, 10.8, 1), says(11, 28, 0))
    assert shown(made) == [(0, 750, "follow", (0,))]
    made = plan(two, says(1, 10, 0), says(12, 13.6, 1), says(15, 28, 0))  # 1.6 s is a turn
    assert [run.panels[0].persons for run in made.runs] == [(0,), (1,), (0,)]


def test_runs_last_for_the_minimum_hold() -> None:
    two = faces((0, 750, LEFT), (0, 750, RIGHT), frame_count=750)
    made = plan(two, says(1, 10, 0), says(10.4, 11.3, 1, word_s=0.3), says(11.7, 28, 0))
    lengths = [run.stop - run.first for run in made.runs]
    assert min(lengths) >= 30


def test_silence_and_voices_off_screen_stay_with_the_last_speaker_and_before_any_with_the_next() -> None:
    two = faces((0, 750, LEFT), (0, 750, RIGHT), frame_count=750)
    made = plan(two, says(1, 5, None), says(6, 12, 1), says(13, 20, None))
    assert shown(made) == [(0, 750, "follow", (1,))]


def test_a_shot_in_which_nobody_speaks_shows_its_largest_face() -> None:
    small, large = (300, 300, 360, 380), (1500, 300, 1640, 480)
    two = faces((0, 250, small), (0, 250, large), (250, 500, LEFT, 0), frame_count=500, shot_starts=(0, 250))
    made = plan(two, says(11, 18, 2))
    assert [(run.tier, run.speaker, run.begin) for run in made.runs] == [
        ("largest face", None, "start"),
        ("speaker model", 3, "cut"),
    ]
    assert made.runs[0].panels[0].persons == (1,)
    assert "largest face" in made.runs[0].reason


def test_without_words_the_largest_face_is_shown_and_of_equals_the_one_in_the_middle() -> None:
    three = faces((0, 100, LEFT), (0, 100, MIDDLE), (0, 100, RIGHT), frame_count=100)
    made = plan(three)
    assert shown(made) == [(0, 100, "follow", (1,))]
    assert made.runs[0].tier == "largest face"


def test_the_tier_is_that_of_the_model_which_gave_the_words_their_speakers() -> None:
    made = plan(faces((0, 100, LEFT), frame_count=100), says(1, 3, 0), tier_of_model="lip motion")
    assert made.runs[0].tier == "lip motion"


def test_the_framing_changes_on_the_frame_of_a_cut_of_the_source() -> None:
    two = faces((0, 237, LEFT, 0), (237, 500, RIGHT, 1), frame_count=500, shot_starts=(0, 237))
    made = plan(two, says(1, 9.8, 0), says(9.8, 18, 1))
    assert [run.first for run in made.runs] == [0, 237]
    assert made.runs[1].begin == "cut"


def test_a_video_that_is_cut_every_half_second_has_one_framing_a_shot() -> None:
    starts = range(0, 250, 12)
    rows = [
        row
        for start in starts
        for row in ((start, min(start + 12, 250), LEFT, 0), (start, min(start + 12, 250), RIGHT, 1))
    ]
    tracks = faces(*rows, frame_count=250, shot_starts=starts)
    words = [
        word
        for number, start in enumerate(starts)
        for word in says(start / 25, start / 25 + 0.4, number % 2 + 2 * number)
    ]
    made = plan(tracks, words)
    assert [run.first for run in made.runs] == list(starts)


def test_the_same_person_is_followed_across_tracks_and_a_short_loss_is_held() -> None:
    tracks = faces((0, 100, LEFT, 0), (120, 300, LEFT, 0), frame_count=300)
    made = plan(tracks, says(1, 3, 0), says(6, 11, 1))
    (run,) = made.runs
    assert len(run.panels[0].path.frame) == 1


def test_a_face_that_is_gone_for_long_is_held_for_a_second_and_then_wide() -> None:
    tracks = faces((0, 100, LEFT, 0), (300, 500, LEFT, 0), frame_count=500)
    made = plan(tracks, says(1, 3.9, 0), says(12.4, 19, 1))
    assert shown(made) == [(0, 125, "follow", (0,)), (125, 300, "wide", ()), (300, 500, "follow", (0,))]
    assert "no face is in view" in made.runs[1].reason
    assert made.notes == ("35% of the video is not reframed: no face is in view there, or no crop holds it",)


@pytest.mark.parametrize(
    ("fallback", "mode", "background"),
    [("wide", "wide", "blur"), ("bars", "wide", "black"), ("centre", "centre", "blur")],
)
def test_a_video_without_faces_has_the_picture_that_the_settings_ask_for(fallback, mode, background) -> None:
    made = plan(faces(frame_count=50), options=FramingOptions(fallback=fallback))
    (run,) = made.runs
    assert (run.mode, run.tier, made.background) == (mode, "none", background)
    assert run.panels[0].path.at(0) == (960, 540, 1080)


def test_a_face_that_is_larger_than_the_window_is_shown_wide() -> None:
    made = plan(faces((0, 50, (600, 50, 1300, 1000)), frame_count=50), says(0.2, 1.8, 0))
    (run,) = made.runs
    assert (run.mode, run.panels[0].persons, run.tier) == ("wide", (0,), "speaker model")
    assert "larger than an upright window" in run.reason


def test_a_small_face_is_zoomed_in_on_but_not_enlarged_more_than_twice() -> None:
    made = plan(faces((0, 50, (900, 300, 1040, 440)), frame_count=50), says(0.2, 1.8, 0))
    # 140 / 0.16 = 875, but 1920 / 2 = 960. The eyes, at 300 + 0.4 * 140 = 356, would stand at 0.38 of that with the
    # middle 0.12 * 960 = 115 below them, at 471; in the picture it is 480 at least.
    assert windows(made.runs[0])[0].tolist() == [970, 480, 960]
    made = plan(faces((0, 50, (900, 400, 1040, 540)), frame_count=50), says(0.2, 1.8, 0))
    assert windows(made.runs[0])[0].tolist() == pytest.approx([970, 571.2, 960])


def test_the_preset_close_zooms_in_on_more_faces() -> None:
    tracks = faces((0, 50, (900, 300, 1100, 550)), frame_count=50)  # 250 / 1080 = 0.23
    assert windows(plan(tracks, says(0.2, 1.8, 0)).runs[0])[0, 2] == 1080
    close = plan(tracks, says(0.2, 1.8, 0), options=FramingOptions(preset="close"))
    assert windows(close.runs[0])[0, 2] == pytest.approx(250 / 0.26, abs=0.01)


def test_a_walking_face_is_followed_within_the_limits_and_stays_inside() -> None:
    way = np.interp(np.arange(500), [0, 100, 350, 500], [0, 0, 1000, 1000])  # 100 px/s: 0.16 widths a second
    boxes = moving(LEFT, way)
    made = plan(faces((0, 500, boxes), frame_count=500, tremble_px=2.0), says(1, 19, 0))
    seen = windows(made.runs[0])
    width = 1080 * 9 / 16
    assert (seen[:, 0] - width / 2 <= boxes[:, 0]).all() and (seen[:, 0] + width / 2 >= boxes[:, 2]).all()
    speed = np.diff(seen[:, 0]) * 25 / width
    assert np.abs(speed).max() <= 0.6
    assert np.abs(np.diff(speed)).max() * 25 <= 1.5
    off = np.abs((boxes[:, 0] + boxes[:, 2]) / 2 - seen[:, 0]) / width
    assert off.max() <= 0.12 + 0.02
    assert "faster" not in made.runs[0].reason


def test_a_face_faster_than_the_camera_is_followed_all_the_same_and_that_is_said() -> None:
    way = np.interp(np.arange(300), [0, 140, 165, 300], [0, 0, 1200, 1200])  # 2 widths a second
    boxes = moving(LEFT, way)
    made = plan(faces((0, 300, boxes), frame_count=300), says(1, 11, 0))
    seen = windows(made.runs[0])
    width = 1080 * 9 / 16
    assert (seen[:, 0] - width / 2 <= boxes[:, 0]).all() and (seen[:, 0] + width / 2 >= boxes[:, 2]).all()
    assert made.runs[0].reason == "speaker 1 speaks; faster than the camera's limits"


def test_the_camera_pans_between_persons_who_are_near_each_other() -> None:
    near = (740, 300, 880, 480)  # 150 px from the middle one: 0.25 widths
    two = faces((0, 500, near), (0, 500, MIDDLE), frame_count=500)
    made = plan(two, says(1, 8, 0), says(10, 18, 1))
    assert [(run.first, run.begin) for run in made.runs] == [(0, "start"), (247, "pan")]
    before, after = windows(made.runs[0])[-1], windows(made.runs[1])[0]
    assert np.abs(after - before).max() <= 0.6 * 607.5 / 25
    far = (660, 300, 800, 480)  # 230 px: 0.38 widths
    two = faces((0, 500, far), (0, 500, MIDDLE), frame_count=500)
    assert [run.begin for run in plan(two, says(1, 8, 0), says(10, 18, 1)).runs] == ["start", "turn"]


def exchange(step_s: float = 1.5) -> list[AttributedWord]:
    return [word for number in range(6) for word in says(8 + number * step_s, 8 + (number + 0.8) * step_s, number % 2)]


def test_two_who_alternate_share_one_window_where_both_fit() -> None:
    near = (560, 300, 700, 480)
    made = plan(faces((0, 600, near), (0, 600, MIDDLE), frame_count=600), says(1, 7, 0), exchange(), says(18, 23, 1))
    modes = [(run.mode, tuple(panel.persons for panel in run.panels)) for run in made.runs]
    assert modes == [("follow", ((0,),)), ("pair", ((0, 1),)), ("follow", ((1,),))]
    pair = windows(made.runs[1])
    assert (pair[:, 0] - 303.75 <= 560).all() and (pair[:, 0] + 303.75 >= 1030).all()
    assert "fit into one window; 3 turns begin within 3.0 s" in made.runs[1].reason


def test_two_who_alternate_far_apart_get_two_panels_the_left_one_on_top() -> None:
    for boxes, order in (((LEFT, RIGHT), (0, 1)), ((RIGHT, LEFT), (1, 0))):
        made = plan(
            faces(*((0, 600, box) for box in boxes), frame_count=600), says(1, 7, 0), exchange(), says(18, 23, 1)
        )
        assert [run.mode for run in made.runs] == ["follow", "split", "follow"]
        run = made.runs[1]
        assert tuple(panel.persons[0] for panel in run.panels) == order
        assert run.stop - run.first >= 75
        upper, lower = windows(run, 0)[0], windows(run, 1)[0]
        # 180 / 0.32 = 562 high; the eyes, at 372, at 0.38 of that: 372 + 0.12 * 562.5 = 439.5
        assert upper == pytest.approx([370, 439.5, 562.5])
        assert lower == pytest.approx([1570, 439.5, 562.5])


def test_two_who_speak_at_the_same_time_get_two_panels_from_0_4_s_on() -> None:
    two = faces((0, 500, LEFT), (0, 500, RIGHT), frame_count=500)
    made = plan(two, says(1, 10.0, 0, word_s=0.25), says(9.5, 18, 1, word_s=0.25))
    assert [run.mode for run in made.runs] == ["follow", "split", "follow"]
    assert "at the same time for 0.5 s" in made.runs[1].reason
    assert made.runs[1].stop - made.runs[1].first >= 75
    made = plan(two, says(1, 9.9, 0, word_s=0.25), says(9.5, 18, 1, word_s=0.25))
    assert [run.mode for run in made.runs] == ["follow", "follow"]


def test_simultaneous_speech_that_the_faces_show_counts_although_the_words_are_of_one() -> None:
    two = faces((0, 500, LEFT), (0, 500, RIGHT), frame_count=500)
    said = says(1, 10.0, 0, word_s=0.25), says(10.0, 18, 1, word_s=0.25)
    assert [run.mode for run in plan(two, *said).runs] == ["follow", "follow"]
    made = plan(two, *said, overlaps=[Overlap(9.4, 10.0, (0, 1))])
    assert [run.mode for run in made.runs] == ["follow", "split", "follow"]
    assert "at the same time for 0.6 s" in made.runs[1].reason
    short = plan(two, says(1, 18, 0), overlaps=[Overlap(9.4, 10.0, (0, 1))])
    assert shown(short) == [(0, 500, "follow", (0,))]  # a back-channel


def test_two_panels_are_capped_and_that_is_said() -> None:
    two = faces((0, 300, LEFT), (0, 300, RIGHT), frame_count=300)
    talk = [word for number in range(9) for word in says(0.4 + number * 1.3, 1.5 + number * 1.3, number % 2)]
    assert [run.mode for run in plan(two, talk, options=FramingOptions(max_split_share=1.0)).runs] == ["split"]
    made = plan(two, talk)
    assert {run.mode for run in made.runs} == {"follow"}
    assert made.notes == ("two panels are shown for 50% at most; they would be for 100%",)
    # Of a long exchange and a short one, which take more than half of the time together, the long one stays.
    two = faces((0, 660, LEFT), (0, 660, RIGHT), frame_count=660)
    long = [word for number in range(6) for word in says(0.4 + number * 1.3, 1.5 + number * 1.3, number % 2)]
    short = [word for number in range(4) for word in says(20 + number * 1.3, 21.1 + number * 1.3, number % 2)]
    made = plan(two, long, says(9.4, 18, 0), short, options=FramingOptions(max_split_share=0.505))
    splits = [run for run in made.runs if run.mode == "split"]
    assert [run.first for run in splits] == [0]
    assert len(made.notes) == 1


INSET = (1700, 880, 1740, 930)


def test_a_face_in_a_picture_within_the_picture_is_nobody_in_the_room() -> None:
    two = faces((0, 600, MIDDLE), (0, 600, INSET), frame_count=600)
    made = plan(two, says(1, 7, 0), exchange(), says(18, 23, 1))
    assert shown(made) == [(0, 600, "follow", (0,))]


def test_a_face_in_a_picture_within_the_picture_is_followed_where_nobody_else_speaks() -> None:
    two = faces((0, 600, MIDDLE), (0, 600, INSET), frame_count=600)
    made = plan(two, says(1, 20, 1))
    assert shown(made) == [(0, 600, "follow", (1,))]
    assert "a picture within the picture" in made.runs[0].reason


def test_a_source_narrower_than_upright_is_cropped_in_height() -> None:
    tracks = faces((0, 50, (100, 900, 300, 1150)), frame_count=50)
    made = plan(tracks, says(0.2, 1.8, 0), picture_px=(400, 1600), size_px=(400, 710))
    height = 400 * 710 / 400
    # The eyes, at 1000, at 0.38 of 710.
    assert windows(made.runs[0])[0].tolist() == pytest.approx([200, 1000 + 0.12 * height, height])


def test_nothing_beyond_the_content_is_shown() -> None:
    tracks = faces((0, 50, (0, 150, 140, 330)), frame_count=50)
    made = plan(tracks, says(0.2, 1.8, 0), content_px=(0, 140, 1920, 940))
    assert windows(made.runs[0])[0].tolist() == pytest.approx([225, 540, 800])


def test_faces_beyond_the_picture_are_not_seen() -> None:
    made = plan(faces((0, 50, (-300, -300, -100, -100)), frame_count=50), says(0.2, 1.8, 0))
    assert shown(made) == [(0, 50, "wide", ())]


def test_an_excerpt_is_planned_from_its_first_frame_on() -> None:
    tracks = faces((50, 150, LEFT), (150, 300, RIGHT), frame_count=300, shot_starts=(50, 150), first_frame=50)
    assert [(run.first, run.stop) for run in plan(tracks, says(3, 5, 0)).runs] == [(50, 150), (150, 300)]
    made = plan(tracks, says(3, 5, 0), first=100, stop=200)
    assert [(run.first, run.stop, run.begin) for run in made.runs] == [(100, 150, "start"), (150, 200, "cut")]


def test_one_frame_and_thirty_faces_have_a_plan() -> None:
    assert shown(plan(faces((0, 1, LEFT), frame_count=1))) == [(0, 1, "follow", (0,))]
    many = [(0, 200, (60 * n, 300, 60 * n + 50, 360)) for n in range(30)]
    made = plan(faces(*many, frame_count=200), says(1, 7, 29))
    assert shown(made) == [(0, 200, "follow", (29,))]


def test_a_plan_without_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="expected frames from 0"):
        plan(faces(frame_count=0))


def test_a_size_that_enlarges_the_source_is_told() -> None:
    made = plan(faces((0, 50, (80, 40, 120, 90)), frame_count=50), picture_px=(320, 180))
    assert made.notes == ("the upright video enlarges the source 10.7 times",)
    assert windows(made.runs[0])[0, 2] == 180
