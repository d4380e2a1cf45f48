"""The .ass file of captions, and what libass draws of it."""

from __future__ import annotations

from pathlib import Path

import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.render.caption_file import ass_text, caption_overlay
from pipeline.render.captions import Captions, make_captions
from pipeline.render.fonts import load_fonts
from pipeline.types import GRID_FPS, AttributedWord, FaceTracks, Sentence, Word
from tests.support.captioned import (
    GROUND,
    bare,
    dialogues,
    drawn,
    lettered,
    sentence,
    standing_faces,
    still_plan,
    still_run,
)

CJK = [Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc")]
"""Fonts of Debian's fonts-noto-cjk."""

TEXTS = {
    "en": "Well, I think that captions should never hide the mouth of whoever speaks.",
    "ar": "أعتقد أن الترجمة يجب ألا تغطي فم المتحدث أبدا، أليس كذلك؟",
    "he": "אני חושב שכתוביות לא צריכות להסתיר את הפה של iPhone 15 הדובר",
    "th": "ผมคิดว่าคำบรรยายไม่ควรบังปากของผู้พูดเลยนะครับ",
    "zh": "我认为字幕永远不应该遮住说话人的嘴，你说对不对？",
}


def captions(
    *sentences: Sentence,
    faces: FaceTracks | None = None,
    size_px: tuple[int, int] = (1080, 1920),
    font: str = "",
    language: str = "und",
) -> Captions:
    plan = still_plan(still_run(0, 500, size_px=size_px), size_px=size_px)
    return make_captions(sentences, plan, faces or standing_faces(500), load_fonts(font, language))


def test_the_file_of_a_small_input() -> None:
    words = [(" Hi,", 1.0, 1.2), (" {you}!", 1.5, 1.8)]
    spoken = tuple(AttributedWord(Word(*each), None, 2) for each in words)
    text = ass_text(captions(Sentence(spoken, None, 2, None, None, None, 0.0)))
    file = pysubs2.SSAFile.from_string(text)
    assert (file.info["PlayResX"], file.info["PlayResY"], file.info["WrapStyle"]) == ("1080", "1920", "2")
    assert list(file.styles) == ["Speaker 2"]
    style = file.styles["Speaker 2"]
    assert (style.fontname, style.fontsize, style.encoding) == ("Noto Sans Bold", 87.17, -1)
    assert (style.primarycolor.r, style.primarycolor.g, style.primarycolor.b) == (86, 180, 233)
    assert [line for line in text.splitlines() if line.startswith("Dialogue")] == [
        "Dialogue: 0,0:00:01.00,0:00:02.20,Speaker 2,Speaker 2,0,0,0,,"
        r"{\pos(490,1396)}{\kf20}Hi, {\k30\kf30}\{you\}!"
    ]


def test_times_count_from_the_first_picture_of_the_video() -> None:
    text = ass_text(captions(sentence("one two", 4.8)), begin_s=5.0)
    assert [line[:33] for line in text.splitlines() if line.startswith("Dialogue")] == [
        "Dialogue: 0,0:00:00.00,0:00:01.00"
    ]
    assert dialogues(text) == [r"{\pos(490,1396)}{\kf20}one {\kf40}two"]


def test_right_to_left_words_light_up_at_once_and_lines_keep_the_sentences_direction() -> None:
    (text,) = dialogues(ass_text(captions(sentence("iPhone של הדובר"), language="he")))
    assert text.startswith("{\\pos(490,1396)}\u200f{\\kf40}")
    assert r"{\k40}" in text


@settings(deadline=None, max_examples=200)
@given(
    words=st.lists(
        st.text(st.sampled_from("ab {}\\\n\r\tNnhk<>/iz&;,!\u202e\u2028"), max_size=12), min_size=1, max_size=8
    )
)
def test_spoken_text_never_becomes_a_tag(words: list[str]) -> None:
    spoken = tuple(AttributedWord(Word(f" x{word}", n, n + 1), None, 1) for n, word in enumerate(words))
    made = captions(Sentence(spoken, None, 1, None, None, None, 0.0))
    events = dialogues(ass_text(made))
    shown = "".join(bare(event) for event in events)
    said = "".join(each.text for placed in made.placed for each in placed.caption.syllables)
    assert "".join(shown.split()) == "".join(said.split())
    assert len(events) == len(made.placed)


@pytest.mark.parametrize("language", TEXTS)
def test_scripts_are_drawn_whole_inside_the_area(language: str, tmp_path: Path) -> None:
    font = ""
    if language == "zh":
        font = next((str(path) for path in CJK if path.is_file()), "")
        if not font:
            pytest.skip("no fonts-noto-cjk")
    made = captions(sentence(TEXTS[language], word_s=0.25), font=font, language=language)
    assert made.notes == ()
    for placed in made.placed:
        picture, said = drawn(made, placed.start_s, tmp_path)
        x1, y1, x2, y2 = lettered(picture)
        assert x1 >= 65 and y1 >= 220 and x2 <= 915 and y2 <= 1400
        assert "failed to find" not in said and "not found" not in said, said
        chosen = [line.split("fontselect: ")[1] for line in said.splitlines() if "fontselect" in line]
        assert chosen and all("Noto" in line.split("->")[1] for line in chosen), said


@pytest.mark.parametrize("size_px", [(360, 640), (202, 360)])
def test_captions_of_a_small_video_are_scaled(size_px: tuple[int, int], tmp_path: Path) -> None:
    made = captions(sentence(TEXTS["en"]), size_px=size_px)
    x1, y1, x2, y2 = lettered(drawn(made, 0.1, tmp_path)[0])
    across, down = size_px[0] / 1080, size_px[1] / 1920
    assert 65 * across - 1 <= x1 and x2 <= 915 * across + 1 and y2 <= 1400 * down + 1
    assert y1 >= 1180 * down


@pytest.mark.parametrize("box_px", [(200, 900, 800, 1500), (200, 330, 800, 1280), (100, 1000, 950, 1900)])
def test_no_letter_lies_on_a_mouth(box_px: tuple[int, ...], tmp_path: Path) -> None:
    made = captions(sentence(TEXTS["en"]), faces=standing_faces(500, box_px))
    assert made.placed
    for placed in made.placed:
        picture, _ = drawn(made, placed.start_s, tmp_path)
        mouth = picture[(box_px[1] + box_px[3]) // 2 : box_px[3], box_px[0] : box_px[2]]
        assert (mouth == GROUND).all()
        assert (picture != GROUND).any()


def test_words_light_up_in_the_order_of_speech(tmp_path: Path) -> None:
    """From the left in English; from the right in Arabic."""
    for text, is_left_first in (("mmmm mmmm", True), ("سسسس سسسس", False)):
        made = captions(sentence(text, word_s=1.0))
        picture = drawn(made, 0.99, tmp_path)[0]
        x1, _, x2, _ = lettered(picture)
        brightest = picture.max(axis=(0, 2))
        left, right = brightest[x1 : x1 + (x2 - x1) // 3], brightest[x2 - (x2 - x1) // 3 : x2]
        said, unsaid = (left, right) if is_left_first else (right, left)
        assert said.max() == 255
        assert unsaid.max() < 200


def test_a_caption_that_ends_after_the_last_one_is_drawn_anew_to_its_end(tmp_path: Path) -> None:
    """A short remark within a long sentence is the last caption, and not the last to go."""
    made = captions(sentence("one two three four", word_s=1.2), sentence("Yes.", 1.0, speaker=2, word_s=0.3))
    latest = max(made.placed, key=lambda each: each.end_s)
    assert latest.end_s > made.placed[-1].end_s + 1.5
    with caption_overlay(tmp_path / "captions.ass", made) as overlay:
        assert overlay.changes_at(int(latest.end_s * GRID_FPS))
        assert not overlay.changes_at(int(latest.end_s * GRID_FPS) + 3)
