"""Words to captions: none lost, none wider than its room, no pause and no speaker crossed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.render.caption_groups import MAX_CAPTION_S, PAUSE_S, Caption, captions_of
from pipeline.render.caption_text import Ruler, is_rightward, plain_text, plain_words, syllables_of, unbroken
from pipeline.render.fonts import load_fonts
from pipeline.types import AttributedWord, Word
from tests.support.captioned import sentence

FONTS = load_fonts("", "und")
WIDTH_PX = 842.0


def texts(captions: list[Caption]) -> list[list[str]]:
    return [
        ["".join(" " * (n > 0 and each.is_spaced) + each.text for n, each in enumerate(line)) for line in one.lines]
        for one in captions
    ]


def grouped(text: str, max_lines: int = 2, word_s: float = 0.3) -> list[list[str]]:
    spoken = sentence(text, word_s=word_s).words
    return texts(captions_of(syllables_of(spoken, FONTS), Ruler(64), WIDTH_PX, max_lines=max_lines))


def test_lines_are_even_and_captions_few() -> None:
    text = "We should talk about this over dinner, because it is getting late and I am hungry."
    assert grouped(text) == [
        ["We should talk about", "this over dinner,"],
        ["because it is getting", "late and I am hungry."],
    ]
    assert grouped("Yes, of course.") == [["Yes, of course."]]


def test_one_line_where_there_is_room_for_one() -> None:
    assert grouped("We should talk about this over dinner.", max_lines=1) == [
        ["We should talk about"],
        ["this over dinner."],
    ]


def test_a_word_that_is_wider_than_a_line_is_parted_between_letters() -> None:
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk"
    lines = [line for each in grouped(word) for line in each]
    assert "".join(lines) == word
    assert len(lines) == 3


def test_thai_parts_between_words_and_never_within_a_letter_and_its_marks() -> None:
    for lines in grouped("ผมคิดว่าคำบรรยายไม่ควรบังปากของผู้พูดเลยนะครับ"):
        assert not any(line[0] in "ะาำิีึืุู่้๊๋์ั็" for line in lines)


def test_closing_marks_begin_no_line() -> None:
    parts = unbroken(syllables_of(sentence("don't stop!").words, FONTS))
    assert ["".join(each.text for each in part) for part in parts] == ["don't", "stop!"]
    spoken = [
        AttributedWord(Word(text, n, n + 0.5), None, 1) for n, text in enumerate((" well", "-known", "!", " «", "x"))
    ]
    parts = unbroken(syllables_of(spoken, FONTS))
    assert ["".join(each.text for each in part) for part in parts] == ["well-known!", "«x"]


def test_no_caption_spans_a_long_pause() -> None:
    words = (*sentence("one two").words, *sentence("three", start_s=0.8 + PAUSE_S).words)
    captions = captions_of(syllables_of(words, FONTS), Ruler(64), WIDTH_PX)
    assert [len(each.syllables) for each in captions] == [2, 1]


def test_a_slow_speaker_gets_more_captions() -> None:
    captions = captions_of(syllables_of(sentence("a b c d e f g h", word_s=1.5).words, FONTS), Ruler(64), WIDTH_PX)
    assert all(each.end_s - each.start_s <= MAX_CAPTION_S for each in captions)
    assert len(captions) > 1


def test_most_words_tell_the_direction() -> None:
    assert not is_rightward(syllables_of(sentence("iPhone של הדובר").words, FONTS))
    assert is_rightward(syllables_of(sentence("he said שלום to me").words, FONTS))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<i>really</i>?", "really?"),
        ("<zoom>Look<zoom=1.25> here", "Look here"),
        ('<font color="#fff">red</font>', "red"),
        ("a < b > c <3 <-", "a < b > c <3 <-"),
        ("a\nb\x07c", "a b c"),
    ],
)
def test_tags_of_subtitles_are_not_shown(text: str, shown: str) -> None:
    assert plain_text(text) == shown


def test_a_tag_over_several_words_is_not_shown_either() -> None:
    spoken = [
        AttributedWord(Word(text, n, n + 0.5), None, 1) for n, text in enumerate((" <font", ' color="red">so', " it"))
    ]
    assert [each.word.text for each in plain_words(spoken)] == ["so", " it"]


ALPHABETS = st.sampled_from(["abc déf", "абв", "سلام", "שלום", "ผู้พูด ไม่", "Aa.,!?-'…", "字😀<>{}\\"])
WORDS = st.lists(
    st.tuples(
        ALPHABETS.flatmap(lambda letters: st.text(letters, min_size=1, max_size=40)),
        st.booleans(),
        st.floats(0, 2),
        st.floats(0, 3),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(words=WORDS, max_lines=st.sampled_from([1, 2]))
def test_no_word_is_lost_and_no_line_is_too_wide(words: list[tuple[str, bool, float, float]], max_lines: int) -> None:
    spoken, at_s = [], 0.0
    for text, spaced, pause_s, length_s in words:
        text = "".join(letter for letter in text if letter != "字")
        at_s += pause_s
        spoken.append(AttributedWord(Word(" " * spaced + text, at_s, at_s + length_s), None, 1))
    syllables = syllables_of(plain_words(spoken), FONTS)
    ruler = Ruler(64)
    captions = captions_of(syllables, ruler, WIDTH_PX, max_lines=max_lines)
    parts = [each for caption in captions for each in caption.syllables]
    assert "".join(each.text for each in parts) == "".join(each.text for each in syllables)
    assert all(before.start_s <= after.start_s for before, after in pairwise(parts))
    assert all(each.start_s <= each.end_s for each in parts)
    for caption in captions:
        assert 1 <= len(caption.lines) <= max_lines
        for line in caption.lines:
            assert ruler.width_px(line) <= WIDTH_PX or len(line[0].text) == len(line) == 1
        gaps = pairwise(caption.syllables)
        assert all(after.start_s - before.end_s < PAUSE_S for before, after in gaps)
