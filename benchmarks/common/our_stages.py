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
from pipeline.executors.local.ring import PictureFormat, fit
from pipeline.machine import core_count, resolved
from pipeline.models.choose import choose
from pipeline.outputs.kept import put_in_place
from pipeline.stages import STAGES, TRANSCRIPT, Prepared, RealVision, VideoJob, model_of
from pipeline.types import FrameBatch, Marks, ModelChoice
from pipeline.vision.persons import load_identity
from pipeline.vision.session import VisionModels
from pipeline.vision.settings import DECODE_BATCH

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
    vision = RealVision(networks, config)
    speech = STAGES.load_speech(config, named, "cpu")
    done = OurStages()
    for number, path in enumerate(sorted(made.videos.glob("*.mp4"))):
        transcript = made.transcripts / f"{path.stem}.json"
        job = VideoJob(number, path, folder / path.stem, Marks(MARK, MARK, MARK), transcript)
        job.folder.mkdir()
        with done.clock("media"):
            prepared = STAGES.prepare(job, folder / f"{number}.pcm", config, lambda _: None)
        _see(done, vision, job, prepared, config)
        words = speech.transcribe(prepared.audio, lambda _: None, transcript)
        put_in_place(STAGES.keep_words(job, words), "speech")
        with done.clock("clips"):
            done.clips += STAGES.finish(job, prepared, named, config, {}, lambda *_: None).clip_count
    done.seconds["faces"], done.seconds["scores"] = detector.wall_s, scorer.wall_s
    done.seconds["shots_tracks_crops"] -= detector.wall_s + detector.beside_s + scorer.wall_s
    done.looks = detector.looks
    return done


def _see(done: OurStages, vision: RealVision, job: VideoJob, prepared: Prepared, config: Config) -> None:
    """Decode the pictures and push them to vision, whose whole time counts as shots, tracks and crops."""
    form = fit(prepared.probe, config.RING_MB << 20, STAGES.frames_held(config))
    session = vision.start(prepared, form.capacity, lambda _: None)
    batches = _batches(prepared, form)
    while True:
        with done.clock("media"):
            batch = next(batches, None)
        if batch is None:
            break
        with done.clock("shots_tracks_crops"):
            session.push(batch)
    with done.clock("shots_tracks_crops"):
        tracks = session.finish()
        put_in_place(STAGES.keep_tracks(job, prepared, tracks, 0), "vision")
    done.tracks += len(np.unique(tracks.track))


def _batches(prepared: Prepared, form: PictureFormat) -> Iterator[FrameBatch]:
    """Yield the pictures in batches, copied to a buffer as through the ring."""
    ring = np.empty((form.capacity, form.height_px, form.width_px, 3), np.uint8)
    first, count = 0, 0
    size_px = form.width_px, form.height_px
    for frame, picture in enumerate(STAGES.pictures(prepared, size_px, core_count(), lambda _: None)):
        np.copyto(ring[frame % form.capacity], picture)
        count += 1
        if count == DECODE_BATCH or (frame + 1) % form.capacity == 0:
            yield FrameBatch(first, ring[first % form.capacity :][:count], form.scale)
            first, count = frame + 1, 0
    if count:
        yield FrameBatch(first, ring[first % form.capacity :][:count], form.scale)


def _config(models: Models, detect_every: int) -> Config:
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
