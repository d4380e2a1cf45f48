"""Words to sentences, and what is measured of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.attribution.faces import Faces
from pipeline.attribution.sentences import split_sentences
from pipeline.attribution.speakers import attribute_words
from pipeline.types import AttributedWord, ScoredTracks, Sentence, Word

TWO_FACES = ScoredTracks(
    3000,
    np.zeros(1, np.int32),
    np.repeat(np.arange(2, dtype=np.int32), 3000),
    np.tile(np.arange(3000, dtype=np.int32), 2),
    np.zeros((6000, 4), np.float32),
    np.repeat(np.array([1, -1], np.float32), 3000),
    np.repeat(np.array([0.7, 0.3], np.float32), 3000),
)


def _split(words, tracks=TWO_FACES, language="en", pause_s=0.5, max_s=20.0) -> tuple[Sentence, ...]:
    return split_sentences(words, Faces(tracks), language=language, pause_s=pause_s, max_s=max_s)


def _said(*timed: tuple[str, float, float], track: int | None = None) -> list[AttributedWord]:
    speaker = None if track is None else track + 1
    return [AttributedWord(Word(text, start_s, end_s), track, speaker) for text, start_s, end_s in timed]


@st.composite
def spoken_words(draw: st.DrawFn) -> list[AttributedWord]:
    """Words in order, with overlaps, pauses, words without a length, and changing speakers."""
    time_s, words = 0.0, []
    for _ in range(draw(st.integers(0, 30))):
        time_s = max(time_s + draw(st.floats(-0.1, 1.0)), 0.0)
        length_s = draw(st.floats(0, 3))
        text = draw(st.sampled_from([" so", " yes.", " Dr.", "。", " what?", " 3.5"]))
        track = draw(st.sampled_from([None, 0, 1]))
        words += _said((text, time_s, time_s + length_s), track=track)
        time_s += length_s
    return words


@pytest.mark.slow
@given(spoken_words(), st.floats(0.05, 2), st.floats(1, 5))
def test_each_word_is_in_one_sentence_and_in_order(words, pause_s, max_s) -> None:
    sentences = _split(words, pause_s=pause_s, max_s=max_s)
    assert [spoken for sentence in sentences for spoken in sentence.words] == words


@pytest.mark.slow
@given(spoken_words(), st.floats(0.05, 2), st.floats(1, 5))
def test_a_sentence_has_one_speaker_no_pause_and_a_length(words, pause_s, max_s) -> None:
    for sentence in _split(words, pause_s=pause_s, max_s=max_s):
        assert len({spoken.speaker for spoken in sentence.words}) == 1
        assert all(b.word.start_s - a.word.end_s < pause_s for a, b in pairwise(sentence.words))
        assert len(sentence.words) == 1 or sentence.end_s - sentence.start_s <= max_s


def test_punctuation_parts() -> None:
    words = _said((" Hello", 0, 0.3), (" there.", 0.3, 0.6), (" Dr.", 0.7, 0.9), (" No?", 0.9, 1.2), (" Yes", 1.2, 1.5))
    assert [sentence.text for sentence in _split(words)] == ["Hello there.", "Dr. No?", "Yes"]


def test_languages_without_spaces() -> None:
    words = _said(("今日は", 0, 0.5), ("。", 0.5, 0.5), ("雨", 0.5, 0.8), ("です。", 0.8, 1.0))
    assert [sentence.text for sentence in _split(words, language="ja")] == ["今日は。", "雨です。"]


@pytest.mark.parametrize(("gap_s", "count"), [(0.49, 1), (0.5, 2)])
def test_a_pause_parts(gap_s: float, count: int) -> None:
    assert len(_split(_said((" a", 0, 1), (" b", 1 + gap_s, 2)))) == count


def test_a_change_of_speaker_parts() -> None:
    words = [*_said((" a", 0, 1), track=0), *_said((" b", 1, 2), track=1), *_said((" c", 2, 3))]
    assert [sentence.speaker for sentence in _split(words)] == [1, 2, None]


def test_a_long_sentence_is_parted_at_its_widest_pause() -> None:
    words = _said((" a", 0, 2), (" b", 2.1, 4), (" c", 4.3, 6), (" d", 6.1, 8))
    assert [sentence.text for sentence in _split(words, max_s=7)] == ["a b", "c d"]


def test_without_pauses_it_is_parted_in_the_middle() -> None:
    words = _said(*((f" {i}", i, i + 1) for i in range(8)))
    assert [len(sentence.words) for sentence in _split(words, max_s=4)] == [4, 4]


def test_a_word_longer_than_a_sentence_may_be_stays_whole() -> None:
    assert [sentence.text for sentence in _split(_said((" aaa", 0, 9), (" b", 9, 10)), max_s=5)] == ["aaa", "b"]


def test_the_score_is_the_mean_over_the_words_alone(make_tracks) -> None:
    """B26: the pause between the words and the rest of the track count for nothing."""
    logits = np.full(1500, -2.0)
    logits[250:255], logits[255:260], logits[260:265] = 4.0, -5.0, 2.0
    tracks = make_tracks((0, 1500, logits), frame_count=1500)
    (sentence,) = _split(_said((" so", 10.0, 10.2), (" what", 10.4, 10.6), track=0), tracks)
    assert sentence.avg_score == pytest.approx(3.0)
    assert (sentence.track, sentence.coverage, sentence.margin) == (0, 1.0, None)


def test_the_probability_is_that_of_the_speaker_over_the_words_on_his_face(make_tracks) -> None:
    """Tracks of one person count together, and a word counts as long as it lasts; words off his face do not."""
    tracks = make_tracks((0, 50, 2.0), (0, 50, 1.0), (0, 50, 1.0), frame_count=50, persons=(7, 8, 7))
    words = (
        AttributedWord(Word(" so", 0.0, 0.4), 0, 1, ((0, 0.5), (2, 0.3), (1, 0.1), (None, 0.1))),
        AttributedWord(Word(" what", 0.4, 1.6), 0, 1, ((0, 0.6), (1, 0.4))),
        AttributedWord(Word(" now", 1.6, 2.0), None, 1, ((None, 1.0),)),
    )
    (sentence,) = _split(words, tracks)
    assert sentence.probability == pytest.approx(0.25 * 0.8 + 0.75 * 0.6)


def test_the_margin_is_the_lead_over_the_runner_up(make_tracks) -> None:
    tracks = make_tracks((0, 50, 2.0), (0, 50, -3.0), (0, 50, 0.5), (48, 50, 9.0), frame_count=50)
    (sentence,) = _split(_said((" so", 0.0, 2.0), track=0), tracks)
    assert sentence.margin == pytest.approx(1.5)  # the face of two frames is not compared


def test_coverage_is_the_share_of_the_span_in_view(make_tracks) -> None:
    tracks = make_tracks((0, 15, 2.0), frame_count=50)
    (sentence,) = _split(_said((" so", 0.0, 0.4), (" what", 0.6, 0.8), track=0), tracks)
    assert sentence.coverage == pytest.approx(15 / 20)


def test_a_speaker_on_two_tracks(make_tracks) -> None:
    faces_px = (0, 10, 1.0), (10, 40, 3.0), (10, 40, 2.5)
    tracks = make_tracks(*faces_px, frame_count=40, shot_starts=(0, 10), persons=(5, 5, 6))
    words = attribute_words((Word(" so", 0.0, 0.4), Word(" what", 0.4, 1.2)), Faces(tracks))
    (sentence,) = _split(words, tracks)
    assert (sentence.track, sentence.speaker, sentence.coverage) == (1, 1, 1.0)
    assert sentence.avg_score == pytest.approx((10 * 1 + 20 * 3) / 30)
    assert sentence.margin == pytest.approx(0.5)


def test_without_a_face_nothing_is_measured() -> None:
    (sentence,) = _split(_said((" so", 0, 1)))
    assert (sentence.track, sentence.avg_score, sentence.probability, sentence.margin, sentence.coverage) == (
        *(None, None, None, None),
        0.0,
    )
