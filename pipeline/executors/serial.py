"""The executor of ``--debug`` and of tests: one video after another, in this process, with tracebacks."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from config import Config
from pipeline.executors.base import Listener, done, failed, log, remove_old_manifest
from pipeline.executors.ring import PictureFormat, fit
from pipeline.settings import as_list
from pipeline.stages import STAGES, Models, Prepared, Stages, VideoJob, describe
from pipeline.types import GRID_FPS, FrameBatch, ScoredTracks, VideoResult
from pipeline.vision.settings import DECODE_BATCH


class SerialExecutor:
    """Runs the stages in this process.

    Args:
        config: settings, with every ``auto`` resolved.
        models: of the run.
        work_dir: for the sound files.
        stages: what is run.
    """

    def __init__(self, config: Config, models: Models, work_dir: Path, stages: Stages = STAGES) -> None:
        self._config, self._models, self._work_dir, self._stages = config, models, work_dir, stages

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """There are none."""
        return {}

    def run(self, videos: Sequence[VideoJob], listener: Listener) -> None:
        """As `Executor.run`."""
        self._start_s = time.monotonic()
        self._vision = self._stages.load_vision(self._config, self._models, as_list(self._config.VISION_DEVICE)[0])
        self._speech = self._stages.load_speech(self._config, self._models, as_list(self._config.WHISPER_DEVICE)[0])
        for video in videos:
            begun_s = time.monotonic()
            try:
                result = self._one(video, listener, begun_s)
            except Exception as error:
                log.exception("%s", video.path)
                code, message = describe(error)
                result = failed(video, code, message, traceback.format_exc(), begun_s)
                remove_old_manifest(video.folder)
            listener.on_result(result)

    def _one(self, video: VideoJob, listener: Listener, begun_s: float) -> VideoResult:
        sound = self._work_dir / f"{video.number}.pcm"
        timings: dict[str, tuple[float, float]] = {}

        def clock(stage: str, began_s: float) -> None:
            timings[stage] = (began_s - self._start_s, time.monotonic() - self._start_s)

        try:
            prepared = self._stages.prepare(video.path, sound, lambda _: None)
            clock("decode", begun_s)
            began_s = time.monotonic()
            tracks, notes = self._see(video, prepared, listener)
            clock("vision", began_s)
            began_s = time.monotonic()
            duration_s = prepared.audio.duration_s
            transcript = self._speech.transcribe(
                prepared.audio,
                lambda done_s: listener.on_progress(video, "speech", done_s, duration_s),
                video.transcript,
            )
            clock("speech", began_s)
            began_s = time.monotonic()
            finished = self._stages.finish(
                video,
                prepared,
                tracks,
                transcript,
                self._models,
                self._config,
                lambda cut, total: listener.on_progress(video, "clips", cut, total),
            )
            clock("mux", began_s)
        finally:
            sound.unlink(missing_ok=True)
        return done(video, finished, self._models, begun_s, timings, notes)

    def _see(self, video: VideoJob, prepared: Prepared, listener: Listener) -> tuple[ScoredTracks, tuple[str, ...]]:
        """Pictures to vision, in the same size and batches as through the ring; and its notes."""
        form = fit(prepared.probe, self._config.RING_MB << 20, self._stages.frames_held(self._config))
        duration_s = prepared.probe.duration_s
        session = self._vision.start(
            prepared,
            form.capacity,
            lambda frames: listener.on_progress(video, "vision", min(frames / GRID_FPS, duration_s), duration_s),
        )
        for batch in self._batches(prepared, form):
            session.push(batch)
        return session.finish(), session.notes

    def _batches(self, prepared: Prepared, form: PictureFormat) -> Iterator[FrameBatch]:
        first, held = 0, []
        for picture in self._stages.pictures(prepared, (form.width_px, form.height_px), 0):
            held.append(picture.copy())
            if len(held) == DECODE_BATCH or (first + len(held)) % form.capacity == 0:
                yield FrameBatch(first, np.stack(held), form.scale)
                first, held = first + len(held), []
        if held:
            yield FrameBatch(first, np.stack(held), form.scale)
