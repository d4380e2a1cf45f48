"""The executor of ``--debug`` and of tests: one video after another, in this process."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import describe
from pipeline.executors.admission import LOOK_AGAIN_S, AdmissionQueue
from pipeline.executors.base import Attempt, Listener, kept_summary
from pipeline.executors.events import stage_done
from pipeline.executors.picture_format import fit
from pipeline.executors.runtime import frame_batches, open_source, run_stage
from pipeline.executors.scheduler import Ended, Failure, Scheduler
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig
from pipeline.results import remove_partial
from pipeline.stage import DECODE, Graph, Models, OpenedVideo, Stage, StageResult, VideoJob, Work

log = logging.getLogger("lipgen")


class SerialExecutor:
    """Runs the stages in this process.

    Args:
        config: settings.
        models: of the run.
        work_dir: for the sound files.
        graph: the stages.
    """

    def __init__(self, config: ResolvedConfig, models: Models, work_dir: Path, graph: Graph = GRAPH) -> None:
        self._config, self._models, self._work_dir, self._graph = config, models, work_dir, graph
        self._asked = graph.asked(config)

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """Return nothing: there are no queues."""
        return {}

    @property
    def peak_bytes(self) -> int:
        """0: nobody watches over the memory here."""
        return 0

    def interrupt(self) -> None:
        """End everything at once."""
        raise KeyboardInterrupt

    def run(self, videos: Sequence[VideoJob], listener: Listener) -> None:
        """Work until every video has a result; errors as of `Executor.run`."""
        self._start_s = time.monotonic()
        self._listener = listener
        self._loaded = {
            stage.name: stage.load(self._config, self._models, stage.pool.devices_in(self._config)[0])
            for stage in self._asked
            if stage.load is not None
        }
        admission = AdmissionQueue(self._config, self._work_dir, videos, listener, self._graph)
        try:
            while len(admission):
                queued = admission.acquire()
                if queued is None:
                    time.sleep(LOOK_AGAIN_S)
                    continue
                try:
                    attempt, ended = self._one(queued.video, queued.begun_s)
                except BaseException:
                    remove_partial(queued.video.folder)
                    raise
                admission.report(attempt, ended, self._models)
                admission.release(queued.video)
        finally:
            admission.release_all()

    def _one(self, video: VideoJob, begun_s: float) -> tuple[Attempt, Ended]:
        """Take one video through its stages."""
        sound = self._work_dir / f"{video.number}.pcm"
        timings: dict[str, tuple[float, float]] = {}
        scheduler, names = Scheduler(self._graph, self._asked, 1), [stage.name for stage in self._asked]
        opened: OpenedVideo | None = None
        try:
            opened = self._opened(video, sound, begun_s, timings)
            ended = scheduler.add(0, video.kept, kept_summary(self._graph, video), video.left_out)
            while ended is None:
                handed = scheduler.next(names)
                if handed is None:
                    raise RuntimeError(f"{video.path}: expected a stage that can begin, found none")
                name, job = handed
                scheduler.begun(name, job)
                try:
                    result = self._run(self._graph.stage(name), video, opened, timings)
                    ended = scheduler.done(name, job, result)
                except Exception as error:
                    ended = scheduler.failed(name, job, self._failure(video, error))
        except Exception as error:
            ended = Ended(0, (), failure=self._failure(video, error))
        finally:
            sound.unlink(missing_ok=True)
        return Attempt(video, begun_s, opened, timings), ended

    def _opened(
        self, video: VideoJob, sound: Path, begun_s: float, timings: dict[str, tuple[float, float]]
    ) -> OpenedVideo:
        wanted = sound if self._graph.takes_sound(video, self._asked) else None
        opened = open_source(self._graph, video, wanted, self._config, lambda _: None)
        self._clock(video, DECODE, opened, begun_s, timings)
        return opened

    def _run(
        self, stage: Stage, video: VideoJob, opened: OpenedVideo, timings: dict[str, tuple[float, float]]
    ) -> StageResult:
        began_s = time.monotonic()
        held = stage.frames_held(self._config) if stage.frames_held else 1
        form = fit(opened.probe, self._config.RING_MB << 20, held)
        work = Work(
            video,
            opened,
            self._config,
            video.models or self._models,
            self._loaded.get(stage.name),
            report=lambda done, total: self._listener.on_progress(video, stage.name, done, total),
            timings={name: end_s - start_s for name, (start_s, end_s) in timings.items()},
            capacity=form.capacity,
        )
        lost: list[int] = []
        batches = frame_batches(self._graph, opened, form, lost.append) if stage.feeds == "frames" else ()
        result = run_stage(stage, work, batches, lost)
        self._clock(video, stage.name, opened, began_s, timings)
        return result

    def _clock(self, video: VideoJob, stage: str, opened: OpenedVideo, began_s: float, timings: dict[str, Any]) -> None:
        now_s = time.monotonic()
        timings[stage] = (began_s - self._start_s, now_s - self._start_s)
        self._listener.on_event(stage_done(video, stage, opened.probe.length_s, now_s - began_s))

    def _failure(self, video: VideoJob, error: Exception) -> Failure:
        """Describe the error in hand; ``DEBUG`` shows it, too."""
        if self._config.DEBUG:
            log.exception("%s", video.path)
        return Failure(*describe(error), traceback.format_exc())
