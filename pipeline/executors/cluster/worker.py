"""One worker of a cluster, whatever engine runs it: it is given a stage of a video, runs it, and reports.

Paths come in and small values go out. The artifacts of a stage lie in the folder of the video when the worker answers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import traceback
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import describe
from pipeline.executors.cluster.resources import stages_of
from pipeline.executors.picture_format import fit
from pipeline.executors.reports import Failed, Heartbeat, Progress
from pipeline.executors.runtime import frame_batches, localized, open_source, run_stage
from pipeline.executors.work_dir import root_of, sound_path, temporary_files_in, work_dir
from pipeline.machine import ResolvedConfig
from pipeline.results import MANIFEST
from pipeline.stage import DECODE, Graph, Models, OpenedVideo, Stage, StageResult, VideoJob, Work
from pipeline.types import FinishedVideo

NOT_READY = "not_ready"
"""Reason code of a worker whose models cannot be loaded: the video is not to blame."""

TELL_EVERY_S = 2.0
"""Progress goes over the network."""


@dataclass(frozen=True, slots=True)
class RunStage:
    """One stage of one video."""

    job: int
    stage: str
    video: VideoJob
    opened: OpenedVideo | None = None
    """The source as another worker has opened it, without its sound; None where none has."""
    timings: Mapping[str, float] = field(default_factory=dict[str, float])
    """Seconds that the stages before took."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A worker has begun an order."""

    job: int
    stage: str
    machine: str
    """The engine's name for it."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """A worker's answer when it is asked whether it can work."""

    machine: str
    fault: str
    """Why not; empty when it can."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a stage of a video that did not fail."""

    opened: OpenedVideo
    """Without its sound, which lies on one machine only."""
    spans: Mapping[str, tuple[float, float]]
    """When reading and the stage began and ended, on ``time.time``."""
    result: StageResult


class StageWorker:
    """The models of one worker, and its folder for temporary files.

    Args:
        kind: the pool whose stages it runs, such as ``vision``.
        config: settings.
        models: of the run.
        graph: the stages.
        threads: of the decoder.
        send: takes `Heartbeat` and `Progress` while work goes on.
    """

    def __init__(
        self,
        kind: str,
        config: ResolvedConfig,
        models: Models,
        graph: Graph,
        threads: int,
        send: Callable[[Heartbeat | Progress], None],
    ) -> None:
        self._config, self._models, self._graph = config, models, graph
        self._threads, self._send = threads, send
        self._sent_s = 0.0
        self._open = contextlib.ExitStack()
        self.fault = ""
        """Why its models could not be loaded."""
        try:
            root = root_of(config.WORK_DIR)
            root.mkdir(parents=True, exist_ok=True)
            self._folder = self._open.enter_context(work_dir(root))
            self._open.enter_context(temporary_files_in(self._folder))
            stages = stages_of(graph, config)[kind]
            self._loaded = {stage.name: self._load(stage) for stage in stages}
        except Exception as error:
            self.fault = describe(error)[1]

    def do(self, order: RunStage) -> Outcome | Failed:
        """Run a stage of a video."""
        if self.fault:
            return Failed(order.job, NOT_READY, self.fault, "", order.stage)
        try:
            with localized(order.video, order.opened, self._folder) as (video, opened):
                outcome = self._run(dataclasses.replace(order, video=video, opened=opened))
            return dataclasses.replace(outcome, result=_with_own_paths(outcome.result, order.video))
        except Exception as error:
            code, message = describe(error)
            trace = "".join(traceback.format_exception(error))
            return Failed(order.job, code, message, trace, order.stage)

    def close(self) -> None:
        """Remove its temporary files."""
        self._open.close()

    def _load(self, stage: Stage) -> Any:
        if stage.load is None:
            return None
        return stage.load(self._config, self._models, stage.pool.devices_in(self._config)[0])

    def _run(self, order: RunStage) -> Outcome:
        stage = self._graph.stage(order.stage)
        with self._opened(order, stage) as opened:
            opened_s = time.time()
            held = stage.frames_held(self._config) if stage.frames_held else 1
            form = fit(opened.probe, self._config.RING_MB << 20, held)
            lost: list[int] = []
            batches = (
                frame_batches(self._graph, opened, form, lost.append, self._threads, ahead=True)
                if stage.feeds == "frames"
                else ()
            )
            began_s = time.time()
            result = run_stage(stage, self._work(order, stage, opened, form.capacity), batches, lost)
            spans = {stage.name: (began_s, time.time())}
            if stage.feeds == "frames":
                spans[DECODE] = (self._began_s, opened_s)
            return Outcome(opened.without_sound(), spans, result)

    def _work(self, order: RunStage, stage: Stage, opened: OpenedVideo, capacity: int) -> Work:
        return Work(
            order.video,
            opened,
            self._config,
            order.video.models or self._models,
            self._loaded[stage.name],
            report=lambda done, total: self._tell(Progress(order.job, stage.name, done, total), done >= total),
            pulse=lambda: self._tell(Heartbeat(order.job, order.stage), False),
            timings=order.timings,
            capacity=capacity,
        )

    @contextlib.contextmanager
    def _opened(self, order: RunStage, stage: Stage) -> Generator[OpenedVideo, None, None]:
        """Open the source, with its sound on this machine where the stage is fed; the sound goes at the end."""
        self._began_s = time.time()
        if not stage.feeds and order.opened is not None:
            yield order.opened
            return

        def pulse(_: float) -> None:
            self._tell(Heartbeat(order.job, order.stage), False)

        sound = sound_path(self._folder, order.job) if self._graph.takes_sound(order.video, [stage]) else None
        try:
            yield open_source(self._graph, order.video, sound, self._config, pulse)
        finally:
            if sound is not None:
                sound.unlink(missing_ok=True)

    def _tell(self, message: Heartbeat | Progress, at_once: bool) -> None:
        if at_once or time.monotonic() - self._sent_s >= TELL_EVERY_S:
            self._sent_s = time.monotonic()
            self._send(message)


def _with_own_paths(result: StageResult, video: VideoJob) -> StageResult:
    """Return *result* with the manifest's path as the driver has it, and not in this machine's mirror."""
    if not isinstance(result.summary, FinishedVideo):
        return result
    summary = dataclasses.replace(result.summary, manifest=video.folder / MANIFEST)
    return dataclasses.replace(result, summary=summary)
