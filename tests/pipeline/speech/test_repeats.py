from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.speech.repeats import flag_repeats, in_loop
from pipeline.types import Segment, Word


def _segment(text: str, start_s: float = 0.0) -> Segment:
    words = tuple(Word(f" {word}", start_s, start_s) for word in text.split())
    return Segment(start_s, start_s, "".join(word.text for word in words), words)


@pytest.mark.parametrize(
    "text",
    [
        "and so my fellow americans ask not what your country can do for you ask what you can do for your country",
        "no no no no",
        "yes we can yes we can yes we can",
        "bye bye bye bye bye",
    ],
)
def test_speech_is_no_loop(text: str) -> None:
    assert not in_loop(text.split()).any()


@pytest.mark.parametrize("text", ["no " * 6, "thank you " * 4, "i am going to the store " * 4])
def test_a_phrase_that_goes_on_is_a_loop(text: str) -> None:
    assert in_loop(text.split()).all()


def test_only_the_loop_is_marked() -> None:
    words = ["well", *["thank", "you"] * 5, "goodbye"]
    assert in_loop(words).tolist() == [False, *[True] * 10, False]


def test_case_and_punctuation_make_no_difference() -> None:
    assert flag_repeats([_segment("Thank you. thank you, Thank YOU! (thank) you")])[0].flags == ("repeated",)


def test_a_loop_is_seen_across_segments() -> None:
    segments = flag_repeats([_segment("We begin."), *(_segment("Thank you.", float(start)) for start in range(4))])
    assert [segment.flags for segment in segments] == [(), *[("repeated",)] * 4]


def test_marks_between_words_do_not_hide_a_loop() -> None:
    assert flag_repeats([_segment("thank you - thank you - thank you - thank you")])[0].flags == ("repeated",)


def test_flagging_changes_nothing_else() -> None:
    segment = _segment("la " * 9)
    flagged = flag_repeats([segment])[0]
    assert (flagged.words, flagged.text) == (segment.words, segment.text)


@settings(deadline=None)
@given(st.lists(st.sampled_from("ab"), max_size=40))
def test_a_marked_word_stands_in_a_stretch_of_one_period(words: list[str]) -> None:
    looped = in_loop(words)
    for index in range(len(words)):
        stretches = (
            words[first : first + max(4 * period, 6)]
            for period in range(1, len(words) // 4 + 1)
            for first in range(max(0, index - max(4 * period, 6) + 1), index + 1)
            if all(
                first + max(4 * period, 6) <= len(words) and words[at] == words[at + period]
                for at in range(first, first + max(4 * period, 6) - period)
            )
        )
        assert looped[index] == any(True for _ in stretches)
