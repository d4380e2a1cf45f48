"""Framings that a shot may have: one person; two persons together, where they talk across each other; or nobody.

Two persons are shown together around the stretches in which their turns overlap for more than `OVERLAP_S`, or in which
`TURNS` of them alternate within `WITHIN_S`: in one window where both fit into it (``pair``), else in two panels
(``split``). Faces in a picture within the picture are never shown together with others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from pipeline.attribution.faces import runs_of
from pipeline.framing.people import Shot, ShotPerson
from pipeline.framing.turns import ROUNDING, PersonTurn, overlap_s
from pipeline.framing.windows import WindowShape, is_together_inside
from pipeline.types import GRID_FPS

OVERLAP_S = 0.4
TURNS = 3
WITHIN_S = 6.0

AROUND_S = 0.8
"""Time before the second of these turns and after the start of the last that belongs to the exchange."""

SPLIT_HOLD_FRAMES = 75
"""Shortest time in two panels: 3 s."""

ADJOINING_S = 1.0
"""Time between a short turn and a longer one of the other that makes the short one a back-channel."""

FIT_SHARE = 95.0
"""Percentage of the frames on which two persons must fit into one window."""


@dataclass(frozen=True, slots=True)
class State:
    """One framing that a shot may have."""

    mode: Literal["follow", "pair", "split", "nobody"]
    persons: tuple[int, ...]
    """Left to right."""
    hold_frames: int
    allowed: np.ndarray
    """(n,) bool: frames of the shot on which it may be shown."""
    core: np.ndarray
    """(n,) bool: frames on which nothing else does; none for one person."""
    why: str = ""
    """Why two persons are shown together."""


def states_of(
    shot: Shot, turns: Sequence[PersonTurn], shape: WindowShape, hold_frames: int, split_frames: float
) -> list[State]:
    """Return the framings of a shot, `nobody` last.

    Args:
        shot: who is in view.
        turns: turns of persons in the shot.
        shape: windows of the upright picture.
        hold_frames: shortest run that a cut of ours begins or ends.
        split_frames: most frames that two panels may take: the longest exchanges that fit into them have some.
    """
    everywhere, nowhere = np.ones(shot.frame_count, bool), np.zeros(shot.frame_count, bool)
    people = candidates(shot, turns)
    joint: list[State] = []
    states = [State("follow", (each.person,), hold_frames, everywhere, nowhere) for each in people]
    main = [each for each in people if not each.inset]
    speaking = {turn.person for turn in turns}
    for one, other in combinations([each for each in main if each.person in speaking], 2):
        left, right = (one, other) if one.centre_px[0] <= other.centre_px[0] else (other, one)
        both = left.seen & right.seen
        for first, stop, why in _stretches(turns, left.person, right.person):
            found = _joint(shot, left, right, both, (first - shot.first, stop - shot.first), why, shape, hold_frames)
            joint += [found] if found is not None else []
    splits = sorted((state for state in joint if state.mode == "split"), key=lambda state: -int(state.core.sum()))
    for state in splits:
        frames = int(state.allowed.sum())
        if frames <= split_frames:
            states.append(state)
            split_frames -= frames
    states += [state for state in joint if state.mode == "pair"]
    return [*states, State("nobody", (), hold_frames, everywhere, nowhere)]


def candidates(shot: Shot, turns: Iterable[PersonTurn]) -> list[ShotPerson]:
    """Return the persons who may be followed: those in a picture within the picture only if nobody else speaks."""
    speaking = {turn.person for turn in turns if not turn.is_short}
    alone = not any(each.person in speaking for each in shot.people if not each.inset)
    return [each for each in shot.people if not each.inset or (alone and each.person in speaking)]


def _joint(
    shot: Shot,
    left: ShotPerson,
    right: ShotPerson,
    both: np.ndarray,
    core: tuple[int, int],
    why: str,
    shape: WindowShape,
    hold_frames: int,
) -> State | None:
    """Return the framing of two persons around *core*, in frames of the shot; None where they are not both in view."""
    begin, end = max(core[0], 0), min(core[1], shot.frame_count)
    views = [(low, high) for low, high in runs_of(both) if min(high, end) > max(low, begin)]
    if begin >= end or not views:
        return None
    low, high = max(views, key=lambda view: min(view[1], end) - max(view[0], begin))
    begin, end = max(begin, low), min(end, high)
    fits = is_together_inside(left.box_px[begin:end], right.box_px[begin:end], shape, FIT_SHARE)
    hold = hold_frames if fits else max(SPLIT_HOLD_FRAMES, hold_frames)
    low, high = max(low, begin - hold), min(high, end + hold)
    if not fits and high - low < hold:
        return None
    allowed, wanted = np.zeros(shot.frame_count, bool), np.zeros(shot.frame_count, bool)
    allowed[low:high] = True
    wanted[begin:end] = True
    return State("pair" if fits else "split", (left.person, right.person), hold, allowed, wanted, why)


def _stretches(turns: Sequence[PersonTurn], one: int, other: int) -> list[tuple[int, int, str]]:
    """Return first frame, frame after the last and reason of each stretch in which two persons talk across each
    other; those nearer to each other than `SPLIT_HOLD_FRAMES` are one."""
    theirs = [turn for turn in turns if turn.person in (one, other)]
    found: list[tuple[float, float, str]] = []
    longer = [turn for turn in theirs if not turn.is_short]
    for number, turn in enumerate(longer):
        for later in longer[number + 1 :]:
            if later.start_s >= turn.end_s:
                break
            if later.person == turn.person:
                continue
            length_s, start_s, end_s = overlap_s(turn, later)
            if length_s > OVERLAP_S + ROUNDING:
                found.append((start_s, end_s, f"they speak at the same time for {length_s:.1f} s"))
    counted = [turn for turn in theirs if not turn.is_short or not _is_back_channel(turn, longer)]
    changes = [turn for turn, before in zip(counted, [None, *counted], strict=False) if _is_change(turn, before)]
    for number in range(len(changes) - TURNS + 1):
        first, last = changes[number], changes[number + TURNS - 1]
        if last.start_s - first.start_s <= WITHIN_S + ROUNDING:
            start_s = max(first.start_s, changes[number + 1].start_s - AROUND_S)
            end_s = max(min(last.end_s, last.start_s + AROUND_S), last.start_s + 1 / GRID_FPS)
            found.append((start_s, end_s, f"{TURNS} turns begin within {last.start_s - first.start_s:.1f} s"))
    joined: list[tuple[int, int, str]] = []
    for start_s, end_s, why in sorted(found):
        first, stop = round(start_s * GRID_FPS), round(end_s * GRID_FPS)
        if joined and first - joined[-1][1] < SPLIT_HOLD_FRAMES:
            before = joined[-1]
            joined[-1] = before[0], max(before[1], stop), before[2]
        else:
            joined.append((first, stop, why))
    return joined


def _is_change(turn: PersonTurn, before: PersonTurn | None) -> bool:
    return before is None or turn.person != before.person


def _is_back_channel(turn: PersonTurn, longer: Iterable[PersonTurn]) -> bool:
    return any(
        each.person != turn.person
        and each.start_s - turn.end_s <= ADJOINING_S
        and turn.start_s - each.end_s <= ADJOINING_S
        for each in longer
    )
