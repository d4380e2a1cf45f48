"""Speaking time of each person of a video, beside the time in view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pipeline.types import GRID_FPS, AttributedWord, Attribution, ScoredTracks, Sentence, Word

DIGITS = 3


def speaking_json(
    words: Sequence[AttributedWord], sentences: Sequence[Sentence], tracks: ScoredTracks
) -> dict[str, Any]:
    """Return ``speaking`` of the manifest, whose schema describes its fields.

    A person speaks during the words attributed to that person, not in the pauses between them.

    Args:
        words: every word with its speaker.
        sentences: sentences that they make.
        tracks: faces, with the person of each.
    """
    person_of_track = tracks.persons
    speaker_of = {person_of_track[w.track]: w.speaker for w in words if w.track is not None and w.speaker is not None}
    persons, frames = np.unique(tracks.person, return_counts=True)
    in_view = dict(zip(persons.tolist(), frames.tolist(), strict=True))
    order = sorted(in_view, key=lambda person: (speaker_of.get(person, 1 << 31), -in_view[person], person))
    said: dict[int | None, list[Word]] = {}
    for spoken in words:
        said.setdefault(spoken.speaker, []).append(spoken.word)
    counts = Counter(sentence.speaker for sentence in sentences)
    return {
        "speech": _seconds_of(spoken.word for spoken in words),
        "off_screen": _sums(said.get(None, ()), counts[None]),
        "persons": [
            {
                "person": person,
                "speaker": (speaker := speaker_of.get(person)),
                **(_sums((), 0) if speaker is None else _sums(said[speaker], counts[speaker])),
                "in_view": round(in_view[person] / GRID_FPS, DIGITS),
            }
            for person in order
        ],
    }


def overlaps_json(attribution: Attribution, tracks: ScoredTracks) -> list[dict[str, Any]]:
    """Return ``overlaps`` of the manifest, whose schema describes its fields."""
    persons = tracks.persons
    speaker_of = {persons[said.track]: said.speaker for said in attribution.words if said.track is not None}
    return [
        {
            "start": round(overlap.start_s, DIGITS),
            "end": round(overlap.end_s, DIGITS),
            "persons": (seen := sorted({persons[track] for track in overlap.tracks})),
            "speakers": [speaker_of.get(person) for person in seen],
        }
        for overlap in attribution.overlaps
    ]


def _sums(words: Sequence[Word], sentences: int) -> dict[str, float | int]:
    return {"seconds": _seconds_of(words), "words": len(words), "sentences": sentences}


def _seconds_of(words: Iterable[Word]) -> float:
    """Return the seconds in which at least one of *words* sounds."""
    total_s, end_s = 0.0, -np.inf
    for word in sorted(words, key=lambda word: word.start_s):
        total_s += max(word.end_s - max(word.start_s, end_s), 0.0)
        end_s = max(end_s, word.end_s)
    return round(total_s, DIGITS)
