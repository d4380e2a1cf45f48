"""Words said while the picture shows something else."""

from __future__ import annotations

import pytest

from pipeline.attribution.faces import Faces
from pipeline.attribution.offscreen import fill_offscreen_words
from pipeline.attribution.speakers import attribute_words
from pipeline.types import AttributedWord, Word


def _words(text: str) -> tuple[Word, ...]:
    """A word a second, half a second long."""
    return tuple(Word(f" {word}", i + 0.2, i + 0.9) for i, word in enumerate(text.split()))


def _carried(faces: Faces, text: str) -> list[tuple[int | None, int | None]]:
    attributed = attribute_words(_words(text), faces)
    return [(s.track, s.speaker) for s in fill_offscreen_words(attributed, faces, language="en", pause_s=0.5)]


def _cut_away(make_tracks, persons=(0, 1, 0), listener: float = -3.0) -> Faces:
    """Track 0 for two seconds, a listener for two, track 2 for two."""
    tracks = make_tracks(
        (0, 50, 3.0), (50, 100, listener), (100, 150, 3.0), frame_count=150, shot_starts=(0, 50, 100),
        persons=persons,
    )  # fmt: skip
    return Faces(tracks)


def test_a_sentence_goes_on_over_a_listener(make_tracks) -> None:
    got = _carried(_cut_away(make_tracks), "so we went on and stopped")
    assert got == [(0, 1), (0, 1), (None, 1), (None, 1), (2, 1), (2, 1)]


@pytest.mark.parametrize(
    ("text", "speakers"),
    [
        ("so we. went on and stopped", [1, 1, 1, 1, 1, 1]),  # the end of the sentence: carried from what follows
        ("so we. went on. and stopped", [1, 1, None, None, 1, 1]),
    ],
)
def test_nothing_is_carried_over_the_end_of_a_sentence(make_tracks, text: str, speakers: list[int | None]) -> None:
    assert [speaker for _, speaker in _carried(_cut_away(make_tracks), text)] == speakers


def test_two_people_around_it_leave_it_to_nobody(make_tracks) -> None:
    got = _carried(_cut_away(make_tracks, persons=(0, 1, 2)), "so we went on and stopped")
    assert [speaker for _, speaker in got] == [1, 1, None, None, 2, 2]


def test_who_is_seen_to_be_silent_does_not_say_it(make_tracks) -> None:
    got = _carried(_cut_away(make_tracks, persons=(0, 0, 0)), "so we went on and stopped")
    assert [speaker for _, speaker in got] == [1, 1, None, None, 1, 1]


def test_a_listener_who_answers_keeps_his_words(make_tracks) -> None:
    got = _carried(_cut_away(make_tracks, listener=3.0), "so we went on and stopped")
    assert got == [(0, 1), (0, 1), (1, 2), (1, 2), (2, 1), (2, 1)]


def test_no_words(make_tracks) -> None:
    assert fill_offscreen_words((), Faces(make_tracks(frame_count=5)), language="en", pause_s=0.5) == ()


@pytest.mark.parametrize(("length_s", "got"), [(0.4, [(0, 1), (0, 1), (0, 1)]), (0.6, [(0, 1), (None, None), (0, 1)])])
def test_a_mouth_that_rests_for_a_moment_ends_no_sentence(make_tracks, length_s, got) -> None:
    """A face that is silent for half a second or more leaves those words to somebody out of view."""
    faces = Faces(make_tracks((0, 100, 4.0), frame_count=100))
    words = (Word(" so", 0.0, 1.0), Word(" we", 1.0, 1.0 + length_s), Word(" went", 1.0 + length_s, 3.0))
    said = zip(words, [(0, 1), (None, None), (0, 1)], strict=True)
    given = [AttributedWord(word, track, speaker) for word, (track, speaker) in said]
    assert [(s.track, s.speaker) for s in fill_offscreen_words(given, faces, language="en", pause_s=0.5)] == got


def test_a_moment_of_nobody_at_the_end_of_a_sentence_stays(make_tracks) -> None:
    faces = Faces(make_tracks((0, 100, 4.0), frame_count=100))
    given = [AttributedWord(Word(" so", 0.0, 1.0), 0, 1), AttributedWord(Word(" we", 1.0, 1.3), None, None)]
    assert fill_offscreen_words(given, faces, language="en", pause_s=0.5) == tuple(given)
