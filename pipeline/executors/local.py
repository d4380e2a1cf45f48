"""The executor for one machine: processes side by side, fed by one parent that holds all state.

Every message goes through the parent, which waits on all pipes and all processes at once. So a queue is a list in one
process, its bound is a condition in one place, and a worker that dies, or hangs and is ended, takes nothing with it:
its videos are begun again, up to ``MAX_TRIES`` times, and the others do not notice.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from config import Config
from pipeline.errors import InputError, WorkerDied
from pipeline.executors import messages as say
from pipeline.executors.attempt import Attempt
from pipeline.executors.base import Listener, done, failed, log, remove_old_manifest
from pipeline.executors.crew import Crew, Worker
from pipeline.executors.ring import PictureFormat
from pipeline.stages import STAGES, Models, Prepared, Stages, VideoJob

LOOK_EVERY_S = 1.0
"""The parent looks around this often even when nobody says anything."""

START_WITHIN_S = 600.0
"""Time that a worker gets to load its models, if ``HANG_S`` is not longer."""

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
        self._in_flight = int(config.MAX_VIDEOS_IN_FLIGHT)
        self._waiting: deque[tuple[VideoJob, int, float]] = deque()
        self._active: dict[int, Attempt] = {}
        self._to_hear: deque[int] = deque()
        self._to_finish: deque[int] = deque()
        self._ring_of: dict[Worker, int] = {}
        self._jobs = 0
        self._peaks = {"videos": 0, "speech": 0, "finish": 0, "pictures": 0}
        self._ring_bound = 0
        self._start_s = time.monotonic()

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """Bound and peak of each queue; ``pictures`` counts frames in one ring."""
        bounds = dict.fromkeys(self._peaks, self._in_flight) | {"pictures": self._ring_bound}
        return {name: {"bound": bounds[name], "peak": peak} for name, peak in self._peaks.items()}

    def run(self, videos: Sequence[VideoJob], listener: Listener) -> None:
        """As `Executor.run`."""
        self._listener = listener
        self._waiting.extend((video, 1, 0.0) for video in videos)
        at_once = True
        try:
            self._crew.start()
            while not all(worker.ready for worker in self._crew.workers):
                self._take_events()
            while self._waiting or self._active:
                self._give_work()
                self._take_events()
            at_once = False
        finally:
            self._crew.stop(at_once)

    def _take_events(self) -> None:
        for worker, message in self._crew.events(LOOK_EVERY_S):
            if message is None:
                self._on_death(worker)
            elif isinstance(message, say.Ready):
                worker.ready, worker.failed_starts = True, 0
            elif isinstance(message, say.NotReady):
                raise InputError("not_ready", f"{worker.name} cannot start: {message.message}")
            else:
                self._on_message(worker, message)
        self._end_the_silent()

    def _end_the_silent(self) -> None:
        """Ends workers that have had the word for too long; their death is noticed as any other."""
        now_s = time.monotonic()
        for worker in self._crew.workers:
            most_s = self._config.HANG_S if worker.ready else max(self._config.HANG_S, START_WITHIN_S)
            if now_s - worker.heard_s > most_s and not worker.silent_s and self._is_awaited(worker):
                worker.silent_s = now_s - worker.heard_s
                worker.process.kill()

    def _is_awaited(self, worker: Worker) -> bool:
        held = [self._active.get(job) for job in worker.jobs]
        return not worker.ready or any(attempt is None or attempt.waits_for(worker) for attempt in held)

    def _give_work(self) -> None:
        """Hands out everything that somebody is free for."""
        for decoder in self._free("decode"):
            if self._waiting and len(self._active) < self._in_flight:
                video, tries, begun_s = self._waiting.popleft()
                self._jobs += 1
                self._active[self._jobs] = Attempt(video, tries, decoder, begun_s or time.monotonic())
                self._assign(decoder, say.Decode(self._jobs, video))
        for worker in self._free("speech"):
            if self._to_hear:
                job = self._to_hear.popleft()
                self._assign(worker, say.Hear(job, self._prepared(job), self._active[job].video.transcript))
        for worker in self._free("mux"):
            if self._to_finish:
                job = self._to_finish.popleft()
                active = self._active[job]
                tracks, transcript = active.results["vision"], active.results["speech"]
                self._assign(worker, say.Finish(job, active.video, self._prepared(job), tracks, transcript))
        self._note("videos", len(self._active))

    def _free(self, kind: str) -> list[Worker]:
        return [worker for worker in self._crew.of(kind) if worker.ready and not worker.jobs]

    def _assign(self, worker: Worker, order: Any) -> None:
        worker.jobs.add(order.job)
        worker.tell(order)

    def _prepared(self, job: int) -> Prepared:
        prepared = self._active[job].prepared
        assert prepared is not None
        return prepared

    def _note(self, queue: str, length: int) -> None:
        self._peaks[queue] = max(self._peaks[queue], length)

    def _on_message(self, worker: Worker, message: Any) -> None:
        if isinstance(message, say.Idle) or (worker.kind != "decode" and isinstance(message, say.Done | say.Failed)):
            worker.jobs.discard(message.job)
        active = self._active.get(message.job)
        if active is None:
            return
        match message:
            case say.Opened(job, prepared, form):
                self._on_opened(job, active, prepared, form)
            case say.Pictures(job, first, count):
                active.written = first + count
                self._note("pictures", active.written - active.needed)
                assert active.seer is not None
                active.unseen += 1
                active.seer.tell(message)
            case say.EndOfPictures():
                self._clock(active, "decode", active.begun_s, time.monotonic())
                assert active.seer is not None
                active.unseen += 1
                active.seer.tell(message)
            case say.Room(job, needed):
                active.needed = needed
                active.unseen -= 1
                active.decoder.tell(message)
            case say.Progress(_, stage, amount, total):
                self._listener.on_progress(active.video, stage, amount, total)
            case say.Done(job, value, began_s, ended_s, notes):
                active.notes += notes
                self._on_done(worker, job, active, value, (began_s, ended_s))
            case say.Failed(job, code, text, trace):
                self._give_up(job)
                self._end(active, failed(active.video, code, text, trace, active.begun_s))

    def _on_opened(self, job: int, active: Attempt, prepared: Prepared, form: PictureFormat) -> None:
        """The sound is there: both branches can begin."""
        active.prepared, active.form = prepared, form
        self._ring_bound = max(self._ring_bound, form.capacity)
        self._to_hear.append(job)
        self._note("speech", len(self._to_hear))
        active.seer = min(self._crew.of("vision"), key=lambda worker: len(worker.jobs))
        self._assign(active.seer, say.See(job, prepared, form, active.decoder.number))
        self._begin_pictures(active.decoder)

    def _begin_pictures(self, decoder: Worker) -> None:
        """Lets *decoder* write pictures when its ring is free and a job of its own waits for that."""
        if decoder not in self._ring_of:
            for job in decoder.jobs:
                if job in self._active and self._active[job].form is not None:
                    self._ring_of[decoder] = job
                    self._active[job].has_ring = True
                    decoder.tell(say.Begin(job))
                    return

    def _free_ring(self, job: int) -> None:
        for decoder, holder in list(self._ring_of.items()):
            if holder == job:
                del self._ring_of[decoder]
                self._begin_pictures(decoder)

    def _clock(self, active: Attempt, stage: str, began_s: float, ended_s: float) -> None:
        active.timings[stage] = (began_s - self._start_s, ended_s - self._start_s)

    def _on_done(self, worker: Worker, job: int, active: Attempt, value: Any, span_s: tuple[float, float]) -> None:
        self._clock(active, worker.kind, *span_s)
        if worker.kind == "mux":
            del self._active[job]
            self._end(
                active, done(active.video, value, self._models, active.begun_s, active.timings, active.notes), job
            )
            return
        active.results[worker.kind] = value
        if worker.kind == "vision":
            self._free_ring(job)
        if len(active.results) == 2:
            self._to_finish.append(job)
            self._note("finish", len(self._to_finish))

    def _give_up(self, job: int) -> None:
        """Forgets one attempt; whoever still works on it is told or ignored."""
        active = self._active.pop(job)
        for queue in (self._to_hear, self._to_finish):
            if job in queue:
                queue.remove(job)
        active.decoder.tell(say.Cancel(job))
        if active.seer is not None:
            active.seer.jobs.discard(job)
            active.seer.tell(say.Cancel(job))
        self._free_ring(job)
        self._remove_sound(job)

    def _end(self, active: Attempt, result: Any, job: int | None = None) -> None:
        if job is not None:
            self._remove_sound(job)
        if result.status == "failed":
            remove_old_manifest(active.video.folder)
        self._listener.on_result(result)

    def _remove_sound(self, job: int) -> None:
        (self._work_dir / f"{job}.pcm").unlink(missing_ok=True)

    def _on_death(self, worker: Worker) -> None:
        """Replaces a worker that died, and begins its videos again or sets them aside."""
        died = WorkerDied(worker.name, worker.process.exitcode, worker.silent_s)
        held = [job for job in worker.jobs if job in self._active]
        if not worker.ready:
            worker.failed_starts += 1
            if worker.failed_starts == MAX_FAILED_STARTS or not self._jobs:
                raise died
        log.warning("%s; it is started again", died.what)
        self._crew.replace(worker)
        for job in held:
            active = self._active[job]
            self._give_up(job)
            if active.tries < self._config.MAX_TRIES:
                self._waiting.append((active.video, active.tries + 1, active.begun_s))
            else:
                self._end(active, failed(active.video, died.reason_code, str(died), "", active.begun_s))
