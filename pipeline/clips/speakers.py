"""Who says each word: the face that speaks during it, decided over neighbouring words together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import softmax

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
of 0.3 s whose log-odds lean by 2 to another face has evidence 3; there and back costs 6, so it takes more than two such
words in a row. In simulated talk with scores as noisy as lip motion's, 3 kept turns of one to four words as well as
lower costs did, and longer ones better."""

PAUSE_HALVES_S = 0.25
"""Pause in seconds that halves the cost of a change: people mostly take turns in pauses."""

AFTER_SENTENCE = 0.5
"""What remains of the cost after the end of a sentence: punctuation knows about turns, too."""

State = int | None
"""The track of the face that speaks, or None for nobody in view."""


def attribute_words(
    words: Sequence[Word], faces: Faces, *, language: str = "en", threshold: float = 0.0, slope: float = 1.0
) -> tuple[AttributedWord, ...]:
    """The words in their order, each with its face, its speaker, and how probable each face is.

    A word alone goes to the face in view with the highest mean smoothed logit over the word's frames, if that reaches
    *threshold*, and otherwise to nobody. Over consecutive words the choice is made jointly, by the forward-backward
    algorithm (Rabiner, "A Tutorial on Hidden Markov Models", 1989): every change of speaker costs evidence, less in
    pauses and after the end of a sentence, nothing across a shot cut, and nothing from one track of a person to the
    next. Words that are said at the same time are different persons'.

    Args:
        words: in order of speech; those of a segment that overlaps an earlier one may begin before its last ones.
        faces: the tracks of the video, with the person of each.
        language: ISO 639-1 code, for its punctuation.
        threshold: logit from which a face speaks.
        slope: log-odds of speaking to one of the logit's units.
    """
    persons: dict[State, State] = {None: None, **faces.tracks.persons}
    taken: dict[int, list[tuple[Word, int]]] = {}
    found: dict[int, AttributedWord] = {}
    for lane in _lanes(words):
        said = [words[place] for place in lane]
        evidence = [_without_taken(word, _evidence(word, faces, threshold, slope), taken, persons) for word in said]
        for place, probabilities in zip(lane, _posteriors(said, evidence, persons, faces, language), strict=True):
            found[place] = AttributedWord(words[place], probabilities[0][0], None, probabilities)
        chosen = [(spoken.word, persons[spoken.track]) for spoken in map(found.__getitem__, lane)]
        for word, person in chosen:
            if person is not None:
                for second in _seconds_of(word):
                    taken.setdefault(second, []).append((word, person))
    speakers: dict[State, int] = {}
    attributed = []
    for place in range(len(words)):
        spoken = found[place]
        person = persons[spoken.track]
        speaker = None if person is None else speakers.setdefault(person, len(speakers) + 1)
        attributed.append(dataclasses.replace(spoken, speaker=speaker))
    return tuple(attributed)


def _lanes(words: Sequence[Word]) -> list[list[int]]:
    """Places of the words in rows within which no two are said at the same time; nearly always a single one."""
    lanes: list[list[int]] = []
    for place, word in enumerate(words):
        free = (
            lane for lane in lanes if not _together(words[lane[-1]], word) and words[lane[-1]].start_s <= word.start_s
        )
        lane = next(free, None)
        if lane is None:
            lanes.append([place])
        else:
            lane.append(place)
    return lanes


def _together(first: Word, second: Word) -> bool:
    """Whether two words share more than half of the shorter one."""
    shared_s = min(first.end_s, second.end_s) - max(first.start_s, second.start_s)
    return shared_s > 0.5 * min(first.end_s - first.start_s, second.end_s - second.start_s)


def _seconds_of(word: Word) -> range:
    """The whole seconds that *word* touches."""
    return range(int(word.start_s), int(word.end_s) + 1)


def _without_taken(
    word: Word,
    evidence: dict[State, float],
    taken: Mapping[int, Sequence[tuple[Word, int]]],
    persons: Mapping[State, State],
) -> dict[State, float]:
    """*evidence* without the faces of persons who say something else during the word.

    Args:
        word: which.
        evidence: of each face in view, and of nobody.
        taken: words that are given to somebody, with the person, by the seconds that they touch.
        persons: of each face.
    """
    near = [each for second in _seconds_of(word) for each in taken.get(second, ())]
    busy = {person for other, person in near if _together(other, word)}
    return {state: value for state, value in evidence.items() if state is None or persons[state] not in busy}


def _posteriors(
    words: Sequence[Word],
    evidence: Sequence[dict[State, float]],
    persons: Mapping[State, State],
    faces: Faces,
    language: str,
) -> list[tuple[tuple[State, float], ...]]:
    """For each word every state with its probability given all words, the most probable first."""
    states = [list(values) for values in evidence]
    weights = [np.array(list(values.values())) for values in evidence]
    steps = []
    for i in range(1, len(words)):
        cost = _switch_cost(words[i - 1], words[i], faces, language)
        same = [[persons[before] == persons[after] for after in states[i]] for before in states[i - 1]]
        steps.append(np.where(same, 0.0, -cost))
    forward = [weights[0]] if words else []
    for step, weight in zip(steps, weights[1:], strict=True):
        forward.append(np.logaddexp.reduce(forward[-1][:, None] + step, axis=0) + weight)
    backward = [np.zeros(len(weights[-1]))] if words else []
    for step, weight in zip(reversed(steps), reversed(weights[1:]), strict=True):
        backward.append(np.logaddexp.reduce(step + weight + backward[-1], axis=1))
    posteriors = []
    for names, ahead, behind in zip(states, forward, reversed(backward), strict=True):
        shares = softmax(ahead + behind)
        order = np.argsort(-shares, kind="stable")
        posteriors.append(tuple((names[k], float(shares[k])) for k in order))
    return posteriors


def _evidence(word: Word, faces: Faces, threshold: float, slope: float) -> dict[State, float]:
    """How much speaks for each face in view, against 0 for nobody: log-odds over *threshold*, summed over the word."""
    first, stop = frames_of(word.start_s, word.end_s)
    count = stop - first
    weight = slope * min(count, MOST_FRAMES) / INDEPENDENT_FRAMES
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
