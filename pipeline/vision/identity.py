"""Tracks to persons: which tracks of one video show the same person. Pure.

Average-linkage clustering: the two groups of tracks whose members are most alike on average are joined, again and
again, until no two are alike enough. Tracks that are on screen together are never joined, nor groups that hold such.
The average cosine between the members of two groups is the product of the means of their unit vectors, so a group is
known by its mean alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAX_GROUPS = 4096
"""Groups compared at once: 64 MiB of float32. A video with more tracks is taken in parts, in order of time, and what
was found so far is joined with the next part."""


@dataclass(slots=True)
class _Group:
    """Tracks taken to be one person."""

    members: list[int]
    total: np.ndarray
    """(D,) float64: sum of the members' unit vectors."""

    @property
    def mean(self) -> np.ndarray:
        return self.total / len(self.members)


def persons_of(
    spans: np.ndarray,
    embeddings: Sequence[np.ndarray | None],
    least_cosine: float,
    most_groups: int = MAX_GROUPS,
) -> np.ndarray:
    """Return the person of each track.

    Args:
        spans: (T, 2) int: first frame and the frame after the last of each track, ordered by first frame.
        embeddings: for each track (D,) of unit length, or None where it is not known how the face looks: such a track
            is a person of its own.
        least_cosine: groups that are less alike are not joined; `CosineLimits.same_person` of the network.
        most_groups: compared at once; at least 2.

    Returns:
        (T,) int32, numbered from 0 in order of first appearance; the same for the same arguments.
    """
    groups: list[_Group] = []
    closed: list[_Group] = []
    known = [track for track, embedding in enumerate(embeddings) if embedding is not None]
    while known:
        # Where the groups found so far leave too little room, those that were seen last go on.
        groups.sort(key=lambda group: spans[group.members, 1].max())
        room = most_groups // 2
        closed += groups[: max(len(groups) - room, 0)]
        groups = groups[max(len(groups) - room, 0) :]
        part, known = known[: most_groups - len(groups)], known[most_groups - len(groups) :]
        groups += [_Group([track], np.asarray(embeddings[track], np.float64)) for track in part]
        groups = _joined(groups, spans, least_cosine)
    owner = {track: index for index, group in enumerate([*closed, *groups]) for track in group.members}
    keys = [owner.get(track, -1 - track) for track in range(len(embeddings))]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], np.int32)


def _joined(groups: list[_Group], spans: np.ndarray, least_cosine: float) -> list[_Group]:
    """Join the two most alike *groups*, as long as there are two alike enough, and return those that are left."""
    likeness = _likeness(groups, spans)
    best = likeness.argmax(axis=1)
    score = likeness[np.arange(len(groups)), best]
    alive = np.ones(len(groups), bool)
    while True:
        into = int(score.argmax())
        if not score[into] >= least_cosine:
            return [group for group, lives in zip(groups, alive, strict=True) if lives]
        gone = int(best[into])
        ours, theirs = groups[into], groups[gone]
        count = len(ours.members) + len(theirs.members)
        # Where either part may not be joined with a group, the sum stays minus infinity.
        row = (len(ours.members) * likeness[into] + len(theirs.members) * likeness[gone]) / count
        row[into] = -np.inf
        groups[into] = _Group(ours.members + theirs.members, ours.total + theirs.total)
        alive[gone] = False
        likeness[into], likeness[:, into] = row, row
        likeness[gone], likeness[:, gone] = -np.inf, -np.inf
        score[gone] = -np.inf
        stale = alive & ((best == into) | (best == gone))
        stale[into] = True
        better = alive & (likeness[:, into] > score)
        best[better], score[better] = into, likeness[better, into]
        for index in np.flatnonzero(stale & ~better):
            best[index] = likeness[index].argmax()
            score[index] = likeness[index, best[index]]


def _likeness(groups: Sequence[_Group], spans: np.ndarray) -> np.ndarray:
    """Return (G, G) float32: average cosine between groups; minus infinity where they may not be joined."""
    means = np.stack([group.mean for group in groups]).astype(np.float32)
    likeness = means @ means.T
    np.fill_diagonal(likeness, -np.inf)
    owner = np.repeat(np.arange(len(groups)), [len(group.members) for group in groups])
    first, stop = spans[[track for group in groups for track in group.members]].T
    order = np.argsort(first, kind="stable")
    owner, first, stop = owner[order], first[order], stop[order]
    for at in range(len(order)):
        together = owner[at + 1 : np.searchsorted(first, stop[at])]
        likeness[owner[at], together] = likeness[together, owner[at]] = -np.inf
    return likeness
