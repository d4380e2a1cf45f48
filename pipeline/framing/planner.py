"""The plan of an upright video, from the faces of its persons and from who says which word. Pure.

Each shot is planned by itself: `modes` says which framings it may have, `who` chooses among them, `drafts` gives each
run the height of its window and its reason, and `cameras` moves it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.framing.cameras import runs_of_drafts
from pipeline.framing.drafts import Draft, Drafter
from pipeline.framing.modes import states_of
from pipeline.framing.options import FramingOptions
from pipeline.framing.people import Shot, shots_of
from pipeline.framing.plan import FramingPlan, Run, Tier
from pipeline.framing.turns import PersonTurn, allowed_boundaries, persons_of_speakers, speakers_of_persons, turns_of
from pipeline.framing.who import choose
from pipeline.framing.windows import WindowShape
from pipeline.framing.zoom import Zoom
from pipeline.framing.zooming import with_zooms
from pipeline.types import AttributedWord, FaceTracks, Overlap

TOLD_WIDE_SHARE = 0.25
"""Share of the video without an upright crop from which the plan says so."""


def plan_framing(
    tracks: FaceTracks,
    words: Sequence[AttributedWord],
    *,
    picture_px: tuple[int, int],
    size_px: tuple[int, int],
    overlaps: Sequence[Overlap] = (),
    zooms: Sequence[Zoom] = (),
    content_px: tuple[int, int, int, int] | None = None,
    first: int | None = None,
    stop: int | None = None,
    options: FramingOptions | None = None,
    tier_of_model: Tier = "speaker model",
) -> FramingPlan:
    """Plan the framing of a video, or of a part of it.

    Args:
        tracks: the faces of the video, with the person of each.
        words: every word with its speaker. Without words the largest face is shown.
        picture_px: width and height of the source as displayed.
        size_px: width and height of the upright video, both even.
        overlaps: spans in which several people in view speak at once.
        zooms: zooms that the user asks for, in order of time, apart from each other.
        content_px: x1, y1, x2, y2 of the picture without black bars; all of it where left out.
        first: first grid frame; that of the tracks where left out.
        stop: grid frame after the last; that of the tracks where left out.
        options: wishes of the user.
        tier_of_model: evidence by which the words got their speakers.

    Raises:
        ValueError: there is no frame to plan.
    """
    options = options or FramingOptions()
    content_px = content_px or (0, 0, *picture_px)
    first = tracks.first_frame if first is None else first
    stop = tracks.frame_count if stop is None else stop
    if not 0 <= first < stop:
        raise ValueError(f"plan_framing: expected frames from 0, ascending, got {first} to {stop}")
    persons = persons_of_speakers(words, tracks)
    turns = turns_of(words, overlaps, tracks, persons)
    drafter = Drafter(WindowShape(content_px, size_px), options, speakers_of_persons(words, tracks), tier_of_model)
    spoken = frozenset(turn.person for turn in turns)
    allowed = allowed_boundaries(words, first, stop)
    shots: list[tuple[Shot, list[PersonTurn], np.ndarray]] = []
    by_shot: list[list[Draft]] = []
    for shot in shots_of(tracks, first, stop, content_px, spoken):
        shots.append((shot, _turns_in(shot, turns), allowed[shot.first - first : shot.stop - first + 1]))
        by_shot.append(_drafts(*shots[-1], drafter, 0 if drafter.is_upright else math.inf))
    notes = []
    lengths = [sum(each.stop - each.first for each in drafts if each.mode == "split") for drafts in by_shot]
    share = sum(lengths) / (stop - first)
    if share > options.max_split_share:
        notes.append(f"two panels are shown for {options.max_split_share:.0%} at most; they would be for {share:.0%}")
        for number, (parts, length) in enumerate(zip(shots, lengths, strict=True)):
            if length:
                by_shot[number] = _drafts(*parts, drafter, length * options.max_split_share / share)
    drafts = [draft for drafts in by_shot for draft in drafts]
    runs = runs_of_drafts(drafts, drafter.shape, drafter.panel_shape, options.camera)
    notes += _notes(runs, drafter, stop - first)
    background = "black" if options.fallback == "bars" else "blur"
    plan = FramingPlan(picture_px, size_px, content_px, background, runs, tuple(notes))
    return with_zooms(plan, zooms, tracks, persons, options.max_enlarged) if zooms else plan


def _turns_in(shot: Shot, turns: Sequence[PersonTurn]) -> list[PersonTurn]:
    """Return the turns that sound in a shot, of persons who are in view while they do."""
    found = []
    people = {each.person: each for each in shot.people}
    for turn in turns:
        low, high = max(turn.first - shot.first, 0), min(turn.stop - shot.first, shot.frame_count)
        if low < high and turn.person in people and people[turn.person].seen[low:high].any():
            found.append(turn)
    return found


def _drafts(
    shot: Shot, turns: Sequence[PersonTurn], boundaries: np.ndarray, drafter: Drafter, split_frames: float
) -> list[Draft]:
    preset = drafter.options.camera
    states = states_of(shot, turns, drafter.shape, preset.hold_frames, split_frames)
    x1, _, x2, _ = drafter.shape.content_px
    stretches = choose(shot, states, turns, boundaries, ((x1 + x2) / 2, (x2 - x1) / 2), preset.cut_cost)
    return drafter.drafts(shot, stretches, turns)


def _notes(runs: Sequence[Run], drafter: Drafter, frames: int) -> list[str]:
    notes = []
    wide = sum(run.stop - run.first for run in runs if run.mode in ("wide", "centre")) / frames
    if wide > TOLD_WIDE_SHARE:
        notes.append(f"{wide:.0%} of the video is not reframed: no face is in view there, or no crop holds it")
    factor = drafter.shape.panel_px[1] / drafter.shape.max_height
    if factor > drafter.options.max_enlarged:
        notes.append(f"the upright video enlarges the source {factor:.1f} times")
    return notes
