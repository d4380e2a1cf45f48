"""The last work on one video: cut its clips and write its results, the manifest last of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from config import Config
from pipeline.attribution.faces import Faces
from pipeline.clips.pages import write_pages
from pipeline.clips.plan import Plan, doubt_of, plan_clips
from pipeline.clips.spans import sounds_together
from pipeline.errors import InputError, ToolError
from pipeline.machine import core_count
from pipeline.media.decode import SpanReader
from pipeline.media.sound_spans import SoundReader
from pipeline.outputs.manifest import CutClip, manifest_json, write_manifest
from pipeline.outputs.speaking import overlaps_json, speaking_json
from pipeline.outputs.subtitles import write_subtitles
from pipeline.outputs.transcript import transcript_json, write_transcript
from pipeline.render.cut import cut_clip
from pipeline.results import REPORT, TRANSCRIPT, remove_clips
from pipeline.settings import CLIPS, SPEECH, unless_auto
from pipeline.types import (
    UNCERTAIN_SPEAKER,
    Attribution,
    ClipPlan,
    DroppedSentence,
    Fingerprints,
    FinishedVideo,
    Losses,
    ModelChoice,
    Overlap,
    PictureSizes,
    Probe,
    ScoredTracks,
    Sentence,
    Transcript,
)

MAX_AT_ONCE = 4
"""Clips that one process cuts at the same time where nothing is asked for: each holds some decoded pictures, and up to
half a gigabyte in the encoder for the whole of a 4K picture."""


SHARED_S = 0.2
"""Time for which somebody else must speak along to make a sentence's sound doubtful."""


def finish_video(
    *,
    folder: Path,
    probe: Probe,
    tracks: ScoredTracks,
    transcript: Transcript,
    attribution: Attribution,
    models: tuple[ModelChoice, ...],
    config: Config,
    prints: Fingerprints,
    timings: Mapping[str, float],
    on_clip: Callable[[int, int], None],
    losses: Losses = Losses(),  # noqa: B008 - it is frozen
    rerun: Sequence[str] = (),
) -> FinishedVideo:
    """Write the results of one video beside ``tracks.npz``: ``transcript.json``, ``.srt``, ``.vtt`` and
    ``.ass``, ``report.html`` with the contact sheets, and in ``output/`` the clips and ``manifest.json``.

    The manifest and the clips of an earlier run are deleted first: a manifest never names a missing clip. Every
    sentence becomes a clip or a line among those dropped.

    Args:
        folder: of this video's results; made when missing.
        probe: the source, with sound.
        tracks: faces and scores.
        transcript: what is said.
        attribution: who says it.
        models: who did each job.
        config: settings.
        prints: fingerprints of input, settings and weights.
        timings: seconds that each stage before this one took, for the report.
        on_clip: called with the clips done and all that are wanted, first with none done.
        losses: parts of the video that could not be read.
        rerun: see `pipeline.stage.VideoJob`, for the report.

    Raises:
        InputError: the source cannot be read any more.
    """
    output = folder / "output"
    _remove_stale(output)
    (folder / REPORT).unlink(missing_ok=True)
    output.mkdir(parents=True, exist_ok=True)

    faces = Faces(tracks)
    words, sentences = attribution.words, attribution.sentences
    write_transcript(folder / TRANSCRIPT, transcript, words, prints.of(SPEECH))
    write_subtitles(folder, sentences, float(probe.lead_s))

    plans = plan_clips(sentences, faces, (probe.width_px, probe.height_px), config, probe.rate)
    if config.SCORE_ONLY:
        plans = [_not_wanted(plan) for plan in plans]
    doubts = _doubts(attribution, transcript)
    clips, dropped = [], []
    for ended in _cut_all(plans, probe, output, config, on_clip):
        if isinstance(ended, ClipPlan):
            unsure = (UNCERTAIN_SPEAKER,) if doubt_of(ended.sentence, faces, config) is not None else ()
            clips.append(CutClip(ended, (*doubts[ended.index], *unsure, *_picture_doubts(ended, probe))))
        else:
            dropped.append(ended)

    manifest = output / "manifest.json"
    content = manifest_json(
        probe=probe,
        frame_count=tracks.frame_count,
        first_frame=tracks.first_frame,
        losses=losses,
        notes=transcript.notes,
        language=transcript.language,
        language_probability=transcript.language_probability,
        fingerprint=prints.of(CLIPS),
        config=config,
        models=models,
        clips=clips,
        dropped=dropped,
        speaking=speaking_json(words, sentences, tracks),
        overlaps=overlaps_json(attribution, tracks),
        sizes=PictureSizes.of(probe, prints.most_px),
    )
    said = transcript_json(transcript, words, prints.of(SPEECH))
    write_pages(folder, probe, content, said, tracks, timings, rerun)
    write_manifest(manifest, content)
    failed = [line.message for line in dropped if line.reason_code == ToolError.reason_code]
    first = failed[0] if failed else ""
    counts = len(clips), len(dropped), len(failed)
    frames = tracks.frame_count - tracks.first_frame
    return FinishedVideo(manifest, *counts, first, losses, transcript.notes, frames)


