"""Words of nobody in the middle of what a speaker says: the picture shows something else, or his mouth rests."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import groupby

from pipeline.attribution.evidence import IN_VIEW_SHARE
from pipeline.attribution.faces import Faces, frames_of
from pipeline.attribution.sentences import breaks_off
from pipeline.types import AttributedWord

SHORT_S = 0.5
"""Nobody else says a few words of less than this in the middle of a sentence, without a break before or after."""


def fill_offscreen_words(
    words: Sequence[AttributedWord], faces: Faces, *, language: str, pause_s: float
) -> tuple[AttributedWord, ...]:
    """Assign words of nobody in view to the speaker whose words surround them without a break.

    A picture that cuts to the listener and back does not end a sentence. The words go to the one who speaks before
    and after them, or on the one side where the sentence has another, if his face is not in view during any of them:
    who is seen and does not speak is silent. They get his number and no track. Words that take less than `SHORT_S`,
    with words of the speaker on both sides, are his although he is seen, and get the track of his face.

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
            run = words[begin:end]
            inside = first < begin and end < stop and run[-1].word.end_s - run[0].word.start_s < SHORT_S
            if inside or not any(_track_in_view(spoken, faces, tracks) is not None for spoken in run):
                filled[begin:end] = [
                    dataclasses.replace(spoken, speaker=neighbour, track=_track_in_view(spoken, faces, tracks))
                    for spoken in run
                ]
        first = stop
    return tuple(filled)


def _runs(words: Sequence[AttributedWord], first: int, stop: int) -> list[tuple[int, int, int | None]]:
    """Return the first place, the place after the last, and the speaker of every run of words of one speaker."""
    runs = []
    for speaker, places in groupby(range(first, stop), key=lambda place: words[place].speaker):
        run = list(places)
        runs.append((run[0], run[-1] + 1, speaker))
    return runs


def _track_in_view(spoken: AttributedWord, faces: Faces, tracks: Sequence[int]) -> int | None:
    """Return the one of *tracks* that is in view on most of the word, on enough of it to be seen saying it."""
    first, stop = frames_of(spoken.word.start_s, spoken.word.end_s)
    seen = {track: rows.stop - rows.start for track in tracks for rows in [faces.rows(track, first, stop)]}
    best = max(seen, key=lambda track: seen[track], default=None)
    return best if best is not None and seen[best] >= IN_VIEW_SHARE * (stop - first) else None
