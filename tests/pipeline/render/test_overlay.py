"""Boxes, labels and subtitles on a picture."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.render import overlay
from pipeline.render.overlay import colour_of, draw_caption, draw_face

GREY = 90


def _blank(width: int = 480, height: int = 360) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def _changed(picture: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what was drawn."""
    rows, columns = np.nonzero((picture != GREY).any(2))
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def test_colours_go_from_red_over_yellow_to_green() -> None:
    assert [colour_of(p) for p in (0.0, 0.5, 1.0)] == [(0, 94, 213), (66, 228, 240), (115, 158, 0)]
    reds = [colour_of(p)[2] for p in np.linspace(0.5, 1, 9)]
    assert reds == sorted(reds, reverse=True)


def test_a_box_has_its_colour_on_every_edge() -> None:
    picture = _blank()
    draw_face(picture, (100, 120, 200, 240), 0.9, "Ann")
    for x, y in ((100, 180), (200, 180), (150, 120), (150, 240)):
        assert tuple(picture[y, x].tolist()) == colour_of(0.9)
    assert (picture[130:230, 110:190] == GREY).all()


def test_a_surer_face_has_a_thicker_box() -> None:
    thickness = []
    for probability in (0.0, 1.0):
        picture = _blank(960, 960)
        draw_face(picture, (300, 300, 600, 600), probability, "")
        thickness.append(int((picture[450, 280:330] == colour_of(probability)).all(1).sum()))
    assert thickness[1] > thickness[0] >= 2


@pytest.mark.parametrize("box", [(-50, -40, 60, 70), (440, 300, 600, 500), (-500, -500, -300, -300), (10, 2, 30, 20)])
def test_faces_at_the_edge_or_outside_are_no_trouble(box: tuple[int, ...]) -> None:
    picture = _blank()
    draw_face(picture, box, 0.5, "Speaker 1")
    assert (picture != GREY).any()


def test_a_label_stands_above_its_box_and_inside_where_there_is_no_room() -> None:
    above, inside = _blank(), _blank()
    draw_face(above, (100, 120, 200, 240), 0.5, "Speaker 1")
    draw_face(inside, (100, 1, 200, 121), 0.5, "Speaker 1")
    assert _changed(above)[1] < 110
    assert (inside[8:12, 110:150] != GREY).any(2).all()


@pytest.mark.parametrize("size", [(480, 360), (240, 426), (1920, 1080)])
def test_a_subtitle_is_centred_at_the_lower_edge(size: tuple[int, int]) -> None:
    picture = _blank(*size)
    draw_caption(picture, ("Speaker 1: The quick brown fox jumps", "over the lazy dog."))
    left, top, right, bottom = _changed(picture)
    assert size[1] // 2 < top < bottom < size[1]
    assert left > 0
    assert abs(left + right - (size[0] - 1)) <= 3


def test_a_picture_too_small_for_a_subtitle_is_no_trouble() -> None:
    draw_caption(_blank(64, 48), ("Speaker 1: The quick brown fox jumps", "over the lazy dog."))
    draw_caption(_blank(2, 2), ("a",))
    draw_face(_blank(2, 2), (0, 0, 2, 2), 0.5, "Speaker 1")


def test_a_subtitle_is_white_on_dark() -> None:
    picture = np.full((360, 480, 3), 255, np.uint8)
    draw_caption(picture, ("HHHHHH",))
    assert picture[:300].min() == 255
    plate = picture[320:350, 200:280]
    assert (plate.max(), int(plate.min())) == (255, 89)


@pytest.mark.parametrize("text", ["Grüße", "日本語", "שלום", "Привет", "<script>", "\\N{}%s", "नमस्ते", "😀", "a\x07b"])
def test_any_text_can_be_drawn(text: str) -> None:
    picture = _blank()
    draw_caption(picture, (text,))
    assert (picture == 255).any()


def test_nothing_said_changes_nothing() -> None:
    picture = _blank()
    draw_caption(picture, ())
    draw_caption(picture, ("",))
    assert (picture == GREY).all()


@pytest.mark.parametrize("letter_px", [12, 21, 40])
@pytest.mark.parametrize("text", ["Speaker 1  11%", "towards a better, more just future for our", "WWW.", "é"])
def test_a_plate_is_as_wide_as_its_letters(text: str, letter_px: int) -> None:
    for cached in (overlay._font, overlay._text_width):
        cached.cache_clear()  # a font remembers the weight that it was last drawn with
    width, picture = overlay._text_width(text, letter_px), np.zeros((100, 1200, 3), np.uint8)
    overlay._write(picture, text, (10, 60), letter_px, (255, 255, 255))
    columns = np.flatnonzero(picture.any(axis=(0, 2)))
    assert columns[-1] + 1 - 10 <= width + 1
