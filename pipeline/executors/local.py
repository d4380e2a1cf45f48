"""The executor for one machine: processes side by side, fed by one parent that holds all state.

Every message goes through the parent, which waits on all pipes and all processes at once. So a queue is a list in one
process, its bound is a condition in one place, and a worker that dies, or hangs and is ended, takes nothing with it:
its videos are begun again, up to ``MAX_TRIES`` times, and the others do not notice.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from config import Config
from pipeline.clips.worker import FinishedVideo, finished_of
from pipeline.errors import InputError, WorkerDied
from pipeline.executors import messages as say
from pipeline.executors.attempt import Attempt
from pipeline.executors.base import Listener, done, failed
from pipeline.executors.crew import Crew, Worker
from pipeline.executors.intake import Intake
from pipeline.executors.journal import Event
from pipeline.executors.ring import PictureFormat
from pipeline.executors.supervision import Supervisor
from pipeline.outputs.extras import wanted
from pipeline.outputs.kept import MANIFEST, put_in_place, remove_partial
from pipeline.stages import STAGES, Models, Prepared, Stages, VideoJob, describe
from pipeline.types import VideoResult

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
        self._in_flight = int(config.MAX_VIDEOS_IN_FLIGHT)
        self._active: dict[int, Attempt] = {}
        self._to_hear: deque[int] = deque()
        self._to_finish: deque[int] = deque()
        self._to_extras: deque[int] = deque()
        self._ring_of: dict[Worker, int] = {}
        self._jobs = 0
        self._peaks = {"videos": 0, "speech": 0, "finish": 0, "pictures": 0}
        self._has_extras = bool(wanted(config))
        if self._has_extras:
            self._peaks["extras"] = 0
        self._ring_bound = 0
        self._start_s = time.monotonic()
        self._stop_at_s = math.inf

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """Bound and peak of each queue; ``pictures`` counts frames in one ring."""
        bounds = dict.fromkeys(self._peaks, self._in_flight) | {"pictures": self._ring_bound}
        return {name: {"bound": bounds[name], "peak": peak} for name, peak in self._peaks.items()}

    @property
    def peak_bytes(self) -> int:
        """As `Executor.peak_bytes`."""
        return self._supervisor.memory.peak_bytes

    def interrupt(self) -> None:
        """As `Executor.interrupt`."""
        self._stop_at_s = min(self._stop_at_s, time.monotonic() + self._config.GRACE_S)

    @property
    def _is_stopping(self) -> bool:
        return self._stop_at_s < math.inf

    def run(self, videos: Sequence[VideoJob], listener: Listener) -> None:
        """As `Executor.run`."""
        self._listener = listener
        self._intake = Intake(self._config, self._work_dir, videos, listener)
        at_once = True
        try:
            self._crew.start()
            while not (self._is_stopping or all(worker.ready for worker in self._crew.workers)):
                self._take_events()
            while len(self._intake) or self._active:
                if self._is_stopping and not self._may_go_on():
                    raise KeyboardInterrupt
                self._give_work()
                self._take_events()
            at_once = False
            if self._is_stopping:
                raise KeyboardInterrupt
        finally:
            self._crew.stop(at_once)
            for active in self._active.values():
                remove_partial(active.video.folder)
            self._intake.release_all()

    def _may_go_on(self) -> bool:
        """After an interrupt: whether videos in flight may still be finished. No other is begun."""
        if len(self._intake):
            self._intake.clear()
            left_s = max(self._stop_at_s - time.monotonic(), 0)
            count = len(self._active)
            text = f"interrupted: no more videos are begun; the {count} in work have {left_s:.0f} s to end"
            self._tell("stopping", text, level="warning")
        return bool(self._active) and time.monotonic() < self._stop_at_s

    def _tell(self, name: str, message: str, video: VideoJob | None = None, stage: str = "", **more: Any) -> None:
        self._listener.on_event(Event(name, message, video, stage, **more))

    def _take_events(self) -> None:
        for worker, message in self._crew.events(LOOK_EVERY_S):
            if message is None:
                self._on_death(worker)
            elif isinstance(message, say.Ready):
                worker.ready, worker.failed_starts = True, 0
            elif isinstance(message, say.NotReady):
                self._on_not_ready(worker, message)
            else:
                self._on_message(worker, message)
        self._supervisor.look(self._active, self._listener.on_event)

    def _on_not_ready(self, worker: Worker, message: say.NotReady) -> None:
        """Ends a run whose models cannot be loaded. Where that worked before, it is tried again: it may be for want of
        memory that a process which died has not given back yet."""
        text = f"{worker.name} cannot start: {message.message}"
        if not self._jobs:
            raise InputError("not_ready", text)
        self._tell("not_ready", text, stage=worker.kind, level="warning", more={"worker": worker.name})

    def _give_work(self) -> None:
        """Hands out everything that somebody is free for."""
        for decoder in self._free("decode"):
            if self._active and (len(self._active) >= self._in_flight or self._supervisor.memory.is_over):
                break
            if self._is_stopping:
                break
            wanted = self._intake.next()
            if wanted is None:
                break
            self._jobs += 1
            kept = set(wanted.video.kept)
            self._active[self._jobs] = Attempt(wanted.video, wanted.tries, decoder, wanted.begun_s, results=kept)
            self._assign(decoder, say.Decode(self._jobs, wanted.video))
        for worker in self._free("speech"):
            if self._to_hear:
                job = self._to_hear.popleft()
                self._assign(worker, say.Hear(job, self._active[job].video, self._prepared(job)))
        for worker in self._free("mux"):
            if self._to_finish:
                job = self._to_finish.popleft()
                spans = self._active[job].timings.items()
                took_s = {stage: ended_s - began_s for stage, (began_s, ended_s) in spans}
                self._assign(worker, say.Finish(job, self._active[job].video, self._prepared(job), took_s))
        for worker in self._free("extras"):
            if self._to_extras:
                job = self._to_extras.popleft()
                self._assign(worker, say.Extras(job, self._active[job].video, self._prepared(job)))
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
            if isinstance(message, say.Done) and isinstance(message.value, Path):
                message.value.unlink(missing_ok=True)
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
            case say.Failed(job, _, text, _) if active.finished is not None:
                active.notes += (f"what was asked for beside the clips could not be written: {text}",)
                self._end_done(job, active)
            case say.Failed(job, code, text, trace):
                self._give_up(job)
                self._end(active, failed(active.video, code, text, trace, active.begun_s))

    def _on_opened(self, job: int, active: Attempt, prepared: Prepared, form: PictureFormat) -> None:
        """The sound is there: both branches can begin, as far as they are wanted."""
        active.prepared, active.form = prepared, form
        if "speech" not in active.results:
            self._to_hear.append(job)
            self._note("speech", len(self._to_hear))
        if "vision" not in active.results:
            self._ring_bound = max(self._ring_bound, form.capacity)
            active.seer = min(self._crew.of("vision"), key=lambda worker: len(worker.jobs))
            self._assign(active.seer, say.See(job, active.video, prepared, form, active.decoder.number))
            self._begin_pictures(active.decoder)
        self._finish_if_all_is_there(job, active)

    def _begin_pictures(self, decoder: Worker) -> None:
        """Lets *decoder* write pictures when its ring is free and a job of its own waits for that."""
        if decoder not in self._ring_of:
            for job in decoder.jobs:
                if job in self._active and self._active[job].seer is not None:
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
        assert active.prepared is not None
        took_s, length_s = ended_s - began_s, active.prepared.probe.duration_s
        text = f"{length_s:.1f} s of video done in {took_s:.1f} s"
        more = {"seconds": round(took_s, 3), "video_seconds": round(length_s, 3)}
        self._tell("stage_done", text, active.video, stage, more=more)

    def _on_done(self, worker: Worker, job: int, active: Attempt, value: Any, span_s: tuple[float, float]) -> None:
        self._clock(active, worker.kind, *span_s)
        if worker.kind == "mux":
            self._on_finished(job, active, value)
            return
        if worker.kind == "extras":
            self._end_done(job, active)
            return
        try:
            put_in_place(value, worker.kind)
        except OSError as error:
            self._give_up(job)
            self._end(active, failed(active.video, *describe(error), "", active.begun_s))
            return
        active.results.add(worker.kind)
        if worker.kind == "vision":
            self._free_ring(job)
        self._finish_if_all_is_there(job, active)

    def _on_finished(self, job: int, active: Attempt, finished: FinishedVideo) -> None:
        """Clips and manifest are there."""
        active.finished = finished
        if self._has_extras:
            self._to_extras.append(job)
            self._note("extras", len(self._to_extras))
        else:
            self._end_done(job, active)

    def _end_done(self, job: int, active: Attempt) -> None:
        finished, prepared = active.finished, self._prepared(job)
        assert finished is not None
        del self._active[job]
        begun_s, timings, notes = active.begun_s, active.timings, active.notes
        self._end(active, done(active.video, prepared, finished, self._models, begun_s, timings, notes), job)

    def _finish_if_all_is_there(self, job: int, active: Attempt) -> None:
        if "clips" in active.results:
            try:
                finished = finished_of(active.video.folder / MANIFEST)
            except InputError as error:
                self._give_up(job)
                self._end(active, failed(active.video, *describe(error), "", active.begun_s))
            else:
                self._on_finished(job, active, finished)
        elif len(active.results) == 2:
            self._to_finish.append(job)
            self._note("finish", len(self._to_finish))

    def _give_up(self, job: int) -> None:
        """Forgets one attempt; whoever still works on it is told or ignored."""
        active = self._active.pop(job)
        for queue in (self._to_hear, self._to_finish, self._to_extras):
            if job in queue:
                queue.remove(job)
        active.decoder.tell(say.Cancel(job))
        if active.seer is not None:
            active.seer.jobs.discard(job)
            active.seer.tell(say.Cancel(job))
        self._free_ring(job)
        self._remove_sound(job)

    def _end(self, active: Attempt, result: VideoResult, job: int | None = None) -> None:
        if job is not None:
            self._remove_sound(job)
        self._listener.on_result(active.video, result)
        self._intake.release(active.video)

    def _remove_sound(self, job: int) -> None:
        (self._work_dir / f"{job}.pcm").unlink(missing_ok=True)

    def _on_death(self, worker: Worker) -> None:
        """Replaces a worker that died, and begins its videos again or sets them aside."""
        died = WorkerDied(worker.name, worker.process.exitcode, worker.silent_s, worker.over_gb)
        held = [job for job in worker.jobs if job in self._active]
        was_at_work = worker.ready
        if not was_at_work:
            worker.failed_starts += 1
            if worker.failed_starts == MAX_FAILED_STARTS:
                raise died
        text = f"{died.what}; it is started again"
        self._tell("worker_died", text, stage=worker.kind, level="warning", more={"worker": worker.name})
        self._crew.replace(worker)
        for job in held:
            active = self._active[job]
            self._give_up(job)
            remove_partial(active.video.folder)
            if not was_at_work:
                self._intake.again(active.video, active.tries, active.begun_s)
            elif active.tries < self._config.MAX_TRIES:
                self._tell(
                    "again", f"{died.what}; the video is begun again", active.video, worker.kind, level="warning"
                )
                self._intake.again(active.video, active.tries + 1, active.begun_s)
            else:
                self._end(active, failed(active.video, died.reason_code, str(died), "", active.begun_s))
