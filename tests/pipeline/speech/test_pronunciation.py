from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pocketsphinx import Decoder

from pipeline.speech.pronunciation import guessed_phones, number_words, spoken_form

KNOWN = {"well", "known", "don't", "cafe", "hello", "dogs", "cause"}


@pytest.mark.parametrize(
    ("text", "parts", "sure"),
    [
        (" Hello,", ("hello",), True),
        (" “Hello…”", ("hello",), True),
        (" well-known", ("well", "known"), True),
        (" don’t", ("don't",), True),
        (" café", ("cafe",), True),
        (" dogs'", ("dogs",), True),
        (" 'cause", ("cause",), True),
        (" Zelkova", ("zelkova",), False),
        (" NBXZ", ("n", "b", "x", "z"), True),
        (" 1,250", ("one", "thousand", "two", "hundred", "fifty"), False),
        (" 3.14", ("three", "point", "one", "four"), False),
        (" 2,024", ("two", "thousand", "twenty", "four"), False),
        (" 42%", ("forty", "two", "percent"), False),
        (" 日本", (), False),
        (" hello日", ("hello",), False),
    ],
)
def test_what_is_said_for_a_written_word(text: str, parts: tuple[str, ...], sure: bool) -> None:
    form = spoken_form(text, lambda word: word in KNOWN or word == "percent")
    assert (form.parts, form.sure) == (parts, sure)


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("0", "zero"),
        ("13", "thirteen"),
        ("40", "forty"),
        ("101", "one hundred one"),
        ("1984", "nineteen eighty four"),
        ("1905", "nineteen oh five"),
        ("2000", "two thousand"),
        ("2005", "two thousand five"),
        ("2024", "twenty twenty four"),
        ("1000000", "one million"),
        ("007", "zero zero seven"),
        ("1" * 13, " ".join(["one"] * 13)),
    ],
)
def test_how_a_number_is_read(digits: str, words: str) -> None:
    assert " ".join(number_words(digits)) == words


@settings(deadline=None)
@given(st.text("0123456789", min_size=1, max_size=6000))
def test_any_number_can_be_read(digits: str) -> None:
    assert number_words(digits)


@pytest.mark.parametrize(
    ("word", "phones"),
    [("bloo", "B L UW"), ("city", "S IH T IY"), ("shape", "SH AE P"), ("yell", "Y EH L"), ("qat", "K AE T")],
)
def test_a_pronunciation_is_guessed_from_the_letters(word: str, phones: str) -> None:
    assert guessed_phones(word) == phones


@settings(deadline=None)
@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=40))
def test_every_word_gets_phones_of_the_acoustic_model(word: str) -> None:
    phones = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
    guessed = guessed_phones(word).split()
    assert guessed
    assert set(guessed) <= set(phones.split())


def test_every_word_of_a_number_is_in_the_dictionary() -> None:
    decoder = Decoder(lm=None, loglevel="FATAL")
    words = {word for value in (*range(100), 1905, 10**9 + 10**6 + 1100) for word in number_words(str(value))}
    assert [word for word in sorted(words) if decoder.lookup_word(word) is None] == []
