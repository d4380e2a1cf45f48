"""Videos without sound: the outputs that can do without are made of them, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from config import Config
from pipeline.outputs.failure import NO_AUDIO
from pipeline.stage import Graph, NoSound, VideoJob
from pipeline.types import VideoResult
from pipeline.wording import listed


def without_sound(graph: Graph, config: Config, video: VideoJob, why: str) -> VideoJob | None:
    """Return the work to be done on a video that has no sound.

    An output takes part if neither it nor anything that it is made of needs sound. Of the other stages those take part
    that such an output is made of.

    Args:
        graph: the stages.
        config: tells which outputs are asked for.
        video: the video, as it would be worked on with sound.
        why: the reason why there is no sound.

    Returns:
        The video with `VideoJob.no_sound`, fingerprints of their own, and no stage kept; None where no output that is
        asked for can do without sound.
    """
    asked = graph.asked(config)
    able = [each for each in asked if each.optional and not graph.needs_sound(each)]
    chains = {each.name: graph.chain(each, sound=False) for each in able}
    chains = {name: chain for name, chain in chains.items() if graph.final not in chain}
    if not chains:
        return None
    used = {each.name: each for chain in chains.values() for each in chain}
    left_out = tuple(each for each in asked if each.name not in used)
    missing = tuple(each.name for each in left_out if each.optional or each is graph.final)
    roles = {role for each in used.values() for role in each.roles}
    models = None if video.models is None else tuple(model for model in video.models if model.role in roles)
    return dataclasses.replace(
        video,
        no_sound=NoSound(why, tuple(chains), missing, frozenset(each.name for each in left_out)),
        prints=video.prints.without_sound(),
        models=models,
        kept=frozenset(),
        renews=False,
    )


def outcome(no_sound: NoSound, made: Sequence[str]) -> str:
    """Return the message about a video without sound: the outputs that were *made*, and what was not."""
    parts = [no_sound.why, *([f"made without sound: {listed(made)}"] if made else [])]
    return "; ".join([*parts, f"not made for want of sound: {listed(no_sound.missing)}"])


def skipped_without_sound(video: VideoJob, no_sound: NoSound) -> VideoResult:
    """Return the result of a video without sound of which an earlier run has made all that can be made."""
    text = f"{outcome(no_sound, no_sound.outputs)} (by an earlier run with the same settings; --force does it again)"
    return VideoResult(video.path, "skipped", NO_AUDIO, text)
