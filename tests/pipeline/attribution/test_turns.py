"""Turns of speakers from words, faces and speech."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.attribution.turns import NO_SPEECH, OVERHANG_S, spoken_turns
from pipeline.types import AttributedWord, Overlap, ScoredTracks, Word

FRAMES = 250


def _tracks(*probabilities: Sequence[float], persons: Sequence[int] | None = None, first: int = 0) -> ScoredTracks:
    """Faces with these probabilities from frame *first* on, one track to each."""
    lengths = [len(each) for each in probabilities]
    rows = np.concatenate([np.asarray(each, np.float32) for each in probabilities] or [np.zeros(0, np.float32)])
    numbers = np.arange(len(lengths), dtype=np.int32)
    return ScoredTracks(
        frame_count=FRAMES,
        shot_starts=np.zeros(1, np.int32),
        track=np.repeat(numbers, lengths),
        frame=np.concatenate([np.arange(first, first + length, dtype=np.int32) for length in lengths] or [numbers]),
        box_px=np.zeros((len(rows), 4), np.float32),
        logit=rows * 0,
        probability=rows,
        person=np.repeat(np.array(numbers if persons is None else persons, np.int32), lengths),
    )


def _face(*spans: tuple[float, float], high: float = 0.95) -> list[float]:
    """A face that seems to speak in *spans*, in seconds."""
    middles = (np.arange(FRAMES) + 0.5) / 25
    return [high if any(start <= middle < end for start, end in spans) else 0.02 for middle in middles]


def _word(start_s: float, end_s: float, speaker: int | None, track: int | None = None) -> AttributedWord:
    seen = None if speaker is None else speaker - 1 if track is None else track
    return AttributedWord(Word(" w", start_s, end_s), seen, speaker)


def _speech(*spans: tuple[float, float]) -> np.ndarray:
    return np.array(spans, np.float64).reshape(-1, 2)


def test_words_that_were_missed_count_for_the_face_that_says_them() -> None:
    """Of two seconds of speech the middle one was written down."""
    turns = spoken_turns([_word(1.5, 2.5, 1)], _tracks(_face((1, 3)), _face()), _speech((1, 3)))
    assert turns == [(1.0, 3.0, "speaker_1")]


def test_words_alone_decide_where_there_is_no_speech_to_go_by() -> None:
    words = [_word(1, 1.4, 1), _word(1.7, 2, 1), _word(1.2, 1.8, 2), _word(3, 3.5, 1), _word(4, 4, 2)]
    turns = spoken_turns(words, _tracks(_face((0, 10)), _face((0, 10))), NO_SPEECH)
    assert turns == [(1, 2, "speaker_1"), (1.2, 1.8, "speaker_2"), (3, 3.5, "speaker_1")]


def test_another_face_takes_over_where_the_words_end() -> None:
    """One stretch of speech of two people; the second one's words are missing. By the faces it is cut at 2 s."""
    turns = spoken_turns([_word(1, 1.6, 1)], _tracks(_face((1, 2)), _face((2, 4))), _speech((1, 4)))
    assert [name for _, _, name in turns] == ["speaker_1", "speaker_2"]
    assert turns[0][1] == turns[1][0] == pytest.approx(2.0, abs=0.08)


def test_a_moment_of_another_mouth_is_no_turn() -> None:
    turns = spoken_turns(
        [_word(1, 1.6, 1), _word(2.2, 3, 1)], _tracks(_face((1, 3)), _face((1.8, 1.96))), _speech((1, 3))
    )
    assert turns == [(1.0, 3.0, "speaker_1")]


def test_persons_without_a_word_get_the_numbers_after_those_with_words() -> None:
    """And tracks of one person are one speaker."""
    tracks = _tracks(_face((5, 6)), _face((1, 2)), _face((8, 9)), persons=[7, 4, 7])
    turns = spoken_turns([_word(1, 2, 1, track=1)], tracks, _speech((1, 2), (5, 6), (8, 9)))
    assert turns == [(1, 2, "speaker_1"), (5, 6, "speaker_2"), (8, 9, "speaker_2")]


