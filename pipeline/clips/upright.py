"""The stage of the upright video: plan its framing, and render it.

Words tell who is to be shown. Of a video without sound, or without words, the largest face is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np

from config import Config
from pipeline.artifacts import ATTRIBUTION, TRACKS, TRANSCRIPT
from pipeline.attribution.stage import read_attributed
from pipeline.clips.captioning import Spoken, captioned
from pipeline.clips.stage import as_heard
from pipeline.clips.upright_ranges import Render, Rendered, ranges_whole, reframe_ranges
from pipeline.clips.zooms import zoomed
from pipeline.errors import InputError
from pipeline.framing.borders import content_of
from pipeline.framing.options import FramingOptions
from pipeline.framing.plan import FramingPlan, Tier
from pipeline.framing.plan_file import PlanFile, summary_of, write_plan
from pipeline.framing.planner import plan_framing
from pipeline.framing.styles import upright_size_px
from pipeline.machine import core_count
from pipeline.media.decode import SpanReader
from pipeline.outputs.tracks import read_faces, tracks_mark
from pipeline.render.reframe import reframe
from pipeline.results import OUTPUTS, RANGES, Artifact, is_result, remove_ranges
from pipeline.settings import REFRAMED as NAME
from pipeline.settings import VISION
from pipeline.sources.ranges import read_ranges
from pipeline.stage import OUTPUTS_POOL, Models, Stage, StageResult, Work
from pipeline.storage.copies import remove_named
from pipeline.storage.objects import listing
from pipeline.types import AttributedWord, FaceTracks, Overlap, Probe

SAMPLES = 16
"""Pictures in which black bars are looked for: one that is bright at the edge tells."""

UPRIGHT, PLAN = (Artifact(name) for name in OUTPUTS[NAME][:2])
CAPTIONS = OUTPUTS[NAME][2]
"""File of the captions, which lies there where the settings ask for it."""

TIERS = {"lip motion": "lip motion", "largest face": "the largest face"}
"""Evidence that people are told of: it is weaker than the speaker model's."""


