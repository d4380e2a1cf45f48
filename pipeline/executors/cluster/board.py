"""The videos that a cluster has in work: which stage of which one waits for a worker, and what came of the others.

Knows no engine. An engine takes orders from here, has them done somewhere, and brings the answers.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from config import Config
from pipeline.clips.worker import FinishedVideo
from pipeline.errors import WorkerDied
from pipeline.executors.admission import Intake, Wanted
from pipeline.executors.base import Listener, done, extras_note, failed
from pipeline.executors.cluster.worker import KINDS, Begun, Order, Outcome
from pipeline.executors.events import Event, stage_done
from pipeline.executors.local.messages import Alive, Failed, Progress
from pipeline.outputs.extras import wanted
from pipeline.stages import Models, Prepared, VideoJob


@dataclass(slots=True)
class _Attempt:
    """A video in work."""

    video: VideoJob
    begun_s: float
    missing: set[str]
    """Those of vision and speech that have not answered."""
    prepared: Prepared | None = None
    begun: dict[str, int] = field(default_factory=dict)
    """How often each stage was begun."""
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    finished: FinishedVideo | None = None
    """Clips and manifest, while what is asked for beside them is still to be written."""


class Board:
    """All videos between intake and result.

    Args:
        config: settings of the run.
        models: of the run.
        intake: where videos come from.
        listener: is told what happens.
        start_s: when the run began, on ``time.time``.
    """

    def __init__(self, config: Config, models: Models, intake: Intake, listener: Listener, start_s: float) -> None:
        self._config, self._models, self._intake, self._listener = config, models, intake, listener
        self._start_s = start_s
        self._active: dict[int, _Attempt] = {}
        self._waiting: dict[str, deque[int]] = {kind: deque() for kind in KINDS}
        self._jobs = 0
        self.peak = 0
        """The most videos that were in work at a time."""

    def __len__(self) -> int:
        return len(self._active)

    @property
    def videos(self) -> list[VideoJob]:
        """Those in work."""
        return [attempt.video for attempt in self._active.values()]

    def begin(self, wanted: Wanted) -> None:
        """Takes one more video."""
        self._jobs += 1
        video = wanted.video
        missing = {"vision", "speech"} - video.kept
        self._active[self._jobs] = _Attempt(video, wanted.begun_s, missing)
        for kind in missing or {"mux"}:
            self._waiting[kind].append(self._jobs)
        self.peak = max(self.peak, len(self._active))

    def next(self, kind: str) -> Order | None:
        """What a worker of this kind has to do next."""
        while self._waiting[kind]:
            job = self._waiting[kind].popleft()
            attempt = self._active.get(job)
            if attempt is not None:
                took_s = {stage: end_s - start_s for stage, (start_s, end_s) in attempt.spans.items()}
                return Order(job, attempt.video, attempt.prepared, took_s, attempt.finished)
        return None

    def report(self, message: Begun | Alive | Progress) -> None:
        """What a worker says of its work while it goes on."""
        attempt = self._active.get(message.job)
        if attempt is None:
            return
        if isinstance(message, Progress):
            self._listener.on_progress(attempt.video, message.stage, message.done, message.total)
        elif isinstance(message, Begun):
            count = attempt.begun[message.kind] = attempt.begun.get(message.kind, 0) + 1
            if count > 1:
                text = f"begun again, try {count} of {self._config.MAX_TRIES}: the worker that had it was lost"
                self._tell(
                    "again",
                    text,
                    attempt,
                    message.kind,
                    level="warning",
                    more={"try": count, "machine": message.machine},
                )

    def answer(self, kind: str, order: Order, outcome: Outcome | Failed) -> None:
        """What came of an order."""
        attempt = self._active.get(order.job)
        if attempt is None:
            return
        if isinstance(outcome, Failed) and attempt.finished is not None:
            self._end_without_extras(order.job, attempt, outcome.message)
            return
        if isinstance(outcome, Failed):
            self._give_up(order.job, outcome.reason_code, outcome.message, outcome.traceback)
            return
        attempt.notes += outcome.notes
        for stage, (began_s, ended_s) in outcome.spans.items():
            attempt.spans[stage] = (began_s - self._start_s, ended_s - self._start_s)
            length_s = outcome.prepared.probe.length_s
            self._listener.on_event(stage_done(attempt.video, stage, length_s, ended_s - began_s))
        attempt.prepared = outcome.prepared
        if outcome.finished is not None:
            is_first, attempt.finished = attempt.finished is None, outcome.finished
            if is_first and wanted(self._config):
                attempt.begun.pop(kind, None)
                self._waiting[kind].append(order.job)
            else:
                self._end_done(order.job, attempt)
            return
        attempt.missing.discard(kind)
        if not attempt.missing:
            self._waiting["mux"].append(order.job)

    def lost(self, kind: str, order: Order, died: WorkerDied) -> None:
        """The worker that had the order is gone: another does it, unless it was begun too often."""
        attempt = self._active.get(order.job)
        if attempt is None:
            return
        if attempt.begun.get(kind, 0) < self._config.MAX_TRIES:
            self._waiting[kind].appendleft(order.job)
        elif attempt.finished is not None:
            self._end_without_extras(order.job, attempt, str(died))
        else:
            self._give_up(order.job, died.reason_code, str(died), "")

    def _end_without_extras(self, job: int, attempt: _Attempt, why: str) -> None:
        attempt.notes += (extras_note(why),)
        self._end_done(job, attempt)

    def _end_done(self, job: int, attempt: _Attempt) -> None:
        video, prepared, finished = attempt.video, attempt.prepared, attempt.finished
        if prepared is None or finished is None:
            raise RuntimeError(f"{video.path}: expected clips before the end, got none")
        del self._active[job]
        result = done(video, prepared, finished, self._models, attempt.begun_s, attempt.spans, attempt.notes)
        self._listener.on_result(video, result)
        self._intake.release(video)

    def _give_up(self, job: int, code: str, message: str, trace: str) -> None:
        attempt = self._active.pop(job)
        self._listener.on_result(attempt.video, failed(attempt.video, code, message, trace, attempt.begun_s))
        self._intake.release(attempt.video)

    def _tell(self, name: str, message: str, attempt: _Attempt, stage: str, **more: Any) -> None:
        self._listener.on_event(Event(name, message, attempt.video, stage, **more))
