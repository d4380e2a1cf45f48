"""Captions of a video: their places beside faces, their times beside each other, and what is not drawn."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.framing.plan import CameraPath, Panel, Run
from pipeline.render.caption_groups import LINGER_S
from pipeline.render.caption_places import area_px, shown_faces
from pipeline.render.captions import Captions, PlacedCaption, make_captions
from pipeline.render.fonts import load_fonts
from pipeline.types import FaceTracks, Sentence
from tests.support.captioned import UPRIGHT, sentence, standing_faces, still_plan, still_run

FONTS = load_fonts("", "und")
LONG = "I think that captions should never hide the mouth."


def captions(*sentences: Sentence, frames: int = 250, faces: FaceTracks | None = None, split: bool = False) -> Captions:
    plan = still_plan(still_run(0, frames, "split" if split else "follow"))
    return make_captions(sentences, plan, faces or standing_faces(frames), FONTS)


def text(placed: PlacedCaption) -> str:
    return " ".join(each.text for each in placed.caption.syllables)


def block_px(placed: PlacedCaption) -> tuple[float, float]:
    """Upper and lower edge of a caption in the project's Latin font."""
    return placed.bottom_px - len(placed.caption.lines) * 64 * 1.362, placed.bottom_px


def test_areas_are_scaled_and_all_contain_the_union() -> None:
    assert area_px("union", (1080, 1920)) == (65, 220, 915, 1400)
    assert area_px("union", (540, 960)) == (32.5, 110, 457.5, 700)
    x1, y1, x2, y2 = area_px("union", UPRIGHT)
    for name in ("tiktok", "reels", "shorts"):
        left, top, right, bottom = area_px(name, UPRIGHT)
        assert left <= x1 and top <= y1 and x2 <= right and y2 <= bottom


def test_text_ends_at_the_lower_edge_where_no_face_is() -> None:
    for faces in (None, standing_faces(250, (300, 400, 700, 1100))):
        placed = captions(sentence(LONG), faces=faces).placed
        assert {each.bottom_px for each in placed} == {1396}
        assert {len(each.caption.lines) for each in placed} == {1, 2}


def test_text_moves_above_a_face_that_would_lie_under_it() -> None:
    placed = captions(sentence(LONG), faces=standing_faces(250, (200, 900, 800, 1500))).placed
    assert {each.bottom_px for each in placed} == {900}


def test_text_takes_one_line_where_there_is_room_for_one() -> None:
    """At the foot, where two do not fit, rather than elsewhere; else above the face."""
    for box_px, bottom_px in (((200, 700, 800, 1300), 1396), ((200, 330, 800, 1380), 330)):
        placed = captions(sentence(LONG), faces=standing_faces(250, box_px)).placed
        assert all(len(each.caption.lines) == 1 for each in placed)
        assert [each for one in placed for each in text(one).split()] == LONG.split()
        assert {each.bottom_px for each in placed} == {bottom_px}


def test_text_lies_on_the_forehead_rather_than_on_the_mouth() -> None:
    faces = standing_faces(250, (200, 240, 800, 1390))
    placed = captions(sentence(LONG), faces=faces).placed
    assert {each.bottom_px for each in placed} == {(240 + 1390) / 2}


def test_a_caption_without_a_place_is_not_drawn_but_told() -> None:
    made = captions(sentence(LONG), faces=standing_faces(250, (0, -1600, 1080, 1900)))
    assert made.placed == ()
    assert "faces leave no place" in made.notes[0]


def test_a_small_face_does_not_move_the_text() -> None:
    placed = captions(sentence(LONG), faces=standing_faces(250, (480, 1300, 540, 1380))).placed
    assert {each.bottom_px for each in placed} == {1396}


