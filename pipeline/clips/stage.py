"""The stage of clips: make clips, subtitles, report and manifest from faces, words and attribution."""

from __future__ import annotations

import dataclasses

from pipeline.artifacts import ATTRIBUTION, MANIFEST, TRACKS, TRANSCRIPT
from pipeline.attribution.stage import read_attributed
from pipeline.clips.worker import finish_video
from pipeline.errors import InputError
from pipeline.media.probe import with_sound_track
from pipeline.outputs.tracks import read_losses
from pipeline.results import replace_results
from pipeline.settings import CLIPS as NAME
from pipeline.stage import CLIPS_POOL, Stage, StageResult, Work
from pipeline.types import Probe, Transcript


def run_clips(work: Work) -> StageResult:
    """Cut the clips and write the results of a video. The summary is a `FinishedVideo`.

    Raises:
        InputError: ``no_clip_written`` when not one of the clips could be cut; no manifest is left then.
    """
    video = work.video
    tracks, transcript, attribution = read_attributed(work)
    done = finish_video(
        folder=work.folder,
        probe=as_heard(work.opened.probe, transcript),
        tracks=tracks,
        transcript=transcript,
        attribution=attribution,
        losses=read_losses(work.path(TRACKS)),
        models=work.models,
        config=work.config,
        prints=video.prints,
        timings=work.timings,
        rerun=video.rerun,
        on_clip=work.report,
    )
    if done.failed_count and not done.clip_count:
        done.manifest.unlink()
        message = f"none of its {done.failed_count} clips could be cut: {done.first_failure}"
        raise InputError("no_clip_written", message, video.path)
    if video.renews:
        replace_results(video.folder)
        done = dataclasses.replace(done, manifest=video.folder / MANIFEST.file)
    return StageResult(summary=done)


def as_heard(found: Probe, transcript: Transcript) -> Probe:
    """Return the file with the sound track that its words were heard in."""
    if transcript.sound_track in (0, found.sound_track):
        return found
    return with_sound_track(found, transcript.sound_track)


CLIPS = Stage(
    NAME,
    run_clips,
    CLIPS_POOL,
    makes=(MANIFEST,),
    needs=(TRACKS, TRANSCRIPT, ATTRIBUTION),
    hears=True,
    unit="clips",
)
