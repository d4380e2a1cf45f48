"""Seconds of each stage of the product, one after another in one process: for ``benchmarks.baseline``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.baselines.baseline_models import load_ours
from benchmarks.common.speed_videos import VideoSet
from benchmarks.common.timed_runs import Models
from config import Config
from pipeline import results
from pipeline.artifacts import TRACKS
from pipeline.attribution.stage import ATTRIBUTION
from pipeline.clips.stage import CLIPS
from pipeline.executors.picture_format import PictureFormat, fit
from pipeline.executors.runtime import run_stage
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig, core_count, resolved
from pipeline.models.choose import choose
from pipeline.opening import open_video, read_frames
from pipeline.outputs.tracks import read_tracks
from pipeline.speech.stage import SPEECH, TRANSCRIPT, load_speech
from pipeline.stage import OpenedVideo, VideoJob, Work, model_of
from pipeline.types import Fingerprints, FrameBatch, ModelChoice
from pipeline.vision.persons import load_identity
from pipeline.vision.session import VisionModels
from pipeline.vision.settings import DECODE_BATCH
from pipeline.vision.stage import frames_held, run_vision

SHARED_STAGES: tuple[str, ...] = ("media", "shots_tracks_crops", "faces", "scores", "clips")
"""Stages that both ways have. Shots, tracks and crops are one stage: the product does them in one pass."""

MARK = "0" * 64
"""Fingerprint that no results have."""


@dataclass(slots=True)
class OurStages:
    """Seconds of each stage over all videos, and counts of the results."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SHARED_STAGES, 0.0))
    looks: int = 0
    """Frames on which faces were looked for."""
    clips: int = 0
    tracks: int = 0

    @contextmanager
    def clock(self, stage: str) -> Iterator[None]:
        began_s = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - began_s


def vision_s(seconds: Mapping[str, float]) -> float:
    """Return the seconds of a vision worker, of the *seconds* of all stages."""
    return sum(seconds[stage] for stage in ("shots_tracks_crops", "faces", "scores"))


def our_stages(made: VideoSet, folder: Path, models: Models, detect_every: int) -> OurStages:
    """Run the stages over the videos one after another; every stage has all cores.

    Args:
        made: the videos.
        folder: a new folder for the results.
        models: stand-in numbers take the place of weights that are missing.
        detect_every: value of ``DETECT_EVERY``.
    """
    folder.mkdir(parents=True)
    config, identity = _config(models, detect_every), _identity(models)
    named = (
        ModelChoice("faces", models.face_detector, None),
        ModelChoice("speaking", models.speaker_model, None),
        ModelChoice("words", TRANSCRIPT, None),
        identity,
    )
    detector, scorer = load_ours(models, folder)
    persons = load_identity(identity.name, identity.weights, identity.helper, models.device)
    networks = VisionModels(detector, scorer, models.speaker_model, persons)
    speech = load_speech(config, named, "cpu")
    done = OurStages()
    for number, path in enumerate(sorted(made.videos.glob("*.mp4"))):
        transcript = made.transcripts / f"{path.stem}.json"
        job = VideoJob(
            number, path, folder / path.stem, Fingerprints({stage.name: MARK for stage in GRAPH.stages}), transcript
        )
        job.folder.mkdir()
        with done.clock("media"):
            opened = open_video(job, folder / f"{number}.pcm", config, lambda _: None)
        _see(done, networks, job, opened, config)
        run_stage(SPEECH, Work(job, opened, config, named, speech))
        with done.clock("clips"):
            work = Work(job, opened, config, named)
            run_stage(ATTRIBUTION, work)
            done.clips += run_stage(CLIPS, work).summary.clip_count
    done.seconds["faces"], done.seconds["scores"] = detector.wall_s, scorer.wall_s
    done.seconds["shots_tracks_crops"] -= detector.wall_s + detector.beside_s + scorer.wall_s
    done.looks = detector.looks
    return done


def _see(done: OurStages, networks: VisionModels, job: VideoJob, opened: OpenedVideo, config: ResolvedConfig) -> None:
    """Decodes the pictures and shows them to vision; what that takes in all counts as shots, tracks and crops."""
    form = fit(opened.probe, config.RING_MB << 20, frames_held(config))
    work = Work(job, opened, config, (), networks, capacity=form.capacity)
    run = run_vision(work)
    batches = _batches(opened, form)
    while True:
        with done.clock("media"):
            batch = next(batches, None)
        if batch is None:
            break
        with done.clock("shots_tracks_crops"):
            run.push(batch)
    with done.clock("shots_tracks_crops"):
        run.finish(0)
        results.commit(work.pending(TRACKS), TRACKS)
    done.tracks += len(np.unique(read_tracks(job.folder / results.TRACKS).track))


def _batches(opened: OpenedVideo, form: PictureFormat) -> Iterator[FrameBatch]:
    """The pictures in memory of their own, as through the ring."""
    ring = np.empty((form.capacity, form.height_px, form.width_px, 3), np.uint8)
    first, count = 0, 0
    size_px = form.width_px, form.height_px
    for frame, picture in enumerate(read_frames(opened, size_px, core_count(), lambda _: None)):
        np.copyto(ring[frame % form.capacity], picture)
        count += 1
        if count == DECODE_BATCH or (frame + 1) % form.capacity == 0:
            yield FrameBatch(first, ring[first % form.capacity :][:count], form.scale)
            first, count = frame + 1, 0
    if count:
        yield FrameBatch(first, ring[first % form.capacity :][:count], form.scale)


def _config(models: Models, detect_every: int) -> ResolvedConfig:
    """Return the settings that `timed_runs.run_timed` gives to a run."""
    return resolved(
        Config(
            VISION_DEVICE=models.device,
            WHISPER_DEVICE="cpu",
            FACE_DETECTOR=models.face_detector,
            SPEAKER_MODEL=models.speaker_model,
            DETECT_EVERY=detect_every,
            MIN_SPEAKER_SCORE_THRESHOLD=-100.0,
            MIN_COVERAGE=0.0,
        )
    )


def _identity(models: Models) -> ModelChoice:
    """Return the identity model of a run, or its stand-in where weights are missing."""
    chosen = choose("mtcnn", "lip-motion", None, "mobilefacenet", weights_dir=models.weights_dir, download=False)
    return model_of(chosen, "identity")
