"""The executor for one machine: processes side by side, fed by one parent that holds all state.

The parent waits on all pipes and all processes at once. So a worker that dies, or hangs and is ended, takes nothing
with it: its videos are begun again, up to ``MAX_TRIES`` times, and the others do not notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from config import Config
from pipeline.errors import InputError, WorkerDied
from pipeline.executors.admission import Intake
from pipeline.executors.base import Listener, failed
from pipeline.executors.local import messages as say
from pipeline.executors.local.desk import Desk
from pipeline.executors.local.pool import Crew, Worker
from pipeline.executors.local.watchdog import Supervisor
from pipeline.executors.shutdown import Stopping
from pipeline.outputs.kept import remove_partial
from pipeline.stages import STAGES, Models, Stages, VideoJob

LOOK_EVERY_S = 1.0
"""The parent looks around this often even when nobody says anything."""

MAX_FAILED_STARTS = 3
"""A worker that dies this often before it is ready will not come up."""


class LocalExecutor:
    """Runs the stages in processes of this machine.

    Args:
        config: settings, with every ``auto`` resolved.
        models: of the run.
        work_dir: for the sound files; they are removed as soon as their video is done.
        stages: what the workers run.
    """

    def __init__(self, config: Config, models: Models, work_dir: Path, stages: Stages = STAGES) -> None:
        self._config, self._models, self._work_dir = config, models, work_dir
        self._crew = Crew(config, models, stages, work_dir)
        self._supervisor = Supervisor(config, self._crew)
        self._stopping = Stopping(config.GRACE_S)
        self._queues: Mapping[str, Mapping[str, int]] = {}

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """As `Executor.queues`, once it has run."""
        return self._queues

    @property
    def peak_bytes(self) -> int:
        """As `Executor.peak_bytes`."""
        return self._supervisor.memory.peak_bytes

    def interrupt(self) -> None:
        """As `Executor.interrupt`."""
        self._stopping.ask()

    def run(self, videos: Sequence[VideoJob], listener: Listener) -> None:
        """As `Executor.run`."""
        self._listener = listener
        self._intake = Intake(self._config, self._work_dir, videos, listener)
        self._desk = Desk(self._config, self._models, self._crew, self._intake, listener, self._work_dir)
        at_once = True
        try:
            self._crew.start(len(videos))
            while not (self._stopping.is_asked or all(worker.ready for worker in self._crew.workers)):
                self._take_events()
            while len(self._intake) or self._desk.active:
                self._stopping.check(self._intake, len(self._desk.active), listener.on_event)
                self._begin_videos()
                self._desk.give_work()
                self._take_events()
            at_once = False
            if self._stopping.is_asked:
                raise KeyboardInterrupt
        finally:
            self._queues = self._desk.queues()
            self._crew.stop(at_once)
            for active in self._desk.active.values():
                remove_partial(active.video.folder)
            self._intake.release_all()

    def _begin_videos(self) -> None:
        for decoder in self._desk.free("decode"):
            if self._stopping.is_asked or not self._desk.may_begin(sparing=self._supervisor.memory.is_over):
                break
            wanted = self._intake.next(len(self._desk.active))
            if wanted is None:
                break
            self._desk.begin(wanted, decoder)

    def _take_events(self) -> None:
        for worker, message in self._crew.events(LOOK_EVERY_S):
            if message is None:
                self._on_death(worker)
            elif isinstance(message, say.Ready):
                worker.ready, worker.failed_starts = True, 0
            elif isinstance(message, say.NotReady):
                self._on_not_ready(worker, message)
            else:
                self._desk.take(worker, message)
        self._supervisor.look(self._desk.active, self._listener.on_event)

    def _on_not_ready(self, worker: Worker, message: say.NotReady) -> None:
        """Ends a run whose models cannot be loaded. Where that worked before, it is tried again: it may be for want of
        memory that a process which died has not given back yet."""
        text = f"{worker.name} cannot start: {message.message}"
        if not self._desk.jobs:
            raise InputError("not_ready", text)
        self._desk.tell("not_ready", text, stage=worker.kind, level="warning", more={"worker": worker.name})

    def _on_death(self, worker: Worker) -> None:
        """Replaces a worker that died, and begins its videos again or sets them aside."""
        died = WorkerDied(worker.name, worker.process.exitcode, worker.silent_s, worker.over_gb)
        held = [job for job in worker.jobs if job in self._desk.active]
        was_at_work = worker.ready
        if not was_at_work:
            worker.failed_starts += 1
            if worker.failed_starts == MAX_FAILED_STARTS:
                raise died
        text = f"{died.what}; it is started again"
        self._desk.tell("worker_died", text, stage=worker.kind, level="warning", more={"worker": worker.name})
        self._crew.replace(worker)
        for job in held:
            active = self._desk.active[job]
            if active.finished is not None:
                if worker.kind == "extras":
                    remove_partial(active.video.folder)
                    self._desk.lose_extras(job, died, self._config.MAX_TRIES)
                continue
            self._desk.give_up(job)
            remove_partial(active.video.folder)
            if not was_at_work:
                self._intake.again(active.video, active.tries, active.begun_s)
            elif active.tries < self._config.MAX_TRIES:
                self._desk.tell(
                    "again", f"{died.what}; the video is begun again", active.video, worker.kind, level="warning"
                )
                self._intake.again(active.video, active.tries + 1, active.begun_s)
            else:
                self._desk.end(active, failed(active.video, died.reason_code, str(died), "", active.begun_s))