def run_reframe(work: Work) -> StageResult:
    """Plan the upright video, and write it, its plan and its captions.

    Raises:
        InputError: the results or the source cannot be read; ``no_words`` where ``STRICT`` refuses to follow the
            largest face for want of words.
        ToolError: ffmpeg failed.
    """
    config = work.config
    probe, spoken = _evidence(work)
    tracks, words = spoken.tracks, spoken.words
    if config.STRICT and not words:
        text = "no words were heard in it, and STRICT refuses to follow the largest face for want of them"
        raise InputError("no_words", text, work.video.path)
    plan = planned(probe, tracks, words, config, tier_of(work.models), spoken.overlaps)
    plan = zoomed(plan, work.video.transcript, probe, tracks, words)
    name = Path(work.video.display_path).name
    write_plan(work.pending(PLAN), PlanFile(plan, name, tracks.frame_count, work.video.prints.of(NAME)))

    def render(
        part: Probe, plan: FramingPlan, path: Path, captions: Path, on_seconds: Callable[[float], None]
    ) -> Rendered:
        with captioned(captions, config, plan, spoken) as (overlay, remarks):
            written = reframe(
                part,
                plan,
                path,
                crf=config.CLIP_CRF,
                preset=config.CLIP_PRESET,
                rate=rate_of(config),
                overlay=overlay,
                on_seconds=on_seconds,
                threads=max(core_count() // 2, 1),
            )
        return Rendered(tuple(written.notes), tuple(remarks))

    if work.video.ranges is not None:
        remarks = _ranges(work, probe, plan, spoken, render)
        _remove_stale(work)
        return StageResult((*(f"{PLAN.file}: {note}" for note in notes_of(plan)), *remarks))
    remove_ranges(work.folder)
    _remove_stale(work)
    whole_s, captions = probe.length_s, work.folder / CAPTIONS
    made = render(
        probe, plan, work.pending(UPRIGHT), captions, lambda done_s: work.report(done_s, max(done_s, whole_s))
    )
    notes = (*notes_of(plan), *made.notes, *made.remarks)
    return StageResult(tuple(f"{UPRIGHT.file}: {note}" for note in notes))


def _ranges(work: Work, probe: Probe, plan: FramingPlan, spoken: Spoken, render: Render) -> Sequence[str]:
    """Write the upright videos of the user's ranges in place of that of the whole; return notes for people."""
    config, listed = work.config, work.video.ranges
    assert listed is not None
    for name in (UPRIGHT.file, CAPTIONS):
        (work.folder / name).unlink(missing_ok=True)
    return reframe_ranges(
        probe,
        plan,
        None if work.video.no_sound is not None else spoken.sentences,
        read_ranges(listed, probe.rate, float(probe.lead_s)),
        work.folder,
        render,
        shot_starts=spoken.tracks.shot_starts.tolist(),
        min_length_s=config.MIN_LENGTH,
        max_length_s=config.MAX_LENGTH,
        captions=config.CAPTIONS != "none",
        fingerprint=work.video.prints.of(NAME),
        anew=config.FORCE,
        on_seconds=work.report,
    )


def has_upright(folder: Path, config: Config) -> bool:
    """Return True where the plan lies in *folder*, and the upright video with the captions that the settings ask for,
    or those of all ranges."""
    names = (UPRIGHT.file, CAPTIONS) if config.CAPTIONS != "none" else (UPRIGHT.file,)
    if not (folder / PLAN.file).is_file():
        return False
    return all((folder / name).is_file() for name in names) or ranges_whole(folder)


def planned(
    probe: Probe,
    tracks: FaceTracks,
    words: Sequence[AttributedWord],
    config: Config,
    tier: Tier,
    overlaps: Sequence[Overlap] = (),
) -> FramingPlan:
    """Return the plan of a video by the settings.

    Raises:
        InputError: the source cannot be read.
    """
    picture_px = probe.width_px, probe.height_px
    content_px = content_of(list(_samples(probe, tracks.first_frame, tracks.frame_count)))
    x1, y1, x2, y2 = content_px
    return plan_framing(
        tracks,
        words,
        picture_px=picture_px,
        size_px=upright_size_px((x2 - x1, y2 - y1), config.REFRAME_SIZE),
        overlaps=overlaps,
        content_px=content_px,
        options=FramingOptions(preset=config.REFRAME_PRESET, fallback=config.REFRAME_FALLBACK),  # type: ignore[arg-type] - choices
        tier_of_model=tier,
    )


def _samples(probe: Probe, first: int, stop: int) -> Iterator[np.ndarray]:
    """Yield pictures from all over the grid frames ``[first, stop)``, by which black bars are found."""
    step = max((stop - first) // SAMPLES, 1)
    found = False
    with closing(SpanReader(probe)) as reader:
        for frame in range(first + min(step // 2, stop - first - 1), stop, step):
            for picture in reader.read(frame, frame + 1):
                found = True
                yield picture.copy()
    if not found:
        raise InputError("undecodable", "not one of its pictures can be decoded any more", probe.path)


def tier_of(models: Models) -> Tier:
    """Return the evidence that speakers are told by."""
    return "lip motion" if any(model.name == "lip-motion" for model in models) else "speaker model"


def rate_of(config: Config) -> Fraction | None:
    """Return the frames a second that the settings ask for; None for the source's own times."""
    return None if config.REFRAME_FPS == "source" else Fraction(config.REFRAME_FPS)


def notes_of(plan: FramingPlan) -> list[str]:
    """Return remarks on a plan for people: its own, and the share of all evidence but the best."""
    shares = summary_of(plan)["tier_share"]
    lower = [f"{share:.0%} by {TIERS[tier]}" for tier, share in shares.items() if tier in TIERS]
    nobody = shares.get("none", 0.0)
    told = [f"framed for {' and '.join(lower)}"] if lower else []
    return [*told, *([f"no face for {nobody:.0%}"] if nobody else []), *plan.notes]


def _remove_stale(work: Work) -> None:
    """Delete the upright videos on the storage that are not made any more."""
    remote = work.video.remote
    if remote is None or remote.results is None:
        return
    for each in listing(remote.results.url):
        ours = each.name in (UPRIGHT.file, CAPTIONS) or each.name.startswith(f"{RANGES}/")
        if ours and is_result(each.name) and not (work.folder / each.name).exists():
            remove_named(remote, each.name)


def _evidence(work: Work) -> tuple[Probe, Spoken]:
    """Return the source, its faces and its words, of which there are none where it has no sound.

    Raises:
        InputError: they cannot be read, or are of another attempt.
    """
    probe = work.opened.probe
    if work.video.no_sound is None:
        tracks, transcript, said = read_attributed(work)
        spoken = Spoken(tracks, said.words, said.sentences, transcript.language, said.overlaps)
        return as_heard(probe, transcript), spoken
    path = work.path(TRACKS)
    if tracks_mark(path) != work.video.prints.of(VISION):
        raise InputError("results_changed", "was changed while its video was worked on. Run it again", path)
    return probe, Spoken(read_faces(path))


REFRAME = Stage(
    NAME,
    run_reframe,
    OUTPUTS_POOL,
    makes=(UPRIGHT, PLAN),
    needs=(TRACKS,),
    wants=(TRANSCRIPT, ATTRIBUTION),
    optional=True,
    setting="REFRAME",
    is_whole=has_upright,
)
