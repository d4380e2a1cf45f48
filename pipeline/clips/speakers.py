"""Who says each word: the face that speaks during it, decided over neighbouring words together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.clips.faces import Faces, frames_of
from pipeline.clips.punctuation import ends_sentence
from pipeline.types import AttributedWord, Word

INDEPENDENT_FRAMES = 5
"""Frames (0.2 s) after which a face's score says something new: evidence is the sum of the logits over this many."""

MOST_FRAMES = 25
"""A word counts for one second at most: recognisers stretch words over silence."""

IN_VIEW_SHARE = 0.5
"""Share of a word's frames on which a face must be in view to be its speaker."""

SWITCH_COST = 3.0
"""Evidence that a change of speaker must outweigh between words without a pause, in the unit of the evidence. A word
of 0.3 s whose logits lean by 2 to another face has evidence 3; there and back costs 6, so it takes more than two such
words in a row. In simulated talk with scores as noisy as lip motion's, 3 kept turns of one to four words as well as
lower costs did, and longer ones better."""

PAUSE_HALVES_S = 0.25
"""Pause in seconds that halves the cost of a change: people mostly take turns in pauses."""

AFTER_SENTENCE = 0.5
"""What remains of the cost after the end of a sentence: punctuation knows about turns, too."""

State = int | None
"""The track of the face that speaks, or None for nobody in view."""


def attribute_words(
    words: Sequence[Word],
    faces: Faces,
    *,
    language: str = "en",
    threshold: float = 0.0,
    identity: Mapping[int, int] | None = None,
) -> tuple[AttributedWord, ...]:
    """The words in their order, each with its face and speaker.

    A word alone goes to the face in view with the highest mean smoothed logit over the word's frames, if that reaches
    *threshold*, and otherwise to nobody. Over consecutive words the choice is made jointly (Viterbi): every change of
    speaker costs evidence, less in pauses and after the end of a sentence, nothing across a shot cut.

    Args:
        words: in order of speech.
        faces: the tracks of the video.
        language: ISO 639-1 code, for its punctuation.
        threshold: logit from which a face speaks.
        identity: person of each track, where it is known; a track that is not named is a person of its own.
    """
    persons = _Persons(identity or {})
    speakers: dict[object, int] = {}
    attributed = []
    for word, track in zip(words, _best_path(words, faces, language, threshold, persons), strict=True):
        speaker = None if track is None else speakers.setdefault(persons.of(track), len(speakers) + 1)
        attributed.append(AttributedWord(word, track, speaker))
    return tuple(attributed)


class _Persons:
    """Who a track shows: the person named for it, or somebody of whom only this track is known."""

    def __init__(self, identity: Mapping[int, int]) -> None:
        self._identity: Mapping[int, object] = identity

    def of(self, track: State) -> object:
        if track is None:
            return None
        return self._identity.get(track, ("track", track))


def _best_path(words: Sequence[Word], faces: Faces, language: str, threshold: float, persons: _Persons) -> list[State]:
    """The sequence of states with the most evidence after the cost of its changes."""
    totals: dict[State, float] = {None: 0.0}
    came_from: list[dict[State, State]] = []
    previous: Word | None = None
    for word in words:
        cost = 0.0 if previous is None else _switch_cost(previous, word, faces, language)
        stayed: dict[object, State] = {}
        for state, total in totals.items():
            person = persons.of(state)
            if person not in stayed or total > totals[stayed[person]]:
                stayed[person] = state
        leader = max(totals, key=lambda state: totals[state])
        step: dict[State, State] = {}
        reached: dict[State, float] = {}
        for state, evidence in _evidence(word, faces, threshold).items():
            origin, before = leader, totals[leader] - cost
            person = persons.of(state)
            if person in stayed and totals[stayed[person]] >= before:
                origin, before = stayed[person], totals[stayed[person]]
            step[state], reached[state] = origin, before + evidence
        came_from.append(step)
        totals, previous = reached, word
    state = max(totals, key=lambda state: totals[state])
    path: list[State] = []
    for step in reversed(came_from):
        path.append(state)
        state = step[state]
    return path[::-1]


def _evidence(word: Word, faces: Faces, threshold: float) -> dict[State, float]:
    """How much speaks for each face in view, against 0 for nobody: logits over *threshold*, summed over the word."""
    first, stop = frames_of(word.start_s, word.end_s)
    count = stop - first
    weight = min(count, MOST_FRAMES) / INDEPENDENT_FRAMES
    evidence: dict[State, float] = {}
    for track in faces.in_view(first, stop):
        scores = faces.smoothed[faces.rows(track, first, stop)]
        if len(scores) >= IN_VIEW_SHARE * count:
            evidence[track] = float(np.sum(scores - threshold)) / count * weight
    evidence[None] = 0.0
    return evidence


def _switch_cost(previous: Word, word: Word, faces: Faces, language: str) -> float:
    """What a change of speaker costs between two consecutive words."""
    if faces.cuts_between((previous.start_s + previous.end_s) / 2, (word.start_s + word.end_s) / 2):
        return 0.0
    pause_s = max(word.start_s - previous.end_s, 0.0)
    ended = ends_sentence(previous.text, word.text, language)
    return SWITCH_COST * 0.5 ** (pause_s / PAUSE_HALVES_S) * (AFTER_SENTENCE if ended else 1.0)
