"""New times for words, with an aligner that finds what a table says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.speech.retiming import retimed
from pipeline.types import AudioTrack, Segment, Word

MakeTrack = Callable[[np.ndarray], AudioTrack]


class Table:
    """Finds each word of its table at the time that stands there; the others it spreads over the span."""

    def __init__(self, times_s: Mapping[str, tuple[float, float]]) -> None:
        self._times_s = times_s
        self.spans_s: list[tuple[float, float]] = []

    def align(self, audio: AudioTrack, texts: Sequence[str], start_s: float, end_s: float) -> tuple[Word, ...]:
        self.spans_s.append((start_s, end_s))
        return tuple(
            Word(text, *self._times_s[text])
            if text in self._times_s
            else Word(text, start_s, end_s, None, "interpolated")
            for text in texts
        )


@pytest.fixture
def audio(make_track: MakeTrack) -> AudioTrack:
    return make_track(np.zeros(160_000))


def segment(*words: Word) -> Segment:
    return Segment(words[0].start_s, words[-1].end_s, "".join(word.text for word in words), words)


ONE, TWO, THREE = Word(" one", 1.0, 2.0, 0.9), Word(" 2", 2.0, 3.0, 0.8), Word(" three", 3.0, 4.0)


def test_every_word_takes_the_time_that_is_found_and_keeps_the_rest(audio: AudioTrack) -> None:
    found = Table({" one": (1.2, 1.8), " 2": (2.1, 2.2), " three": (3.3, 3.9)})
    (done,) = retimed([segment(ONE, TWO, THREE)], audio, found, every_word=True)
    assert done.words == (Word(" one", 1.2, 1.8, 0.9), Word(" 2", 2.1, 2.2, 0.8), Word(" three", 3.3, 3.9))
    assert (done.start_s, done.end_s) == (1.2, 3.9)


def test_a_word_that_is_not_found_keeps_what_its_neighbours_leave_of_its_time(audio: AudioTrack) -> None:
    found = Table({" one": (1.2, 2.4), " three": (2.9, 3.9)})
    (done,) = retimed([segment(ONE, TWO, THREE)], audio, found, every_word=True)
    assert done.words[1] == Word(" 2", 2.4, 2.9, 0.8, "measured")


def test_a_word_that_keeps_nothing_of_its_time_lies_between_its_neighbours(audio: AudioTrack) -> None:
    found = Table({" one": (3.0, 3.2), " three": (3.4, 3.9)})
    (done,) = retimed([segment(ONE, TWO, THREE)], audio, found, every_word=True)
    assert done.words[1] == Word(" 2", 3.2, 3.4, 0.8, "interpolated")


def test_a_segment_in_which_nothing_is_found_stays_as_it_is(audio: AudioTrack) -> None:
    given_segment = segment(ONE, TWO, THREE)
    assert retimed([given_segment], audio, Table({}), every_word=True) == (given_segment,)


def test_words_with_a_time_are_left_alone_where_only_the_others_are_wanted(audio: AudioTrack) -> None:
    without = Word(" 2", 2.0, 3.0, None, "interpolated")
    found = Table({" one": (0.0, 9.0), " 2": (2.4, 2.6), " three": (0.0, 0.1)})
    whole, (done,) = segment(ONE, TWO, THREE), retimed([segment(ONE, without, THREE)], audio, found, every_word=False)
    assert done.words == (ONE, Word(" 2", 2.4, 2.6), THREE)
    assert retimed([whole], audio, found, every_word=False) == (whole,)
    assert len(found.spans_s) == 1


def test_a_segment_is_looked_for_a_little_beyond_itself_but_not_in_its_neighbours(audio: AudioTrack) -> None:
    found = Table({})
    retimed([segment(Word(" a", 1.0, 2.0)), segment(Word(" b", 2.1, 3.0))], audio, found, every_word=True)
    assert found.spans_s == [(0.75, 2.1), (2.0, 3.25)]


def test_progress_is_told_by_the_segment(audio: AudioTrack) -> None:
    told: list[float] = []
    retimed([segment(ONE), segment(THREE)], audio, Table({}), True, told.append)
    assert told == [2.0, 4.0]


TIMES = st.lists(st.floats(1.0, 4.0), min_size=8, max_size=8).map(sorted)


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(old=TIMES, new=TIMES, known=st.lists(st.booleans(), min_size=4, max_size=4), every_word=st.booleans())
@example(old=[1.0] * 8, new=[1.0] * 5 + [2.0] * 3, known=[False, False, True, False], every_word=True)
def test_words_stay_in_order_and_none_is_lost(
    old: list[float], new: list[float], known: list[bool], every_word: bool
) -> None:
    track = AudioTrack(path=None, sample_count=160_000)  # type: ignore[arg-type]
    words = [
        Word(f" {place}", old[2 * place], old[2 * place + 1], None, "measured" if place % 2 else "interpolated")
        for place in range(4)
    ]
    found = Table({f" {place}": (new[2 * place], new[2 * place + 1]) for place in range(4) if known[place]})
    (done,) = retimed([segment(*words)], track, found, every_word)
    assert [word.text for word in done.words] == [word.text for word in words]
    edges = [at for word in done.words for at in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
