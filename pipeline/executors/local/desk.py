"""What the local executor has in work: takes what the workers say, and hands out what comes next.

Every message goes through here. A queue is a list in one process, and its bound a condition in one place.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config import Config
from pipeline.clips.worker import FinishedVideo, finished_of
from pipeline.errors import InputError, WorkerDied
from pipeline.executors.admission import Intake, Wanted
from pipeline.executors.base import Listener, done, extras_note, failed
from pipeline.executors.events import Event, stage_done
from pipeline.executors.local import messages as say
from pipeline.executors.local.attempt import Attempt
from pipeline.executors.local.pool import Crew, Worker
from pipeline.executors.local.ring import PictureFormat
from pipeline.outputs.extras import wanted
from pipeline.outputs.kept import MANIFEST, put_in_place
from pipeline.stages import Models, Prepared, VideoJob, describe
from pipeline.types import VideoResult


class Desk:
    """The videos in work, and the queues between their stages.

    Args:
        config: settings, with every ``auto`` resolved.
        models: of the run.
        crew: the workers.
        intake: is told which videos have ended.
        listener: is told what happens.
        work_dir: holds the sound files.
    """

    def __init__(
        self, config: Config, models: Models, crew: Crew, intake: Intake, listener: Listener, work_dir: Path
    ) -> None:
        self._models, self._crew, self._intake, self._listener = models, crew, intake, listener
        self._work_dir = work_dir
        self._in_flight = int(config.MAX_VIDEOS_IN_FLIGHT)
        self._has_extras = bool(wanted(config))
        self.active: dict[int, Attempt] = {}
        """Attempts by their jobs."""
        self._to_hear: deque[int] = deque()
        self._to_finish: deque[int] = deque()
        self._to_extras: deque[int] = deque()
        self._ring_of: dict[Worker, int] = {}
        self.jobs = 0
        """Attempts that there have been."""
        self._peaks = dict.fromkeys(["videos", "speech", "finish", "pictures"] + ["extras"] * self._has_extras, 0)
        self._ring_bound = 0
        self._start_s = time.monotonic()

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """Bound and peak of each queue; ``pictures`` counts frames in one ring."""
        bounds = dict.fromkeys(self._peaks, self._in_flight) | {"pictures": self._ring_bound}
        return {name: {"bound": bounds[name], "peak": peak} for name, peak in self._peaks.items()}

    def tell(self, name: str, message: str, video: VideoJob | None = None, stage: str = "", **more: Any) -> None:
        """Says what happened."""
        self._listener.on_event(Event(name, message, video, stage, **more))

    def free(self, kind: str) -> list[Worker]:
        """Workers of a kind that have nothing to do."""
        return [worker for worker in self._crew.of(kind) if worker.ready and not worker.jobs]

    def may_begin(self, sparing: bool) -> bool:
        """Whether one more video may be begun; *sparing*: only when none is in work."""
        return not self.active or not (sparing or len(self.active) >= self._in_flight)

    def begin(self, wanted: Wanted, decoder: Worker) -> None:
        """Begins a video."""
        self.jobs += 1
        kept = set(wanted.video.kept)
        self.active[self.jobs] = Attempt(wanted.video, wanted.tries, decoder, wanted.begun_s, results=kept)
        self._assign(decoder, say.Decode(self.jobs, wanted.video))
        self._note("videos", len(self.active))

    def give_work(self) -> None:
        """Hands out everything that somebody is free for."""
        for worker in self.free("speech"):
            if self._to_hear:
                job = self._to_hear.popleft()
                self._assign(worker, say.Hear(job, self.active[job].video, self._prepared(job)))
        for worker in self.free("mux"):
            if self._to_finish:
                job = self._to_finish.popleft()
                spans = self.active[job].timings.items()
                took_s = {stage: ended_s - began_s for stage, (began_s, ended_s) in spans}
                self._assign(worker, say.Finish(job, self.active[job].video, self._prepared(job), took_s))
        for worker in self.free("extras"):
            if self._to_extras:
                job = self._to_extras.popleft()
                self.active[job].extras_tries += 1
                self._assign(worker, say.Extras(job, self.active[job].video, self._prepared(job)))

    def _assign(self, worker: Worker, order: Any) -> None:
        worker.jobs.add(order.job)
        worker.tell(order)

    def _prepared(self, job: int) -> Prepared:
        prepared = self.active[job].prepared
        if prepared is None:
            raise RuntimeError(f"Desk: expected job {job} to be opened before its stages begin")
        return prepared

    def _note(self, queue: str, length: int) -> None:
        self._peaks[queue] = max(self._peaks[queue], length)

    def take(self, worker: Worker, message: Any) -> None:
        """What a worker says. What cannot be at this point ends the attempt at its video, as ``internal_error``."""
        if isinstance(message, say.Idle) or (worker.kind != "decode" and isinstance(message, say.Done | say.Failed)):
            worker.jobs.discard(message.job)
        active = self.active.get(message.job)
        if active is None:
            if isinstance(message, say.Done) and isinstance(message.value, Path):
                message.value.unlink(missing_ok=True)
            return
        try:
            self._check_order(worker, message, active)
            self._act_on(worker, message, active)
        except say.OutOfOrderError as error:
            self.give_up(message.job)
            trace = "".join(traceback.format_exception(error))
            self.end(active, failed(active.video, *describe(error), trace, active.begun_s))

    def _check_order(self, worker: Worker, message: Any, active: Attempt) -> None:
        """Raise OutOfOrderError for a message that cannot be, as the attempt stands."""
        why = ""
        if isinstance(message, say.Opened):
            why = "that is open already" if active.prepared is not None else ""
        elif isinstance(message, say.Pictures | say.EndOfPictures | say.Room):
            why = "that no vision worker has" if active.seer is None else ""
        elif isinstance(message, say.Done):
            kind = {"mux": FinishedVideo, "vision": Path, "speech": Path}.get(worker.kind, object)
            if active.prepared is None:
                why = "that was not opened"
            elif not isinstance(message.value, kind):
                why = f"with {type(message.value).__name__} in the place of {kind.__name__}"
            elif worker.kind == "extras" and active.finished is None:
                why = "that has no clips"
        elif not isinstance(message, say.Progress | say.Failed | say.Idle | say.Alive):
            why = "that nobody waits for"
        if why:
            raise say.OutOfOrderError(worker.name, message, why)

    def _act_on(self, worker: Worker, message: Any, active: Attempt) -> None:
        match message:
            case say.Opened(job, prepared, form):
                self._on_opened(job, active, prepared, form)
            case say.Pictures(_, first, count):
                active.written = first + count
                self._note("pictures", active.written - active.needed)
                self._pass_on(message, active)
            case say.EndOfPictures():
                self._clock(active, "decode", active.begun_s, time.monotonic())
                self._pass_on(message, active)
            case say.Room(_, needed):
                active.needed = needed
                active.unseen -= 1
                active.decoder.tell(message)
            case say.Progress(_, stage, amount, total):
                self._listener.on_progress(active.video, stage, amount, total)
            case say.Done(job, value, began_s, ended_s, notes):
                active.notes += notes
                self._on_done(worker, job, active, value, (began_s, ended_s))
            case say.Failed(job, _, text, _) if active.finished is not None:
                active.notes += (extras_note(text),)
                self._end_done(job, active)
            case say.Failed(job, code, text, trace):
                self.give_up(job)
                self.end(active, failed(active.video, code, text, trace, active.begun_s))

    def _pass_on(self, message: say.Pictures | say.EndOfPictures, active: Attempt) -> None:
        if active.seer is not None:
            active.unseen += 1
            active.seer.tell(message)

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
                if job in self.active and self.active[job].seer is not None:
                    self._ring_of[decoder] = job
                    self.active[job].has_ring = True
                    decoder.tell(say.Begin(job))
                    return

    def _free_ring(self, job: int) -> None:
        for decoder, holder in list(self._ring_of.items()):
            if holder == job:
                del self._ring_of[decoder]
                self._begin_pictures(decoder)

    def _clock(self, active: Attempt, stage: str, began_s: float, ended_s: float) -> None:
        active.timings[stage] = (began_s - self._start_s, ended_s - self._start_s)
        length_s = 0.0 if active.prepared is None else active.prepared.probe.length_s
        self._listener.on_event(stage_done(active.video, stage, length_s, ended_s - began_s))

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
            self.give_up(job)
            self.end(active, failed(active.video, *describe(error), "", active.begun_s))
            return
        active.results.add(worker.kind)
        if worker.kind == "vision":
            self._free_ring(job)
        self._finish_if_all_is_there(job, active)

    def lose_extras(self, job: int, died: WorkerDied, max_tries: int) -> None:
        """Take in that the worker is gone which wrote what is asked for beside the clips: the video is done all the
        same, and at worst has a note."""
        active = self.active[job]
        if active.extras_tries < max_tries:
            self.tell("again", f"{died.what}; its work is begun again", active.video, "extras", level="warning")
            self._to_extras.append(job)
        else:
            active.notes += (extras_note(str(died)),)
            self._end_done(job, active)

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
        if finished is None:
            raise RuntimeError(f"Desk: expected the clips of job {job} before its end")
        del self.active[job]
        begun_s, timings, notes = active.begun_s, active.timings, active.notes
        self.end(active, done(active.video, prepared, finished, self._models, begun_s, timings, notes), job)

    def _finish_if_all_is_there(self, job: int, active: Attempt) -> None:
        if "clips" in active.results:
            try:
                finished = finished_of(active.video.folder / MANIFEST)
            except InputError as error:
                self.give_up(job)
                self.end(active, failed(active.video, *describe(error), "", active.begun_s))
            else:
                self._on_finished(job, active, finished)
        elif len(active.results) == 2:
            self._to_finish.append(job)
            self._note("finish", len(self._to_finish))

    def give_up(self, job: int) -> None:
        """Forgets one attempt; whoever still works on it is told or ignored."""
        active = self.active.pop(job)
        for queue in (self._to_hear, self._to_finish, self._to_extras):
            if job in queue:
                queue.remove(job)
        active.decoder.tell(say.Cancel(job))
        if active.seer is not None:
            active.seer.jobs.discard(job)
            active.seer.tell(say.Cancel(job))
        self._free_ring(job)
        self._remove_sound(job)

    def end(self, active: Attempt, result: VideoResult, job: int | None = None) -> None:
        """A video has ended; *job* is given where its sound is still there."""
        if job is not None:
            self._remove_sound(job)
        self._listener.on_result(active.video, result)
        self._intake.release(active.video)

    def _remove_sound(self, job: int) -> None:
        (self._work_dir / f"{job}.pcm").unlink(missing_ok=True)
