"""The executor for a cluster, whatever engine places its workers.

A worker group is a vision, a speech and a clips worker on one machine; each has one stage of one video at a time. Paths
go in and small values come out: pictures and sound never leave the machine that decodes them. The driver holds all
state of the run, and all results lie on storage that every machine sees, so that a driver that dies loses nothing that
was finished.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import InputError, WorkerDied
from pipeline.executors.admission import AdmissionQueue, QueuedVideo
from pipeline.executors.background import Background
from pipeline.executors.base import START_WITHIN_S, Attempt, Listener, kept_summary
from pipeline.executors.cluster.backend import ActorHandle, ClusterBackend, Lost, WorkerGroup
from pipeline.executors.cluster.resources import group_count, stages_of
from pipeline.executors.cluster.worker import NOT_READY, Begun, Outcome, Readiness, RunStage
from pipeline.executors.events import Event, begun_again, stage_done
from pipeline.executors.intake import Intake
from pipeline.executors.reports import Failed, Heartbeat, Progress
from pipeline.executors.scheduler import Ended, Failure, Scheduler
from pipeline.executors.shutdown import Shutdown
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig, videos_in_flight
from pipeline.results import remove_partial
from pipeline.stage import Graph, Models, VideoJob
from pipeline.types import FinishedVideo

LOOK_EVERY_S = 0.5
"""The driver looks around this often even when nobody answers."""

ASK_AGAIN_S = 5.0
"""A worker that was lost is asked again after this time whether it is back."""

BACK_WITHIN_S = 60.0
"""Time that the engine gets to bring a lost worker back before its group is given up for a new one."""


Acquired = tuple[QueuedVideo, FinishedVideo | None, Failure | None]
"""A video, the summary of its final stage where an earlier run has done it, and why that cannot be read."""


class ClusterExecutor:
    """Runs the stages on the machines of a cluster.

    Args:
        config: settings.
        models: of the run.
        work_dir: of the driver; every worker has its own.
        backend: places the workers.
        graph: the stages.
    """

    def __init__(
        self, config: ResolvedConfig, models: Models, work_dir: Path, backend: ClusterBackend, graph: Graph = GRAPH
    ) -> None:
        self._config, self._models, self._work_dir, self._backend = config, models, work_dir, backend
        self._graph = graph
        self._stages = {kind: [stage.name for stage in each] for kind, each in stages_of(graph, config).items()}
        self._shutdown = Shutdown(config.GRACE_S)
        self._groups: list[WorkerGroup] = []
        self._active: dict[int, Attempt] = {}
        self._jobs = self._in_flight = self._peak = 0
        self._is_staffed = False
        self._staffed_s = self._looked_s = time.monotonic()

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """Return bound and peak of the videos in work; the other queues are the engine's."""
        return {"videos": {"bound": self._in_flight, "peak": self._peak}}

    @property
    def peak_bytes(self) -> int:
        """0: the engine watches over the memory of its machines."""
        return 0

    def interrupt(self) -> None:
        """Begin no more videos, and give those in flight ``GRACE_S`` to end."""
        self._shutdown.ask()

    def run(self, videos: Sequence[VideoJob], listener: Listener) -> None:
        """Work until every video has a result; errors as of `Executor.run`."""
        if not videos:
            return
        self._listener = listener
        self._admission = AdmissionQueue(self._config, self._work_dir, videos, listener, self._graph)
        self._scheduler = Scheduler(self._graph, self._graph.asked(self._config), self._config.MAX_TRIES)
        self._background = Background()
        self._intake = Intake(self._admission, self._background, self._models, LOOK_EVERY_S)
        self._start_s = time.time()
        try:
            self._backend.open(videos)
            self._start_groups(len(videos))
            while len(self._admission) or self._active or len(self._background):
                self._shutdown.check(self._admission, len(self._active), len(self._background), listener.on_event)
                self._admit()
                self._give_work()
                self._take_answers()
                self._background.take()
                self._intake.release(self._is_held)
                self._look_after_workers()
            if self._shutdown.is_asked:
                raise KeyboardInterrupt
            self._backend.tidy([worker for worker in self._workers if worker.ready])
        finally:
            self._admission.close()
            self._backend.close(self._workers)
            self._background.close()
            for attempt in self._active.values():
                remove_partial(attempt.video.folder)
            self._admission.release_all()

    @property
    def _workers(self) -> list[ActorHandle]:
        return [worker for group in self._groups for worker in group.workers]

    def _start_groups(self, videos: int) -> None:
        count = min(group_count(self._config, self._graph, self._backend.machines()), videos)
        self._in_flight = videos_in_flight(self._config, 2 * count + 2)
        for _ in range(count):
            self._groups.append(self._new_group())
        self._tell("teams", f"teams of workers asked of the cluster: {count}", more={"teams": count})

    def _new_group(self) -> WorkerGroup:
        group = self._backend.new_group()
        for worker in group.workers:
            self._ask(worker)
        return group

    def _ask(self, worker: ActorHandle) -> None:
        """Ask a worker whether it can work."""
        worker.order, worker.heard_s = None, time.monotonic()
        worker.asked = self._backend.ask(worker)

    def _admit(self) -> None:
        """Ask for as many videos as may be begun, if none is asked for."""
        if self._shutdown.is_asked or not self._intake.may_ask:
            return
        count = self._in_flight - len(self._active)
        if self._is_staffed and count > 0:
            in_work = len(self._active) + len(self._background)
            self._intake.ask(lambda: self._acquire(count, in_work), self._on_acquired)

    def _acquire(self, count: int, in_work: int) -> list[Acquired]:
        """Take up to *count* videos, and read what an earlier run has made of each. Called in the background."""
        found: list[Acquired] = []
        while len(found) < count and not self._shutdown.is_asked:
            queued = self._admission.acquire(in_work + len(found))
            if queued is None:
                break
            try:
                found.append((queued, kept_summary(self._graph, queued.video), None))
            except InputError as error:
                found.append((queued, None, Failure(error.reason_code, str(error))))
        return found

    def _on_acquired(self, found: list[Acquired]) -> None:
        if self._shutdown.is_asked:
            return
        for queued, summary, failure in found:
            self._jobs += 1
            self._active[self._jobs] = Attempt(queued.video, queued.begun_s)
            self._peak = max(self._peak, len(self._active))
            ended = self._scheduler.add(self._jobs, queued.video.kept, summary, queued.video.left_out)
            self._end_with(self._jobs, ended if failure is None else self._scheduler.cancel(self._jobs, failure))

    def _give_work(self) -> None:
        for worker in self._workers:
            if worker.ready and worker.asked is None:
                handed = self._scheduler.next(self._stages[worker.kind])
                if handed is not None:
                    stage, job = handed
                    attempt = self._active[job]
                    took_s = {name: end_s - start_s for name, (start_s, end_s) in attempt.timings.items()}
                    order = RunStage(job, stage, attempt.video, attempt.opened, took_s)
                    worker.order, worker.heard_s, worker.silent_s = order, time.monotonic(), 0.0
                    worker.asked = self._backend.do(worker, order)

    def _take_answers(self) -> None:
        by_asked = {worker.asked: worker for worker in self._workers if worker.asked is not None}
        if not by_asked:
            time.sleep(LOOK_EVERY_S if not len(self._background) else min(LOOK_EVERY_S, 0.01))
            return
        answers = self._backend.answers(list(by_asked), LOOK_EVERY_S)
        self._take_reports()
        for asked, answer in answers:
            worker = by_asked[asked]
            order, worker.order, worker.asked = worker.order, None, None
            if isinstance(answer, Lost):
                text = f"a {worker.kind} worker was lost: {answer.why}"
                self._tell("worker_died", text, stage=worker.kind, level="warning")
                self._lose(worker, order)
            elif order is None or (isinstance(answer, Failed) and answer.reason_code == NOT_READY):
                self._on_readiness(worker, order, answer)
            elif isinstance(answer, Failed):
                failure = Failure(answer.reason_code, answer.message, answer.traceback)
                self._end_with(order.job, self._scheduler.failed(order.stage, order.job, failure))
            else:
                self._on_outcome(order, answer)

    def _on_outcome(self, order: RunStage, outcome: Outcome) -> None:
        attempt = self._active.get(order.job)
        if attempt is None or not self._scheduler.is_running(order.stage, order.job):
            return
        attempt.opened = outcome.opened
        for stage, (began_s, ended_s) in outcome.spans.items():
            attempt.timings[stage] = (began_s - self._start_s, ended_s - self._start_s)
            length_s = outcome.opened.probe.length_s
            self._listener.on_event(stage_done(attempt.video, stage, length_s, ended_s - began_s))
        self._end_with(order.job, self._scheduler.done(order.stage, order.job, outcome.result))

    def _end_with(self, job: int, ended: Ended | None) -> None:
        if ended is not None:
            self._intake.end(job, self._active.pop(job), ended)

    def _is_held(self, job: int) -> bool:
        """Return True while a worker has a job in its hands, though its video may have ended."""
        return any(worker.order is not None and worker.order.job == job for worker in self._workers)

    def _on_readiness(self, worker: ActorHandle, order: RunStage | None, answer: Readiness | Failed) -> None:
        """End a run whose models cannot be loaded. Where that worked before, the worker is started again."""
        if isinstance(answer, Readiness):
            worker.machine = answer.machine
        fault = answer.fault if isinstance(answer, Readiness) else answer.message
        if not fault:
            worker.ready, worker.lost_s = True, 0.0
            self._is_staffed = self._is_staffed or any(group.is_ready for group in self._groups)
            return
        text = f"{worker.kind} cannot start: {fault}"
        if not self._is_staffed:
            raise InputError("not_ready", text)
        self._tell("not_ready", text, stage=worker.kind, level="warning")
        self._backend.restart(worker)
        self._lose(worker, order)

    def _lose(self, worker: ActorHandle, order: RunStage | None) -> None:
        """Give its stage to another worker; the lost one is asked again later whether it is back."""
        now_s = time.monotonic()
        worker.ready, worker.lost_s, worker.heard_s = False, worker.lost_s or now_s, now_s
        if order is not None:
            died = WorkerDied(worker.kind, None, worker.silent_s)
            failure = Failure(died.reason_code, str(died))
            self._end_with(order.job, self._scheduler.lost(order.stage, order.job, failure))

    def _take_reports(self) -> None:
        """Take reports, which were sent before the answers."""
        for kind, message in self._backend.reports():
            order: RunStage | None = None
            for worker in self._workers:
                if worker.kind == kind and worker.order is not None and _is_about(message, worker.order):
                    worker.heard_s = time.monotonic()
                    order = worker.order
                    if isinstance(message, Begun):
                        worker.machine, worker.lost_s = message.machine, 0.0
            self._on_report(message, order)

    def _on_report(self, message: Begun | Heartbeat | Progress, order: RunStage | None) -> None:
        attempt = self._active.get(message.job)
        if attempt is None:
            return
        if isinstance(message, Progress):
            self._listener.on_progress(attempt.video, message.stage, message.done, message.total)
        elif isinstance(message, Begun) and order is not None:
            count = self._scheduler.begun(order.stage, order.job)
            if count > 1:
                why = f"try {count} of {self._config.MAX_TRIES}: the worker that had it was lost"
                more = {"try": count, "machine": message.machine}
                self._listener.on_event(begun_again(attempt.video, order.stage, why, **more))

    def _look_after_workers(self) -> None:
        """Restart workers that hang, and give up groups that do not come back."""
        now_s = time.monotonic()
        if now_s - self._looked_s > ASK_AGAIN_S:
            self._looked_s = now_s
            living = self._backend.living()
            for worker in self._workers:
                if worker.machine and worker.machine not in living:
                    worker.lost_s, worker.ready = worker.lost_s or now_s, False
        for worker in self._workers:
            self._excuse_start(worker, now_s)
            silent_s = now_s - worker.heard_s
            if worker.order is not None and silent_s > self._config.HANG_S:
                worker.silent_s, worker.heard_s, worker.starting_s = silent_s, now_s, 0.0
                self._backend.restart(worker)
            elif worker.asked is None and not worker.ready and silent_s > ASK_AGAIN_S:
                self._ask(worker)
        if any(group.is_ready for group in self._groups):
            self._staffed_s = now_s
            for group in self._groups:
                if any(worker.lost_s and now_s - worker.lost_s > BACK_WITHIN_S for worker in group.workers):
                    self._replace(group)
        elif now_s - self._staffed_s > max(self._config.HANG_S, START_WITHIN_S):
            raise WorkerDied("of every team", None)

    def _excuse_start(self, worker: ActorHandle, now_s: float) -> None:
        """Count a worker that the engine is starting again as heard, unless that takes too long."""
        if not self._backend.is_starting(worker):
            worker.starting_s = 0.0
            return
        worker.starting_s = worker.starting_s or now_s
        if now_s - worker.starting_s <= START_WITHIN_S:
            worker.heard_s = now_s

    def _replace(self, group: WorkerGroup) -> None:
        """Give up a group whose machine is gone; another is asked for, and works when there is room for it."""
        self._tell("worker_died", "a team has not come back; another is asked of the cluster", level="warning")
        self._backend.give_up(group)
        for worker in group.workers:
            if worker.order is not None:
                self._lose(worker, worker.order)
        self._groups[self._groups.index(group)] = self._new_group()

    def _tell(self, name: str, message: str, stage: str = "", **more: Any) -> None:
        self._listener.on_event(Event(name, message, None, stage, **more))


def _is_about(message: Begun | Heartbeat | Progress, order: RunStage) -> bool:
    """Return True for a report of this order: several stages of a video may be at work."""
    return (message.job, message.stage) == (order.job, order.stage)