def test_faces_of_other_runs_do_not_move_the_text_and_a_cut_does() -> None:
    frames = np.arange(100, 200, dtype=np.int32)
    box = np.tile(np.array([200, 900, 800, 1500], np.float32), (100, 1))
    faces = FaceTracks(200, np.array([0, 100], np.int32), np.zeros(100, np.int32), frames, box)
    plan = still_plan(still_run(0, 100), still_run(100, 200))
    made = make_captions(
        [sentence("early", 1), sentence("late", 6), sentence("across it all", 3.5)], plan, faces, FONTS
    )
    assert [(text(each), each.bottom_px) for each in made.placed] == [
        ("early", 1396),
        ("across it all", 900),
        ("late", 900),
    ]


def test_in_a_split_the_text_lies_between_the_faces() -> None:
    """The middle half of the source is in both panels: a face at 660 to 1060 is at 180 to 580 and at 1140 to 1540."""
    placed = captions(sentence(LONG), faces=standing_faces(250, (200, 660, 800, 1060)), split=True).placed
    assert {each.bottom_px for each in placed} == {1140}
    assert all(block_px(each)[0] > 580 for each in placed)


def test_faces_are_followed_through_a_moving_camera() -> None:
    path = CameraPath(np.array([0.0, 10.0]), np.array([[500.0, 500, 960], [600, 500, 480]]))
    plan = still_plan(Run(0, 11, "follow", (Panel((0,), path),), "start", "speaker model", 1, ""))
    shown = shown_faces(plan, standing_faces(11, (560, 400, 640, 600)))
    assert shown.frame.tolist() == list(range(11))
    np.testing.assert_allclose(shown.box_px[0], [(560 - 500) * 2 + 540, 760, (640 - 500) * 2 + 540, 1160])
    np.testing.assert_allclose(shown.box_px[10], [380, 560, 700, 1360])
    np.testing.assert_allclose(shown.middle_px[[0, 10]], [960, 960])


def test_a_caption_stays_a_moment_but_not_into_the_next() -> None:
    made = captions(sentence("one", 1.0), sentence("two", 1.5), sentence("three", 5.0), frames=140)
    assert [(each.start_s, each.end_s) for each in made.placed] == [
        (1.0, 1.5),
        (1.5, pytest.approx(1.9 + LINGER_S)),
        (5.0, 5.6),
    ]


def test_two_who_speak_at_once_have_a_line_each() -> None:
    first, second = sentence(LONG, 0.0, 1), sentence(LONG, 0.7, 2)
    placed = captions(first, second).placed
    assert all(len(each.caption.lines) == 1 for each in placed)
    for moment in np.arange(0.0, 6.0, 0.05):
        shown = [each for each in placed if each.start_s <= moment < each.end_s]
        rows = [each.bottom_px for each in shown]
        assert len(set(rows)) == len(rows) <= 2
    for speaker in (1, 2):
        said = [text(each) for each in placed if each.caption.speaker == speaker]
        assert " ".join(said) == LONG


def test_a_third_takes_the_line_of_the_one_whose_text_stands_longest() -> None:
    placed = captions(*(sentence("a b c d e", 0.5 * number, number) for number in range(1, 4))).placed
    assert [each.end_s for each in placed][:1] == [1.5]
    assert placed[2].bottom_px == placed[0].bottom_px != placed[1].bottom_px


def test_a_sentence_whose_letters_no_font_has_is_told_and_left_out() -> None:
    made = captions(sentence("我认为", 0.0), sentence("fine 😀", 4.0))
    assert [text(each) for each in made.placed] == ["fine"]
    assert made.notes[0].startswith("1 of 2 sentences have no caption, as no font has their letters: 我 认 为.")
    assert made.notes[1].endswith("as no font has them: 😀")


def test_what_is_said_outside_the_plan_has_no_caption() -> None:
    plan = still_plan(still_run(50, 100))
    made = make_captions(
        [sentence("before", 0), sentence("in it", 2.5), sentence("after", 4.5)], plan, standing_faces(250), FONTS
    )
    assert [text(each) for each in made.placed] == ["in it"]
