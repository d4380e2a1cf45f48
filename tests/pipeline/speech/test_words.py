from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.speech.words import attach_marks, place_words, split_words, spread

NAN = float("nan")
TIME = st.floats(-5, 20) | st.just(NAN)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ask not what.", (" Ask", " not", " what.")),
        ("  two \n lines ", (" two", " lines")),
        ("- Hello", (" - Hello",)),
        ("Yes - no", (" Yes", " - no")),
        ("wait ... what?", (" wait ...", " what?")),
        ("♪♪", ()),
        ("", ()),
        ("日本語です。", ("日", "本", "語", "で", "す。")),
        ("「はい」と言う", ("「は", "い」", "と", "言", "う")),
        ("今日は\nいい", ("今", "日", "は", "い", "い")),
        ("用 Python 写", ("用", " Python", " 写")),
        ("เกาะ น้ำใส", ("เกาะ", " น้ำ", "ใส")),
        ("ເກົ້າມາ", ("ເກົ້າ", "ມາ")),
        ("第2回", ("第", "2", "回")),
        ("ที่นี่", ("ที่", "นี่")),
        ("안녕 세계", (" 안녕", " 세계")),
        ("مرحبا يا", (" مرحبا", " يا")),
    ],
)
def test_a_text_is_split_as_whisper_would(text: str, words: tuple[str, ...]) -> None:
    assert split_words(text) == words


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_character_of_a_text_with_words_is_lost(text: str) -> None:
    words = split_words(text)
    assert all(any(character.isalnum() for character in word) for word in words)
    if words:
        assert "".join("".join(words).split()) == "".join(text.split())


def test_marks_join_the_word_before_and_opening_ones_the_word_after() -> None:
    assert attach_marks(["(", "日", "本", "。", " -", " next"]) == [("(日", 1), ("本。", 2), (" - next", 5)]


def test_words_share_a_span_by_their_characters() -> None:
    np.testing.assert_allclose(spread([" a", " bcd"], 1.0, 3.0), [[1.0, 1.5], [1.5, 3.0]])


def test_a_word_without_a_time_gets_the_room_between_its_neighbours() -> None:
    times = np.array([[1.0, 2.0], [NAN, NAN], [3.0, 4.0]])
    placed, measured = place_words(["a", "7", "b"], times, 0.0, 5.0)
    assert placed.tolist() == [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    assert measured.tolist() == [True, False, True]


def test_words_without_times_at_the_edges_reach_to_the_borders() -> None:
    times = np.array([[NAN, NAN], [2.0, 3.0], [NAN, NAN], [NAN, NAN]])
    placed, _ = place_words(["a", "b", "c", "d"], times, 0.0, 5.0)
    assert placed.tolist() == [[0.0, 2.0], [2.0, 3.0], [3.0, 4.0], [4.0, 5.0]]


def test_an_overlong_word_ends_where_the_next_begins() -> None:
    placed, _ = place_words(["a", "b"], np.array([[0.0, 9.0], [1.0, 2.0]]), 0.0, 10.0)
    assert placed.tolist() == [[0.0, 1.0], [1.0, 2.0]]


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.tuples(TIME, TIME), max_size=20), st.floats(0, 10), st.floats(0, 10))
def test_placed_words_are_ordered_and_inside(times: list[tuple[float, float]], low_s: float, length_s: float) -> None:
    texts = ["x" * (index % 3) for index in range(len(times))]
    placed, _ = place_words(texts, np.array(times, np.float64).reshape(-1, 2), low_s, low_s + length_s)
    flat = placed.ravel()
    assert (np.diff(flat) >= 0).all()
    assert ((flat >= low_s) & (flat <= low_s + length_s)).all()
