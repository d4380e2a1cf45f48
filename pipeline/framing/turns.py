"""Turns of the persons in view, in grid frames, and the boundaries at which a picture may change."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.types import GRID_FPS, AttributedWord, FaceTracks, Overlap

LEAD_FRAMES = 3
"""Time by which a picture changes before the first word of a turn: 0.12 s."""

BACK_CHANNEL_S = 0.8
"""Shorter turns, such as "yes" and "right", never cut."""

PAUSE_S = 0.5
"""Longest pause inside a turn."""

QUIET_PAUSE_S = 1.5
"""Longest pause inside a turn in which nobody else says a word."""

HALF_FRAME = 0.5
"""Frames by which a boundary may lie inside a word: every word's edge has a boundary of the grid as near as that."""

ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class PersonTurn:
    """Words of one person with no long pause in between."""

    person: int
    speech_s: tuple[tuple[float, float], ...]
    """Start and end of each stretch of speech, ascending, disjoint."""

    @property
    def start_s(self) -> float:
        return self.speech_s[0][0]

    @property
    def end_s(self) -> float:
        return self.speech_s[-1][1]

    @property
    def is_short(self) -> bool:
        """Return True for one that is no longer than a back-channel."""
        return self.end_s - self.start_s < BACK_CHANNEL_S - ROUNDING

    @property
    def first(self) -> int:
        """Return the grid frame whose start is nearest to its start."""
        return math.floor(self.start_s * GRID_FPS + 0.5 + ROUNDING)

    @property
    def stop(self) -> int:
        """Return the grid frame whose start is nearest to its end; after `first`."""
        return max(math.floor(self.end_s * GRID_FPS + 0.5 + ROUNDING), self.first + 1)


def persons_of_speakers(words: Sequence[AttributedWord], tracks: FaceTracks) -> dict[int, int]:
    """Return the person that shows each speaker: the one of most of his words."""
    return _most_common((speaker, person) for speaker, person in _seen_speaking(words, tracks))


def speakers_of_persons(words: Sequence[AttributedWord], tracks: FaceTracks) -> dict[int, int]:
    """Return the number of the speaker that each person is in most of his words."""
    return _most_common((person, speaker) for speaker, person in _seen_speaking(words, tracks))


def _seen_speaking(words: Sequence[AttributedWord], tracks: FaceTracks) -> list[tuple[int, int]]:
    persons = tracks.persons
    return [
        (each.speaker, persons[each.track])
        for each in words
        if each.speaker is not None and each.track is not None and each.track in persons
    ]


def _most_common(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    votes: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for key, value in pairs:
        votes[key][value] += 1
    return {key: counted.most_common(1)[0][0] for key, counted in votes.items()}


def turns_of(
    words: Sequence[AttributedWord], overlaps: Sequence[Overlap], tracks: FaceTracks, persons: Mapping[int, int]
) -> tuple[PersonTurn, ...]:
    """Return the turns of all persons that have a face, in order of their start.

    Simultaneous speech is in the turns of all who take part in it: the words are of one of them alone.

    Args:
        words: words with their speakers, in any order.
        overlaps: spans of simultaneous speech, in any order.
        tracks: the faces of the video.
        persons: the person of each speaker, for words of a speaker whose face is not in view.
    """
    of_track = tracks.persons
    spoken: list[tuple[float, float, int | None]] = [
        (each.start_s, each.end_s, person)
        for each in overlaps
        for person in sorted({of_track[track] for track in each.tracks if track in of_track})
    ]
    for each in words:
        person = of_track.get(each.track) if each.track is not None else None
        if person is None and each.speaker is not None:
            person = persons.get(each.speaker)
        spoken.append((each.word.start_s, each.word.end_s, person))
    done: list[PersonTurn] = []
    open_turns: dict[int, list[tuple[float, float]]] = {}
    last: int | None = None
    for start_s, end_s, person in sorted(spoken, key=lambda each: each[:2]):
        if person is not None:
            said = open_turns.setdefault(person, [])
            pause_s = QUIET_PAUSE_S if last == person else PAUSE_S
            if said and start_s - said[-1][1] > pause_s + ROUNDING:
                done.append(PersonTurn(person, tuple(said)))
                said.clear()
            if said and start_s <= said[-1][1]:
                said[-1] = said[-1][0], max(said[-1][1], end_s)
            else:
                said.append((start_s, end_s))
        last = person
    done += [PersonTurn(person, tuple(said)) for person, said in open_turns.items()]
    return tuple(sorted(done, key=lambda turn: (turn.start_s, turn.person)))


def overlap_s(one: PersonTurn, other: PersonTurn) -> tuple[float, float, float]:
    """Return for how long two turns sound at the same time, and from when to when."""
    total, first, last = 0.0, math.inf, -math.inf
    others = iter(other.speech_s)
    at = next(others, None)
    for start_s, end_s in one.speech_s:
        while at is not None and at[1] <= start_s:
            at = next(others, None)
        while at is not None and at[0] < end_s:
            low, high = max(start_s, at[0]), min(end_s, at[1])
            if low < high:
                total, first, last = total + high - low, min(first, low), max(last, high)
            if at[1] > end_s:
                break
            at = next(others, None)
    return total, first, last


def allowed_boundaries(words: Sequence[AttributedWord], first: int, stop: int) -> np.ndarray:
    """Return (stop - first + 1,) bool: where a change of the picture at the start of a grid frame lies in no word.

    Args:
        words: of everybody, in view or not.
        first: first grid frame.
        stop: the grid frame after the last; it is a boundary, too.
    """
    changes = np.zeros(stop - first + 2, np.int64)
    for each in words:
        low = math.floor(each.word.start_s * GRID_FPS + HALF_FRAME + ROUNDING) + 1 - first
        high = math.ceil(each.word.end_s * GRID_FPS - HALF_FRAME - ROUNDING) - first
        low, high = max(low, 0), min(high, stop - first + 1)
        if low < high:
            changes[low] += 1
            changes[high] -= 1
    return np.cumsum(changes)[:-1] == 0
