"""The executor for one machine: processes side by side, fed by one parent that holds all state.

The parent waits on all pipes and all processes at once, and on nothing else: work that may wait for a disk or a storage
has a thread of its own. A worker that dies, or hangs and is killed, takes nothing with it: the stage that it held is
begun again, up to ``MAX_TRIES`` times, and the others do not notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.errors import InputError, WorkerDied
from pipeline.executors.admission import AdmissionQueue, QueuedVideo
from pipeline.executors.background import Background
from pipeline.executors.base import Listener
from pipeline.executors.intake import Intake
from pipeline.executors.local import messages as msg
from pipeline.executors.local.dispatcher import Dispatcher
from pipeline.executors.local.pool import WorkerHandle, WorkerPool
from pipeline.executors.local.watchdog import Watchdog
from pipeline.executors.shutdown import Shutdown
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig
from pipeline.results import remove_partial
from pipeline.stage import Graph, Models, VideoJob

LOOK_EVERY_S = 1.0
"""The parent looks around this often even when nobody says anything."""

MAX_FAILED_STARTS = 3
"""A worker that dies this often before it is ready will not come up."""


class LocalExecutor:
    """Runs the stages in processes of this machine.

    Args:
        config: settings.
        models: of the run.
        work_dir: for the sound files; they are removed as soon as their video is done.
        graph: the stages.
    """

    def __init__(self, config: ResolvedConfig, models: Models, work_dir: Path, graph: Graph = GRAPH) -> None:
        self._config, self._models, self._work_dir, self._graph = config, models, work_dir, graph
        self._pool = WorkerPool(config, models, graph, work_dir)
        self._watchdog = Watchdog(config, self._pool)
        self._shutdown = Shutdown(config.GRACE_S)
        self._queues: Mapping[str, Mapping[str, int]] = {}

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """Return bound and peak of each queue, once it has run."""
        return self._queues

    @property
    def peak_bytes(self) -> int:
        """The most memory that all processes of the run were seen to take together."""
        return self._watchdog.memory.peak_bytes

    def interrupt(self) -> None:
        """Begin no more videos, and give those in flight ``GRACE_S`` to end."""
        self._shutdown.ask()

    def run(self, videos: Sequence[VideoJob], listener: Listener) -> None:
        """Work until every video has a result; errors as of `Executor.run`."""
        self._listener = listener
        self._background = Background(self._pool.wake)
        self._admission = AdmissionQueue(self._config, self._work_dir, videos, listener, self._graph)
        self._intake = Intake(self._admission, self._background, self._models, LOOK_EVERY_S)
        self._dispatcher = Dispatcher(self._config, self._graph, self._pool, listener, self._work_dir, self._intake.end)
        at_once = True
        try:
            self._pool.start(len(videos))
            while not (self._shutdown.is_asked or all(worker.ready for worker in self._pool.workers)):
                self._take_events()
            while len(self._admission) or self._dispatcher.active or len(self._background):
                in_work, ending = len(self._dispatcher.active), len(self._background)
                self._shutdown.check(self._admission, in_work, ending, listener.on_event)
                self._admit()
                self._dispatcher.give_work()
                self._take_events()
            at_once = False
            if self._shutdown.is_asked:
                raise KeyboardInterrupt
        finally:
            self._queues = self._dispatcher.queues()
            self._admission.close()
            self._pool.stop(at_once)
            self._background.close()
            self._pool.close()
            for attempt in self._dispatcher.active.values():
                remove_partial(attempt.video.folder)
            self._admission.release_all()

    def _admit(self) -> None:
        """Ask for one more video, if it may be begun and none is asked for."""
        if self._shutdown.is_asked or not self._intake.may_ask:
            return
        if self._dispatcher.may_begin(sparing=self._watchdog.memory.is_over):
            in_work = len(self._dispatcher.active) + len(self._background)
            self._intake.ask(lambda: self._admission.acquire(in_work), self._on_acquired)

    def _on_acquired(self, queued: QueuedVideo | None) -> None:
        if queued is not None and not self._shutdown.is_asked:
            self._dispatcher.begin(queued)

    def _take_events(self) -> None:
        for worker, message in self._pool.events(LOOK_EVERY_S):
            if message is None:
                self._on_death(worker)
            elif isinstance(message, msg.Ready):
                worker.ready, worker.failed_starts = True, 0
            elif isinstance(message, msg.NotReady):
                self._on_not_ready(worker, message)
            else:
                self._dispatcher.take(worker, message)
        self._background.take()
        self._intake.release(self._dispatcher.is_held)
        self._watchdog.look(self._dispatcher.awaits, self._listener.on_event)

    def _on_not_ready(self, worker: WorkerHandle, message: msg.NotReady) -> None:
        """End a run whose models cannot be loaded. Where that worked before, it is tried again: it may be for want of
        memory that a process which died has not given back yet."""
        text = f"{worker.name} cannot start: {message.message}"
        if not self._dispatcher.jobs:
            raise InputError("not_ready", text)
        self._dispatcher.tell("not_ready", text, worker.kind, level="warning", more={"worker": worker.name})

    def _on_death(self, worker: WorkerHandle) -> None:
        """Replace a worker that died, and begin again what it held."""
        died = WorkerDied(worker.name, worker.process.exitcode, worker.silent_s, worker.over_gb)
        if not worker.ready:
            worker.failed_starts += 1
            if worker.failed_starts == MAX_FAILED_STARTS:
                raise died
        text = f"{died.what}; it is started again"
        self._dispatcher.tell("worker_died", text, worker.kind, level="warning", more={"worker": worker.name})
        held = dict(worker.holds)
        self._pool.replace(worker)
        self._dispatcher.lose(worker, died, held)