def _not_wanted(plan: Plan) -> Plan:
    if isinstance(plan, DroppedSentence):
        return plan
    return DroppedSentence(plan.index, plan.sentence, "score_only", "no clips are cut with SCORE_ONLY")


def _remove_stale(output: Path) -> None:
    """Delete the manifest of an earlier run, then its clips."""
    (output / "manifest.json").unlink(missing_ok=True)
    remove_clips(output)


def _cut_all(
    plans: Sequence[Plan], probe: Probe, output: Path, config: Config, on_clip: Callable[[int, int], None]
) -> list[Plan]:
    """Cut all clips; return every plan in order, as a dropped sentence where the clip could not be cut.

    Threads are enough: decoding, scaling and the encoder's own process release the interpreter lock. Each thread
    cuts clips that follow one another, and so decodes its part of the video little more than once.
    """
    ended = {plan.index: plan for plan in plans}
    wanted = [plan for plan in plans if isinstance(plan, ClipPlan)]
    on_clip(0, len(wanted))
    with ExitStack() as stack:
        cutting: dict[Future[Plan], int] = {}
        for share in _shares(wanted, clips_at_once(config)):
            reader = stack.enter_context(closing(SpanReader(probe, share[0].rate)))
            pool, sounds = stack.enter_context(ThreadPoolExecutor(1, "clip")), SoundReader(probe)
            cutting |= {pool.submit(_cut, plan, probe, output, config, reader, sounds): plan.index for plan in share}
        try:
            for done, future in enumerate(as_completed(cutting), 1):
                ended[cutting[future]] = future.result()
                on_clip(done, len(wanted))
        except BaseException:
            for future in cutting:
                future.cancel()
            raise
    return list(ended.values())


def _shares(plans: Sequence[ClipPlan], count: int) -> list[Sequence[ClipPlan]]:
    """Split *plans* into at most *count* parts of neighbours."""
    size = max(-(-len(plans) // count), 1)
    return [plans[first : first + size] for first in range(0, len(plans), size)]


def clips_at_once(config: Config) -> int:
    """Return the number of clips that one process cuts at the same time."""
    return unless_auto(config.CLIPS_AT_ONCE, min(max(core_count() // config.NUM_MUX_WORKERS, 1), MAX_AT_ONCE))


def _cut(plan: ClipPlan, probe: Probe, output: Path, config: Config, reader: SpanReader, sounds: SoundReader) -> Plan:
    crf, preset = config.CLIP_CRF, config.CLIP_PRESET
    try:
        cut_clip(plan, probe, output / plan.name, crf=crf, preset=preset, reader=reader, sounds=sounds)
    except ToolError as error:
        return DroppedSentence(plan.index, plan.sentence, error.reason_code, str(error))
    except InputError as error:
        if error.reason_code != "outside_picture":
            raise
        return DroppedSentence(plan.index, plan.sentence, error.reason_code, error.message)
    return plan


def _doubts(attribution: Attribution, transcript: Transcript) -> list[tuple[str, ...]]:
    """Return each sentence's doubts about its words: the recogniser's own, made-up times, simultaneous speech."""
    sentences = attribution.sentences
    said = iter([segment.flags for segment in transcript.segments for _ in segment.words])
    doubts = []
    for sentence, together in zip(sentences, sounds_together(sentences), strict=True):
        flags = {flag: None for _ in sentence.words for flag in next(said)}
        if any(spoken.word.timing == "interpolated" for spoken in sentence.words):
            flags["interpolated_times"] = None
        if together or _is_shared(sentence, attribution.overlaps):
            flags["overlap"] = None
        doubts.append(tuple(flags))
    return doubts


def _is_shared(sentence: Sentence, overlaps: Sequence[Overlap]) -> bool:
    """Return True where several people seem to speak during a part of *sentence*."""
    return any(overlap.shared_s(sentence.start_s, sentence.end_s) >= SHARED_S for overlap in overlaps)


def _picture_doubts(plan: ClipPlan, probe: Probe) -> tuple[str, ...]:
    """Return the doubts about the picture of a clip."""
    flags = []
    if not plan.covered.all():
        flags.append("face_gap")
    beyond = np.maximum(-plan.window_px[:, :2], plan.window_px[:, 2:] - (probe.width_px, probe.height_px))
    if beyond.max() > 0.5:
        flags.append("border")
    return tuple(flags)
