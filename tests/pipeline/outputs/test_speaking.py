"""Speaking time of each person, with the sums in the comments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outputs.speaking import overlaps_json, speaking_json
from pipeline.types import AttributedWord, Attribution, Overlap, ScoredTracks, Sentence, Word


def _tracks(*spans: tuple[int, int, int]) -> ScoredTracks:
    """A track for each person, first frame and frame past the last."""
    counts = [stop - first for _, first, stop in spans]
    rows = sum(counts)
    return ScoredTracks(
        max((stop for *_, stop in spans), default=0),
        np.zeros(1 if spans else 0, np.int32),
        np.repeat(np.arange(len(spans), dtype=np.int32), counts),
        np.concatenate([np.arange(first, stop) for _, first, stop in spans] or [np.zeros(0)]).astype(np.int32),
        *(np.zeros((rows, 4), np.float32), np.zeros(rows, np.float32), np.zeros(rows, np.float32)),
        person=np.repeat(np.array([person for person, *_ in spans], np.int32), counts),
    )


def _word(start_s: float, end_s: float, track: int | None, speaker: int | None) -> AttributedWord:
    return AttributedWord(Word(" x", start_s, end_s), track, speaker)


def _sentence(*words: AttributedWord) -> Sentence:
    return Sentence(words, words[0].track, words[0].speaker, None, None, None, 1.0)


TRACKS = _tracks((7, 0, 100), (2, 0, 50), (4, 0, 200), (7, 120, 150), (5, 10, 20))
"""Person 7 has tracks 0 and 3, person 2 track 1; 4 and 5 never speak."""

SENTENCES = (
    _sentence(_word(0.0, 0.5, 1, 1), _word(0.4, 1.0, 1, 1), _word(1.5, 2.0, 1, 1)),  # 1.0 + 0.5, overlap once
    _sentence(_word(1.8, 2.6, 0, 2), _word(2.6, 2.9, None, 2)),  # 1.1: the last word is said while nobody is in view
    _sentence(_word(5.0, 5.25, 3, 2)),  # 0.25
    _sentence(_word(6.0, 6.3, None, None), _word(6.3, 6.3, None, None)),  # 0.3, and a word without a length
)
WORDS = tuple(word for sentence in SENTENCES for word in sentence.words)


def test_who_speaks_how_long() -> None:
    said = speaking_json(WORDS, SENTENCES, TRACKS)
    assert said["speech"] == 2.95  # 0 to 1, 1.5 to 2.9, 5 to 5.25, 6 to 6.3
    assert said["off_screen"] == {"seconds": 0.3, "words": 2, "sentences": 1}
    assert [line["person"] for line in said["persons"]] == [2, 7, 4, 5]
    assert said["persons"] == [
        {"person": 2, "speaker": 1, "seconds": 1.5, "words": 3, "sentences": 1, "in_view": 2.0},
        {"person": 7, "speaker": 2, "seconds": 1.35, "words": 3, "sentences": 2, "in_view": 5.2},  # 130 frames
        {"person": 4, "speaker": None, "seconds": 0.0, "words": 0, "sentences": 0, "in_view": 8.0},
        {"person": 5, "speaker": None, "seconds": 0.0, "words": 0, "sentences": 0, "in_view": 0.4},
    ]


def test_who_speaks_at_once() -> None:
    """Track 3 is person 7, speaker 2; track 2 is person 4, who says no word."""
    said = Attribution(WORDS, SENTENCES, (Overlap(4.8, 5.6, (2, 3)),))
    assert overlaps_json(said, TRACKS) == [{"start": 4.8, "end": 5.6, "persons": [4, 7], "speakers": [None, 2]}]


@pytest.mark.parametrize(
    ("sentences", "tracks", "speech"), [((), TRACKS, 0.0), (SENTENCES[3:], _tracks(), 0.3), ((), _tracks(), 0.0)]
)
def test_nobody_speaks_or_is_in_view(sentences: tuple[Sentence, ...], tracks: ScoredTracks, speech: float) -> None:
    said = speaking_json([word for one in sentences for word in one.words], sentences, tracks)
    assert said["speech"] == said["off_screen"]["seconds"] == speech
    assert [line["seconds"] for line in said["persons"]] == [0.0] * len(set(tracks.person.tolist()))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.sampled_from([None, 0, 1]))))
def test_seconds_are_the_grid_cells_that_a_word_covers(timed: list[tuple[int, int, int | None]]) -> None:
    """In units of 1/4 s, so that every sum is exact; in any order."""
    words = [
        _word(start / 4, (start + length) / 4, track, None if track is None else track + 1)
        for start, length, track in timed
    ]
    said: Any = speaking_json(words, [_sentence(word) for word in words], _tracks((0, 0, 30), (1, 0, 10)))

    def covered(*tracks: int | None) -> float:
        return len({at for start, length, track in timed if track in tracks for at in range(start, start + length)}) / 4

    by_person = {line["person"]: line for line in said["persons"]}
    assert said["speech"] == covered(None, 0, 1)
    assert said["off_screen"]["seconds"] == covered(None)
    for person in (0, 1):
        assert by_person[person]["seconds"] == covered(person)
        assert by_person[person]["words"] == sum(track == person for *_, track in timed)
