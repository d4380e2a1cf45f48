"""The most probable choices of many words at once, some of which are said at the same time.

Words lie in rows: within a row one is said after another, and a change of choice between neighbours has a cost. Words
of several rows that are said at the same time exclude some pairs of choices. Forward-backward over all rows at once
gives each word's probabilities given everything else (Rabiner, "A Tutorial on Hidden Markov Models", 1989; with several
rows a factorial model, Ghahramani & Jordan 1997, computed exactly).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

MAX_STATES = 20_000
"""Combinations of choices that are weighed at once: four rows of eleven choices each. Beyond it the row that was silent
for longest is decided without the ones after it."""


@dataclass(frozen=True, slots=True)
class Place:
    """One word among the others.

    Args:
        row: which row it lies in.
        weights: (S,) float64, what speaks for each of its S choices; one of them at least is finite.
        change: (B, S) float64 added for each choice of the word before it in its row; None for the first of a row.
        excluded: for other rows, (R, S) bool: pairs of a choice of that row's last word and one of this word that
            cannot be. Every word leaves a choice that excludes none.
    """

    row: int
    weights: np.ndarray
    change: np.ndarray | None = None
    excluded: dict[int, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Step:
    """Step of one word through the table of combinations. The table has an axis for each row in *rows*."""

    rows: tuple[int, ...]
    axis: int
    let_go: tuple[int, ...]
    """Axes of the previous table that were summed out first."""
    forward: np.ndarray
    own: np.ndarray
    """The word's own part: its weights and its exclusions, broadcast over the table."""


def posteriors(places: Sequence[Place], ended: Sequence[frozenset[int]]) -> list[np.ndarray]:
    """Return the probabilities of the choices of every word given all words.

    Args:
        places: in the order in which the words begin.
        ended: for each place, the other rows whose words no longer matter to it or to later words.

    Returns:
        For each word (S,) float64 that add up to 1.
    """
    steps: list[_Step] = []
    for place, gone in zip(places, ended, strict=True):
        steps.append(_advanced(steps[-1] if steps else None, place, gone))
    found: list[np.ndarray] = []
    behind = np.zeros_like(steps[-1].forward) if steps else np.zeros(0)
    for i in reversed(range(len(steps))):
        step = steps[i]
        found.append(_shares(step.forward + behind, step.axis))
        if i:
            behind = _before(step, behind + step.own, places[i].change, steps[i - 1])
    return found[::-1]


def _advanced(before: _Step | None, place: Place, gone: frozenset[int]) -> _Step:
    """Return the step that follows *before*, with the table after *place*."""
    table = np.zeros(()) if before is None else before.forward
    rows = () if before is None else before.rows
    kept = [row for row in rows if row not in gone or row == place.row]
    while len(kept) > 1 and _size(table, rows, kept, place) > MAX_STATES:
        kept.remove(next(row for row in kept if row != place.row))
    let_go = tuple(axis for axis, row in enumerate(rows) if row not in kept)
    table = _summed(table, let_go)
    if place.row in kept:
        axis = kept.index(place.row)
        assert place.change is not None
        table = _summed(np.moveaxis(table, axis, -1)[..., :, None] + place.change, (-2,))
        kept.remove(place.row)
    else:
        table = np.broadcast_to(table[..., None], (*table.shape, len(place.weights)))
    kept.append(place.row)
    own = _own(place, tuple(kept), table.shape)
    return _Step(tuple(kept), len(kept) - 1, let_go, table + own, own)


def _size(table: np.ndarray, rows: tuple[int, ...], kept: list[int], place: Place) -> int:
    """Count the combinations in the table after *place* if only the rows in *kept* are carried on."""
    others = [table.shape[rows.index(row)] for row in kept if row != place.row]
    return int(np.prod(others, dtype=np.int64)) * len(place.weights)


def _own(place: Place, rows: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    own = np.broadcast_to(place.weights, shape).copy()
    for row, pairs in place.excluded.items():
        if row in rows:
            own[_spread(pairs, rows.index(row), len(shape))] = -np.inf
    return own


def _spread(pairs: np.ndarray, axis: int, count: int) -> tuple[np.ndarray, ...]:
    """Return the index of the cells of a table of *count* axes whose choices on *axis* and the last one are a pair."""
    first, last = np.nonzero(pairs)
    index: list[slice | np.ndarray] = [slice(None)] * count
    index[axis], index[-1] = first, last
    return tuple(index)  # type: ignore[return-value]


def _before(step: _Step, behind: np.ndarray, change: np.ndarray | None, earlier: _Step) -> np.ndarray:
    """Carry the evidence *behind*, of a word and all later ones, back to the shape of the table before that word."""
    row = step.rows[step.axis]
    kept = [each for axis, each in enumerate(earlier.rows) if axis not in step.let_go]
    if row in kept:
        assert change is not None
        table = np.moveaxis(_summed(behind[..., None, :] + change, (-1,)), -1, kept.index(row))
    else:
        table = _summed(behind, (-1,))
    for axis in step.let_go:
        table = np.expand_dims(table, axis)
    return np.broadcast_to(table, earlier.forward.shape)


def _shares(table: np.ndarray, axis: int) -> np.ndarray:
    """Return the probabilities of the choices on one axis of a table of log weights."""
    others = tuple(each for each in range(table.ndim) if each != axis)
    weights = _summed(table, others)
    shares = np.exp(weights - weights.max())
    return shares / shares.sum()


def _summed(table: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Sum the weights over some axes of a table of log weights; return the log of the sums."""
    for axis in sorted(axes, reverse=True):
        table = np.logaddexp.reduce(table, axis=axis)
    return table
