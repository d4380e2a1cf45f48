"""Speakers of words: the face that speaks during each, decided over neighbouring words together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.attribution.evidence import State, evidence_of, tempered
from pipeline.attribution.faces import Faces
from pipeline.attribution.joint import Place, posteriors
from pipeline.attribution.punctuation import ends_sentence
from pipeline.attribution.weights import PLAIN, Weights
from pipeline.types import AttributedWord, Word

SWITCH_COST = 3.0
"""Evidence that a change of speaker must outweigh between words without a pause, in the unit of the evidence. A word
of 0.3 s whose log-odds lean by 2 to another face has evidence 3; there and back costs 6, so it takes more than two such
words in a row. In simulated talk with scores as noisy as lip motion's, 3 kept turns of one to four words as well as
lower costs did, and longer ones better."""

PAUSE_HALVES_S = 0.25
"""Pause in seconds that halves the cost of a change: people mostly take turns in pauses."""

AFTER_SENTENCE = 0.5
"""Share of the cost that remains after the end of a sentence: punctuation knows about turns, too."""

ACROSS_CUT = 0.5
"""Share of the cost that remains across a shot cut. Editors cut to who speaks next, and as often to who listens: a cut
in the middle of a sentence is no change of speaker by itself. Not fitted: composed conversations have no cuts."""

FORGOTTEN_S = 2.0
"""A row of words that was silent for this long says nothing any more about who speaks next in it: a change then costs
less than a hundredth of `SWITCH_COST`."""

NOBODY = -1


def attribute_words(
    words: Sequence[Word],
    faces: Faces,
    *,
    language: str = "en",
    weights: Weights = PLAIN,
) -> tuple[AttributedWord, ...]:
    """Return the words in order, each with its face, its speaker and the probability of each face.

    A word alone goes to the face with the most evidence (`evidence_of`), or to nobody in view. Over consecutive words
    the choice is made jointly, by the forward-backward algorithm (Rabiner, "A Tutorial on Hidden Markov Models", 1989):
    every change of speaker costs evidence, less in pauses, after the end of a sentence and across a shot cut, nothing
    from one track of a person to the next. Words said at the same time belong to different persons and are
    decided together: where two mouths move, the words before and after tell which text belongs to which.

    Args:
        words: in order of speech; those of a segment that overlaps an earlier one may begin before its last ones.
        faces: the tracks of the video, with the person of each.
        language: ISO 639-1 code, for its punctuation.
        weights: those of the speaker model.
    """
    persons: dict[State, State] = {None: None, **faces.tracks.persons}
    evidence = [evidence_of(word, faces, weights) for word in words]
    order, places, ended = _placed(words, evidence, persons, faces, language)
    found: dict[int, AttributedWord] = {}
    for place, shares in zip(order, posteriors(places, ended), strict=True):
        states = list(evidence[place])
        believed = tempered(words[place], dict(zip(states, shares.tolist(), strict=True)), faces, weights)
        probabilities = tuple(sorted(believed.items(), key=lambda pair: -pair[1]))
        found[place] = AttributedWord(words[place], probabilities[0][0], None, probabilities)
    speakers: dict[State, int] = {}
    attributed = []
    for place in range(len(words)):
        spoken = found[place]
        person = persons[spoken.track]
        speaker = None if person is None else speakers.setdefault(person, len(speakers) + 1)
        attributed.append(dataclasses.replace(spoken, speaker=speaker))
    return tuple(attributed)


def _rows(words: Sequence[Word]) -> list[int]:
    """Return the row of each word; no two words of a row are said at the same time.

    There is nearly always a single row. Where words overlap, one stays in the row of the word that stands before it in
    the text, if it can: those of one segment stay together.
    """
    last: list[Word] = []
    rows: list[int] = []
    for word in words:
        near = [rows[-1]] if rows else []
        free = (row for row in [*near, *range(len(last))] if _follows(last[row], word))
        row = next(free, len(last))
        last[row : row + 1] = [word]
        rows.append(row)
    return rows


def _follows(first: Word, second: Word) -> bool:
    return first.start_s <= second.start_s and not _together(first, second)


def _together(first: Word, second: Word) -> bool:
    """Return True where two words share more than half of the shorter one."""
    shared_s = min(first.end_s, second.end_s) - max(first.start_s, second.start_s)
    return shared_s > 0.5 * min(first.end_s - first.start_s, second.end_s - second.start_s)


def _placed(
    words: Sequence[Word],
    evidence: Sequence[Mapping[State, float]],
    persons: Mapping[State, State],
    faces: Faces,
    language: str,
) -> tuple[list[int], list[Place], list[frozenset[int]]]:
    """Prepare the words for `pipeline.attribution.joint.posteriors`.

    Returns:
        The numbers of the words in the order in which they begin; each as a place; and the rows that have been silent
        for `FORGOTTEN_S` by then.
    """
    rows = _rows(words)
    order = sorted(range(len(words)), key=lambda place: (words[place].start_s, place))
    last: dict[int, int] = {}
    places: list[Place] = []
    ended: list[frozenset[int]] = []
    for place in order:
        word, row = words[place], rows[place]
        speaks = {each: _person_of(persons, evidence[other]) for each, other in last.items()}
        own = _person_of(persons, evidence[place])
        change = None
        if row in last:
            cost = _switch_cost(words[last[row]], word, faces, language)
            change = np.where(_equal(speaks[row], own), 0.0, -cost)
        excluded = {
            each: _equal(speaks[each], own) & (own != NOBODY)
            for each, other in last.items()
            if each != row and _together(words[other], word)
        }
        places.append(Place(row, np.array(list(evidence[place].values())), change, excluded))
        ended.append(frozenset(each for each in last if words[last[each]].end_s < word.start_s - FORGOTTEN_S))
        last[row] = place
    return order, places, ended


def _person_of(persons: Mapping[State, State], evidence: Mapping[State, float]) -> np.ndarray:
    """Return (S,) int64: the person of each choice, `NOBODY` for none."""
    found = (persons[state] for state in evidence)
    return np.array([NOBODY if person is None else person for person in found], np.int64)


def _equal(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return (B, S) bool: True for pairs that are equal."""
    return before[:, None] == after


def _switch_cost(previous: Word, word: Word, faces: Faces, language: str) -> float:
    """Return the cost of a change of speaker between two consecutive words."""
    cost = SWITCH_COST * 0.5 ** (max(word.start_s - previous.end_s, 0.0) / PAUSE_HALVES_S)
    if ends_sentence(previous.text, word.text, language):
        cost *= AFTER_SENTENCE
    if faces.cuts_between((previous.start_s + previous.end_s) / 2, (word.start_s + word.end_s) / 2):
        cost *= ACROSS_CUT
    return cost
