"""The executor of ``--debug`` and of tests: one video after another, in this process."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from config import Config
from pipeline.clips.worker import finished_of
from pipeline.executors.admission import LOOK_AGAIN_S, Intake
from pipeline.executors.base import Listener, done, extras_note, failed
from pipeline.executors.events import stage_done
from pipeline.executors.runtime import hear, see
from pipeline.outputs.extras import wanted
from pipeline.outputs.kept import MANIFEST, put_in_place, remove_partial
from pipeline.settings import as_list
from pipeline.stages import STAGES, Models, Stages, VideoJob, describe
from pipeline.types import VideoResult

log = logging.getLogger("lipgen")


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

    @property
    def peak_bytes(self) -> int:
        """As `Executor.peak_bytes`: nobody watches over it here."""
        return 0

    def interrupt(self) -> None:
        """As `Executor.interrupt`; here, everything ends at once."""
        raise KeyboardInterrupt

    def run(self, videos: Sequence[VideoJob], listener: Listener) -> None:
        """As `Executor.run`."""
        self._start_s = time.monotonic()
        self._listener = listener
        self._vision = self._stages.load_vision(self._config, self._models, as_list(self._config.VISION_DEVICE)[0])
        self._speech = self._stages.load_speech(self._config, self._models, as_list(self._config.WHISPER_DEVICE)[0])
        intake = Intake(self._config, self._work_dir, videos, listener)
        try:
            while len(intake):
                wanted = intake.next()
                if wanted is None:
                    time.sleep(LOOK_AGAIN_S)
                    continue
                try:
                    result = self._one(wanted.video, listener, wanted.begun_s)
                except Exception as error:
                    self._trace(wanted.video)
                    result = failed(wanted.video, *describe(error), traceback.format_exc(), wanted.begun_s)
                except BaseException:
                    remove_partial(wanted.video.folder)
                    raise
                listener.on_result(wanted.video, result)
                intake.release(wanted.video)
        finally:
            intake.release_all()

    def _trace(self, video: VideoJob) -> None:
        """Shows the error in hand as ``DEBUG`` has it."""
        if self._config.DEBUG:
            log.exception("%s", video.path)

    def _one(self, video: VideoJob, listener: Listener, begun_s: float) -> VideoResult:
        sound = self._work_dir / f"{video.number}.pcm" if len(video.kept) < 2 else None
        timings: dict[str, tuple[float, float]] = {}
        notes: tuple[str, ...] = ()

        def clock(stage: str, began_s: float) -> None:
            timings[stage] = (began_s - self._start_s, time.monotonic() - self._start_s)
            took_s = time.monotonic() - began_s
            listener.on_event(stage_done(video, stage, prepared.probe.length_s, took_s))

        try:
            prepared = self._stages.prepare(video, sound, self._config, lambda _: None)
            clock("decode", begun_s)
            if "vision" not in video.kept:
                began_s = time.monotonic()
                pending, notes = see(
                    self._stages,
                    self._vision,
                    self._config,
                    video,
                    prepared,
                    lambda done_s, total_s: listener.on_progress(video, "vision", done_s, total_s),
                )
                put_in_place(pending, "vision")
                clock("vision", began_s)
            if "speech" not in video.kept:
                began_s = time.monotonic()
                pending = hear(
                    self._stages,
                    self._speech,
                    video,
                    prepared,
                    lambda done_s, total_s: listener.on_progress(video, "speech", done_s, total_s),
                )
                put_in_place(pending, "speech")
                clock("speech", began_s)
            began_s = time.monotonic()
            took_s = {stage: end_s - start_s for stage, (start_s, end_s) in timings.items()}
            if "clips" in video.kept:
                finished = finished_of(video.folder / MANIFEST)
            else:
                finished = self._stages.finish(
                    video,
                    prepared,
                    self._models,
                    self._config,
                    took_s,
                    lambda cut, total: listener.on_progress(video, "clips", cut, total),
                )
                clock("mux", began_s)
            if wanted(self._config):
                began_s = time.monotonic()
                try:
                    self._stages.extras(
                        video,
                        prepared,
                        self._models,
                        self._config,
                        lambda done_s, total_s: listener.on_progress(video, "extras", done_s, total_s),
                    )
                    clock("extras", began_s)
                except Exception as error:
                    self._trace(video)
                    notes = (*notes, extras_note(describe(error)[1]))
        finally:
            if sound is not None:
                sound.unlink(missing_ok=True)
        return done(video, prepared, finished, self._models, begun_s, timings, notes)
