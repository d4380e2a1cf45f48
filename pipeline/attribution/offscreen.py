"""Words that a speaker says while the picture shows something else, in the middle of what he says."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import groupby

from pipeline.attribution.faces import Faces, frames_of
from pipeline.attribution.sentences import breaks_off
from pipeline.attribution.speakers import IN_VIEW_SHARE
from pipeline.types import AttributedWord


def fill_offscreen_words(
    words: Sequence[AttributedWord], faces: Faces, *, language: str, pause_s: float
) -> tuple[AttributedWord, ...]:
    """Assign words of nobody in view to the speaker whose words surround them without a break.

    A picture that cuts to the listener and back does not end a sentence. The words go to the one who speaks before
    and after them, or on the one side where the sentence has another, if his face is not in view during any of them:
    who is seen and does not speak is silent. They get his number and no track.

    Args:
        words: in order of speech, as of `attribute_words`.
        faces: the tracks of the video, with the person of each.
        language: ISO 639-1 code, for its punctuation.
        pause_s: a pause that ends a sentence, in seconds.
    """
    persons = faces.tracks.persons
    person_of = {spoken.speaker: persons[spoken.track] for spoken in words if spoken.track is not None}
    filled = list(words)
    first = 0
    for stop in range(1, len(words) + 1):
        if stop < len(words) and not breaks_off(words[stop - 1].word, words[stop].word, language, pause_s):
            continue
        for begin, end, speaker in _runs(words, first, stop):
            around = {words[place].speaker for place in (begin - 1, end) if first <= place < stop}
            if speaker is not None or len(around) != 1:
                continue
            (neighbour,) = around
            tracks = [track for track, person in persons.items() if person == person_of[neighbour]]
            if not any(_in_view(spoken, faces, tracks) for spoken in words[begin:end]):
                filled[begin:end] = [dataclasses.replace(spoken, speaker=neighbour) for spoken in words[begin:end]]
        first = stop
    return tuple(filled)


def _runs(words: Sequence[AttributedWord], first: int, stop: int) -> list[tuple[int, int, int | None]]:
    """Return the first place, the place after the last, and the speaker of every run of words of one speaker."""
    runs = []
    for speaker, places in groupby(range(first, stop), key=lambda place: words[place].speaker):
        run = list(places)
        runs.append((run[0], run[-1] + 1, speaker))
    return runs


def _in_view(spoken: AttributedWord, faces: Faces, tracks: Sequence[int]) -> bool:
    """Return True where one of *tracks* is in view on enough of the word for its face to be seen saying it."""
    first, stop = frames_of(spoken.word.start_s, spoken.word.end_s)
    rows = [faces.rows(track, first, stop) for track in tracks]
    return any(part.stop - part.start >= IN_VIEW_SHARE * (stop - first) for part in rows)