def test_numbers_of_speakers_without_a_word_begin_at_one() -> None:
    assert spoken_turns([], _tracks(_face((1, 2))), _speech((1, 2))) == [(1, 2, "speaker_1")]


def test_faces_that_move_where_nobody_is_heard_have_no_turn() -> None:
    assert spoken_turns([], _tracks(_face((0, 10))), _speech((4, 5))) == [(4, 5, "speaker_1")]


def test_speech_that_no_face_in_view_says_is_off_screen() -> None:
    turns = spoken_turns([_word(1, 2, 1)], _tracks(_face((1, 2))), _speech((1, 2), (4, 6)))
    assert turns == [(1, 2, "speaker_1"), (4, 6, "off_screen")]


def test_a_voice_off_screen_keeps_what_a_silent_face_does_not_say() -> None:
    turns = spoken_turns([_word(1, 1.5, None), _word(2.5, 3, None)], _tracks(_face()), _speech((1, 3)))
    assert turns == [(1, 3, "off_screen")]


def test_who_leaves_the_picture_goes_on_speaking() -> None:
    """The face is there for the words alone; what is not written down comes after it has gone."""
    turns = spoken_turns([_word(1, 2, 1)], _tracks([0.95] * 50), _speech((1, 3)))
    assert turns == [(1, 3, "speaker_1")]


def test_words_end_with_the_speech_and_do_not_reach_into_the_next() -> None:
    """A subtitle that stays on screen: 1 s of silence is not spoken, and the second speaker is alone in his turn."""
    tracks = _tracks(_face((1, 2)), _face((3, 4)))
    turns = spoken_turns([_word(1, 3.3, 1), _word(3, 4, 2)], tracks, _speech((1, 2), (3, 4)))
    assert turns == [(1, 2 + OVERHANG_S, "speaker_1"), (3, 4, "speaker_2")]


def test_a_word_outside_speech_stays_as_it_is() -> None:
    turns = spoken_turns([_word(1, 2, 1), _word(5, 5.4, 2)], _tracks(_face((1, 2)), _face()), _speech((1, 2)))
    assert turns == [(1, 2, "speaker_1"), (5, 5.4, "speaker_2")]


def test_words_said_at_the_same_time_overlap() -> None:
    tracks = _tracks(_face((1, 3)), _face((1, 3)))
    turns = spoken_turns([_word(1, 3, 1), _word(1.5, 2.5, 2)], tracks, _speech((1, 3)))
    assert turns == [(1, 3, "speaker_1"), (1.5, 2.5, "speaker_2")]


def test_certain_and_impossible_faces_are_weighed_like_others() -> None:
    """Probabilities of 0 and 1 have no finite log-odds."""
    tracks = _tracks(_face((1, 2), high=1.0), [0.0] * FRAMES)
    assert spoken_turns([], tracks, _speech((1, 2))) == [(1, 2, "speaker_1")]


def test_speech_without_faces_and_words_is_off_screen() -> None:
    assert spoken_turns([], _tracks(), _speech((-0.5, 0.7))) == [(-0.5, 0.7, "off_screen")]


def test_who_speaks_along_has_a_turn_of_his_own_as_far_as_there_is_speech() -> None:
    """The second face says no word; it gets the number after the last that words have."""
    along = [Overlap(2.5, 4.5, (0, 1))]
    turns = spoken_turns([_word(1, 4, 1)], _tracks(_face((1, 4)), _face()), _speech((1, 4)), along)
    assert turns == [(1, 4, "speaker_1"), (2.5, 4, "speaker_2")]


def test_who_speaks_along_and_has_words_keeps_his_number() -> None:
    said = [_word(1, 3, 1), _word(5, 6, 2)]
    tracks = _tracks(_face((1, 3)), _face((5, 6)))
    turns = spoken_turns(said, tracks, _speech((1, 3), (5, 6)), [Overlap(2, 3, (0, 1))])
    assert turns == [(1, 3, "speaker_1"), (2, 3, "speaker_2"), (5, 6, "speaker_2")]
