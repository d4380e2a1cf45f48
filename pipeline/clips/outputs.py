"""Outputs made from a finished video: texts of clips, other programs' formats, the annotated video."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from config import Config
from pipeline import settings
from pipeline.artifacts import ATTRIBUTION, MANIFEST, TRACKS, TRANSCRIPT
from pipeline.attribution.stage import read_attributed
from pipeline.attribution.turns import spoken_turns
from pipeline.clips.stage import as_heard
from pipeline.framing.clock import clip_rate
from pipeline.machine import core_count
from pipeline.outputs.clip_texts import clips_without_text, write_clip_texts
from pipeline.outputs.exports import write_exports
from pipeline.outputs.own_manifest import read_own_manifest
from pipeline.render.annotate import annotate
from pipeline.results import EXPORT_FILES, OUTPUTS, Artifact
from pipeline.settings import as_list
from pipeline.stage import OUTPUTS_POOL, Stage, StageResult, Work
from pipeline.types import Probe
from pipeline.vision.crops import smooth_path

(ANNOTATED,) = OUTPUTS["annotate"]


def run_clip_texts(work: Work) -> StageResult:
    """Write the text of each clip beside it."""
    manifest = work.path(MANIFEST)
    write_clip_texts(manifest.parent, read_own_manifest(manifest))
    return StageResult()


def run_export(work: Work) -> StageResult:
    """Write the formats that ``EXPORT`` names.

    Raises:
        InputError: the results or the source cannot be read.
        WeightsError: the weights of ``FACE_EMBEDDINGS`` or the speech detector cannot be loaded.
    """
    tracks, transcript, attribution = read_attributed(work)
    config, probe, formats = work.config, as_heard(work.opened.probe, transcript), as_list(work.config.EXPORT)
    turns = ()
    if "rttm" in formats:
        turns = spoken_turns(attribution.words, tracks, _speech(work, probe), attribution.overlaps)
    smooth = functools.partial(smooth_path, window=config.SMOOTH_FRAMES)
    embeddings = None
    if "talknet" in formats and config.FACE_EMBEDDINGS:
        from pipeline.vision.facenet import FaceNet, embed_tracks  # loads PyTorch

        network = FaceNet(Path(config.FACE_EMBEDDINGS).expanduser(), "cpu")
        embeddings = embed_tracks(probe, tracks, network)
    write_exports(
        formats,
        work.folder,
        probe,
        tracks,
        turns,
        smooth=smooth,
        embeddings=embeddings,
        ava_header=config.AVA_HEADER,
    )
    work.report(probe.length_s, probe.length_s)
    return StageResult()


def _speech(work: Work, probe: Probe) -> np.ndarray:
    """Return the stretches of speech in the sound that the words were heard in."""
    from pipeline.clips.speech_stretches import speech_of  # loads PyTorch

    sound = work.folder / f".sound.{work.token}.part"
    try:
        return speech_of(probe, sound, work.pulse)
    finally:
        sound.unlink(missing_ok=True)


def run_annotate(work: Work) -> StageResult:
    """Draw boxes, speakers and sentences on the source.

    Raises:
        InputError: the results or the source cannot be read.
        ToolError: ffmpeg failed.
    """
    tracks, transcript, attribution = read_attributed(work)
    config, probe = work.config, as_heard(work.opened.probe, transcript)
    rate = clip_rate(probe.rate, "source")
    annotate(
        probe,
        tracks,
        attribution.sentences,
        work.folder / ANNOTATED,
        crf=config.CLIP_CRF,
        preset=config.CLIP_PRESET,
        on_frames=lambda done: work.report(float(done / rate), probe.length_s),
        threads=max(core_count() // 2, 1),
    )
    return StageResult()


def has_clip_texts(folder: Path, config: Config) -> bool:
    """Return True where each clip has its text beside it."""
    return next(clips_without_text((folder / MANIFEST.file).parent), None) is None


def has_exports(folder: Path, config: Config) -> bool:
    """Return True where the files of all formats that the settings ask for lie in *folder*."""
    return all((folder / name).is_file() for each in as_list(config.EXPORT) for name in EXPORT_FILES[each])


ATTRIBUTED = (TRACKS, TRANSCRIPT, ATTRIBUTION)

CLIP_TEXTS = Stage(
    "clip_texts",
    run_clip_texts,
    OUTPUTS_POOL,
    needs=(MANIFEST,),
    optional=True,
    setting="CLIP_TEXT",
    is_whole=has_clip_texts,
    reads_source=False,
)
EXPORT = Stage(
    settings.EXPORTS,
    run_export,
    OUTPUTS_POOL,
    needs=ATTRIBUTED,
    hears=True,
    optional=True,
    setting="EXPORT",
    is_whole=has_exports,
)
ANNOTATE = Stage(
    settings.ANNOTATED,
    run_annotate,
    OUTPUTS_POOL,
    makes=(Artifact(ANNOTATED),),
    needs=ATTRIBUTED,
    hears=True,
    optional=True,
    setting="ANNOTATE",
)
