"""Choice of the framing on each frame of a shot, by dynamic programming.

The costs are in frames of showing somebody who is silent while a person in view speaks, which costs 1 a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.attribution.faces import runs_of
from pipeline.framing.modes import State
from pipeline.framing.people import HOLD_FRAMES, Shot, ShotPerson
from pipeline.framing.turns import LEAD_FRAMES, PersonTurn

SILENCE_COST = 0.05
"""Showing somebody other than the last speaker while nobody in view speaks: so the picture changes at the next turn."""

LEAD_COST = 0.1
"""Showing somebody other than the next speaker within `LEAD_FRAMES` before his first word, in silence: less than a
word, so that the picture rather changes at the first word than long before."""

ABSENT_COST = 5.0
"""Showing the place of somebody who is not in view."""

HELD_COST = 0.3
"""The same within `HOLD_FRAMES` after the last sight of him, where nobody is in view."""

HELD_BESIDE_COST = 2.0
"""The same where somebody else is in view."""

NOBODY_COST = 0.4
"""Showing no face where there is none."""

HIDING_COST = 8.0
"""Showing no face where there is one."""

JOINT_COST = {"pair": 0.02, "split": 0.05}
"""Showing two persons: a little, so that one is shown where that does as well."""

APART_COST = 3.0
"""Showing one person where two talk across each other."""

FORBIDDEN_COST = 1e3

SHORT_TURN_COST = 1e-3
"""Showing another than who says "yes": it decides between equals and never makes a cut."""

PREFERENCE_COST = 1e-5
"""Showing another than the largest face: it decides between equals and never makes a cut."""

CENTRAL_SHARE = 0.3
"""Part of its size that a face at the edge loses against one in the middle, when the largest is looked for."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of a shot with one framing."""

    first: int
    """First frame, counted from the shot's."""
    stop: int
    state: State


def choose(
    shot: Shot,
    states: Sequence[State],
    turns: Sequence[PersonTurn],
    allowed: np.ndarray,
    middle_px: tuple[float, float],
    cut_cost: float,
) -> list[Stretch]:
    """Return the framings of a shot, one after another.

    Args:
        shot: who is in view.
        states: framings to choose from.
        turns: turns of persons in the shot.
        allowed: (n + 1,) bool: boundaries at which the framing may change.
        middle_px: centre x and half width of the content.
        cut_cost: cost of a change.
    """
    costs = state_costs(shot, states, turns, middle_px)
    holds = np.array([state.hold_frames for state in states])
    return [Stretch(first, stop, states[state]) for first, stop, state in best_runs(costs, allowed, holds, cut_cost)]


def state_costs(
    shot: Shot, states: Sequence[State], turns: Sequence[PersonTurn], middle_px: tuple[float, float]
) -> np.ndarray:
    """Return (n, S) float64: cost of each state on each frame of a shot."""
    count = shot.frame_count
    people = [each for each in shot.people if any(state.persons == (each.person,) for state in states)]
    column = {each.person: number for number, each in enumerate(people)}
    seen = np.zeros((count, len(people)), bool)
    for number, each in enumerate(people):
        seen[:, number] = each.seen
    active, short, lead = np.zeros_like(seen), np.zeros_like(seen), np.zeros_like(seen)
    for turn in turns:
        if turn.person in column:
            first, stop = turn.first - shot.first, turn.stop - shot.first
            target = short if turn.is_short else active
            target[max(first, 0) : max(stop, 0), column[turn.person]] = True
            if not turn.is_short:
                lead[max(first - LEAD_FRAMES, 0) : max(first, 0), column[turn.person]] = True
    active &= seen
    followed = _speech_costs(active, lead & seen) + SHORT_TURN_COST * (short.any(axis=1, keepdims=True) & ~short)
    followed += PREFERENCE_COST * (1 - _prominence(people, middle_px))
    somebody = seen.sum(axis=1) > 0
    costs = np.empty((count, len(states)))
    for number, state in enumerate(states):
        if state.mode == "nobody":
            costs[:, number] = np.where(somebody, HIDING_COST, NOBODY_COST)
        elif state.mode == "follow":
            person = column[state.persons[0]]
            costs[:, number] = followed[:, person] + _absence(seen[:, person], somebody)
        else:
            pair = [column[person] for person in state.persons]
            shown = np.maximum(followed[:, pair].sum(axis=1) - 1, 0)
            shown = np.where(active.any(axis=1), shown, followed[:, pair].min(axis=1))
            costs[:, number] = shown + JOINT_COST[state.mode] + np.where(state.allowed, 0, FORBIDDEN_COST)
    together = np.zeros(count, bool)
    for state in states:
        together |= state.core
    single = np.array([state.mode in ("follow", "nobody") for state in states])
    costs += APART_COST * (together[:, None] & single)
    return costs


