"""Zooms of the user's subtitles in the plan of an upright video."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from pipeline.framing.options import FramingOptions
from pipeline.framing.plan import FramingPlan
from pipeline.framing.turns import persons_of_speakers
from pipeline.framing.zoom import zooms_of
from pipeline.framing.zooming import with_zooms
from pipeline.types import AttributedWord, FaceTracks, Probe


def zoomed(
    plan: FramingPlan, transcript: Path | None, probe: Probe, tracks: FaceTracks, words: Sequence[AttributedWord]
) -> FramingPlan:
    """Return the plan with the zooms of a transcript, and a note on each tag that is wrong.

    Args:
        plan: without zooms.
        transcript: the user's own, of whose cues SubRip has the tags; None where there is none.
        probe: the source.
        tracks: its faces.
        words: its words.

    Raises:
        InputError: ``bad_transcript``: the file cannot be read.
    """
    tags = zooms_of(transcript, -float(probe.lead_s))
    if tags.zooms:
        most = FramingOptions().max_enlarged
        plan = with_zooms(plan, tags.zooms, tracks, persons_of_speakers(words, tracks), most)
    return dataclasses.replace(plan, notes=(*plan.notes, *tags.notes))
