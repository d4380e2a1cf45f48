"""Which stage of which video runs next: pure, without a process and without a clock.

A *job* is one video in work, known by a number; numbers rise in the order of admission. Each stage of a job waits until
all that it needs has ended, is handed out with `Scheduler.next`, and ends with `done`, `failed` or `lost`. A job ends
once: when all its stages have ended, or with the first failure of a stage that is not optional.

The executors for one process, one machine and a cluster share it.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.stage import Graph, Stage, StageResult


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a stage could not be done."""

    reason_code: str
    message: str
    traceback: str = ""


@dataclass(slots=True)
class Ended:
    """The end of a job."""

    job: int
    notes: tuple[str, ...]
    """Remarks of its stages, and of outputs that could not be made, in the order in which they came."""
    summary: Any = None
    """Of the final stage."""
    failure: Failure | None = None
    """Why it failed; None where it is done."""
    dropped: frozenset[str] = frozenset()
    """Outputs that could not be made."""


@dataclass(slots=True)
class _Job:
    left: set[str]
    """Stages that have not ended."""
    running: set[str] = field(default_factory=set[str])
    queued: set[str] = field(default_factory=set[str])
    tries: dict[str, int] = field(default_factory=dict[str, int])
    dropped: set[str] = field(default_factory=set[str])
    """Outputs that could not be made."""
    notes: list[str] = field(default_factory=list[str])
    summary: Any = None


class Scheduler:
    """The queues between stages.

    Args:
        graph: the stages, and which of them need which.
        stages: those that are asked for.
        max_tries: how often a stage of a job is begun when the worker that holds it is lost.
    """

    def __init__(self, graph: Graph, stages: Sequence[Stage], max_tries: int) -> None:
        self._stages = {stage.name: stage for stage in stages}
        self._before = {stage.name: graph.before(stage) & self._stages.keys() for stage in stages}
        self._needs = {
            stage.name: frozenset(graph.maker(artifact).name for artifact in stage.needs) for stage in stages
        }
        self._final = graph.final.name
        self._max_tries = max_tries
        self._jobs: dict[int, _Job] = {}
        self._queues: dict[str, list[int]] = {name: [] for name in self._stages}
        self._peaks = dict.fromkeys(self._stages, 0)

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job: int) -> bool:
        return job in self._jobs

    @property
    def peaks(self) -> Mapping[str, int]:
        """The most jobs that each stage has had waiting."""
        return self._peaks

    def add(
        self, job: int, kept: Collection[str] = (), summary: Any = None, left_out: Collection[str] = ()
    ) -> Ended | None:
        """Take a video in work.

        Args:
            job: a number that was never used.
            kept: stages whose results are there already.
            summary: of the final stage, where that is among them.
            left_out: stages that are not run of this video, and have no results; those that need one of them are not
                run either.

        Returns:
            Its end, where nothing is to be done.
        """
        missing = set(left_out) - set(kept)
        for name, needs in self._needs.items():
            if name not in kept and needs & missing:
                missing.add(name)
        left = set(self._stages) - set(kept) - missing
        # What an earlier stage would make anew, a later one that is kept does not need.
        self._jobs[job] = _Job(left, summary=summary)
        return self._advance(job)

    def is_left(self, job: int, stage: str) -> bool:
        """Return True where a stage of a job in work has not ended."""
        return job in self._jobs and stage in self._jobs[job].left

    def waiting(self, stage: str) -> int:
        """Return how many jobs wait for a worker of *stage*."""
        return sum(job in self._jobs and stage in self._jobs[job].queued for job in self._queues[stage])

    def next(self, stages: Sequence[str]) -> tuple[str, int] | None:
        """Hand out the stage that has waited for a worker of these *stages*: the video admitted first goes first.

        Of one video's stages the later one goes first: it may end the video.
        """
        best: tuple[int, int, str] | None = None
        for place, name in enumerate(stages):
            queue = self._queues.get(name, [])
            while queue and not (queue[0] in self._jobs and name in self._jobs[queue[0]].queued):
                heapq.heappop(queue)
            if queue and (best is None or (queue[0], -place) < best[:2]):
                best = queue[0], -place, name
        if best is None:
            return None
        job, _, name = best
        heapq.heappop(self._queues[name])
        state = self._jobs[job]
        state.queued.discard(name)
        state.running.add(name)
        return name, job

    def begun(self, stage: str, job: int) -> int:
        """Note that a worker has begun a stage; return how often that has happened to this job."""
        if job not in self._jobs:
            return 0
        tries = self._jobs[job].tries
        tries[stage] = tries.get(stage, 0) + 1
        return tries[stage]

    def done(self, stage: str, job: int, result: StageResult) -> Ended | None:
        """Note that a stage has made what it makes; return the job's end where that was the last."""
        if not self.is_running(stage, job):
            return None
        state = self._jobs[job]
        state.running.discard(stage)
        state.left.discard(stage)
        state.notes += result.notes
        if stage == self._final:
            state.summary = result.summary
        return self._advance(job)

    def failed(self, stage: str, job: int, failure: Failure) -> Ended | None:
        """Note that a stage cannot be done: the job fails with it, unless the stage is optional."""
        if not self.is_running(stage, job):
            return None
        if not self._stages[stage].optional:
            return self.cancel(job, failure)
        state = self._jobs[job]
        state.running.discard(stage)
        self._drop(state, stage, failure.message)
        return self._advance(job)

    def lost(self, stage: str, job: int, failure: Failure) -> Ended | None:
        """Note that the worker is gone that held a stage: it is begun again, unless it was begun too often."""
        if not self.is_running(stage, job):
            return None
        state = self._jobs[job]
        if state.tries.get(stage, 0) >= self._max_tries:
            return self.failed(stage, job, failure)
        state.running.discard(stage)
        self._queue(job, stage)
        return None

    def cancel(self, job: int, failure: Failure) -> Ended | None:
        """End a job whatever its stages do; what is said of it later is passed over."""
        state = self._jobs.pop(job, None)
        return None if state is None else Ended(job, tuple(state.notes), failure=failure)

    def is_running(self, stage: str, job: int) -> bool:
        """Return True where a worker holds a stage of a job."""
        return job in self._jobs and stage in self._jobs[job].running

    def _queue(self, job: int, stage: str) -> None:
        self._jobs[job].queued.add(stage)
        heapq.heappush(self._queues[stage], job)
        self._peaks[stage] = max(self._peaks[stage], self.waiting(stage))

    def _drop(self, state: _Job, stage: str, why: str) -> None:
        state.left.discard(stage)
        state.dropped.add(stage)
        state.notes.append(f"{stage} could not be written: {why}")

    def _advance(self, job: int) -> Ended | None:
        """Queue the stages that can begin now; end the job where none is left."""
        state = self._jobs[job]
        for name in self._stages:
            if name not in state.left or name in state.running or name in state.queued:
                continue
            if self._needs[name] & state.dropped:
                self._drop(state, name, "the output that it is made of is missing")
            elif not self._before[name] & state.left:
                self._queue(job, name)
        if state.left:
            return None
        del self._jobs[job]
        return Ended(job, tuple(state.notes), state.summary, dropped=frozenset(state.dropped))