def _speech_costs(active: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """Return (n, P) float64: share of those who speak that is not shown; the last, or next, speaker holds silence.

    Args:
        active: (n, P) bool, frames of each person's turns.
        lead: (n, P) bool, frames just before them.
    """
    speaking = active.sum(axis=1, keepdims=True)
    spoken = np.flatnonzero(speaking[:, 0])
    if not len(spoken):
        return np.zeros(active.shape)
    costs = 1 - active / np.maximum(speaking, 1)
    last = np.searchsorted(spoken, np.arange(len(active)), side="right") - 1
    holding = active[spoken[np.maximum(last, 0)]]
    silence = np.where(lead.any(axis=1, keepdims=True), LEAD_COST * ~lead, SILENCE_COST * ~holding)
    return np.where(speaking > 0, costs, silence)


def _absence(seen: np.ndarray, somebody: np.ndarray) -> np.ndarray:
    """Return (n,) float64: cost of following a person where he is not in view."""
    costs = np.zeros(len(seen))
    for low, high in runs_of(~seen):
        held = min(low + HOLD_FRAMES, high)
        if not low and high - low > HOLD_FRAMES:
            held = low
        costs[low:held] = np.where(somebody[low:held], HELD_BESIDE_COST, HELD_COST)
        costs[held:high] = ABSENT_COST
    return costs


def _prominence(people: Sequence[ShotPerson], middle_px: tuple[float, float]) -> np.ndarray:
    """Return (P,) float64 in 0..1: size of each face, less for those away from the middle, by the greatest."""
    sizes = np.array(
        [
            each.height_px * (1 - CENTRAL_SHARE * min(abs(each.centre_px[0] - middle_px[0]) / middle_px[1], 1.0))
            for each in people
        ]
    )
    return sizes / sizes.max() if len(sizes) else sizes


def best_runs(costs: np.ndarray, allowed: np.ndarray, holds: np.ndarray, cut_cost: float) -> list[tuple[int, int, int]]:
    """Return first frame, frame after the last and state of the cheapest sequence of runs.

    Of runs that cost the same, those that change earlier win. A run that is the only one may be of any length.

    Args:
        costs: (n, S) float64, cost of each state on each frame.
        allowed: (n + 1,) bool: boundaries at which the state may change.
        holds: (S,) int64, frames of each state's shortest run.
        cut_cost: cost of a change.
    """
    count, states = costs.shape
    total = np.vstack([np.zeros(states), np.cumsum(costs, axis=0)])
    places = np.flatnonzero(allowed)
    places = np.concatenate([[0], places[(places > 0) & (places < count)], [count]])
    every = np.arange(states)
    groups = [(int(hold), np.flatnonzero(holds == hold)) for hold in np.unique(holds)]
    ripe = [0] * len(groups)
    begun = np.zeros((len(places), states))  # cost of all before, for a run that begins there
    start_of = np.zeros((len(places), states), np.int32)
    before_of = np.full((len(places), states), -1, np.int32)
    cheapest, cheapest_from = np.full(states, np.inf), np.zeros(states, np.int32)
    ended = np.full(states, np.inf)
    for number in range(1, len(places)):
        place = int(places[number])
        for group, (hold, columns) in enumerate(groups):
            while places[ripe[group]] + hold <= place:
                at = ripe[group]
                value = begun[at, columns] - total[places[at], columns]
                better = value < cheapest[columns]
                cheapest[columns[better]], cheapest_from[columns[better]] = value[better], at
                ripe[group] += 1
        ended = total[place] + cheapest
        start_of[number] = cheapest_from
        order = np.argsort(ended, kind="stable")[:2]
        best = np.where(every == order[0], order[-1], order[0])
        begun[number] = np.where(best == every, np.inf, ended[best] + cut_cost)
        before_of[number] = best
    whole = total[count]
    state = int(np.argmin(np.minimum(ended, whole)))
    if whole[state] <= ended[state]:
        return [(0, count, state)]
    runs, number = [], len(places) - 1
    while number > 0:
        start = int(start_of[number, state])
        runs.append((int(places[start]), int(places[number]), state))
        number, state = start, int(before_of[start, state])
    return runs[::-1]
