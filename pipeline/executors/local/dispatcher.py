"""The videos that the local executor has in work: takes what workers say, and hands out what comes next.

Every message goes through here. What may run next is the `Scheduler`'s decision; who runs it, and where pictures go,
is made out here.
"""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import InputError, WorkerDied, describe
from pipeline.executors.admission import QueuedVideo
from pipeline.executors.base import Attempt, Listener, kept_summary
from pipeline.executors.events import Event, begun_again, stage_done
from pipeline.executors.local import messages as msg
from pipeline.executors.local.feeds import FrameFeed
from pipeline.executors.local.pool import WorkerHandle, WorkerPool
from pipeline.executors.picture_format import fit
from pipeline.executors.reports import Failed, Heartbeat, Progress
from pipeline.executors.scheduler import Ended, Failure, Scheduler
from pipeline.executors.work_dir import sound_path
from pipeline.machine import ResolvedConfig, videos_in_flight
from pipeline.stage import DECODE, Graph, OpenedVideo, Stage

CANCELLED = ""
"""Instead of a stage: a job that was taken from a worker which has not let go of it."""


class Dispatcher:
    """The videos in work.

    Args:
        config: settings.
        graph: the stages.
        pool: the workers.
        listener: is told what happens.
        work_dir: holds the sound files.
        on_end: takes the job of each video that has ended, the video, and how it ended.
    """

    def __init__(
        self,
        config: ResolvedConfig,
        graph: Graph,
        pool: WorkerPool,
        listener: Listener,
        work_dir: Path,
        on_end: Callable[[int, Attempt, Ended], None],
    ) -> None:
        self._config, self._graph, self._pool, self._listener = config, graph, pool, listener
        self._work_dir, self._on_end = work_dir, on_end
        self._in_flight = videos_in_flight(config)
        self._stages = graph.asked(config)
        self._scheduler = Scheduler(graph, self._stages, config.MAX_TRIES)
        self._pools: dict[str, list[str]] = {}
        for stage in self._stages:
            if stage.feeds != "frames":
                self._pools.setdefault(stage.pool.name, []).append(stage.name)
        self._fed = next((stage for stage in self._stages if stage.feeds == "frames"), None)
        self.active: dict[int, Attempt] = {}
        """Videos in work by their jobs."""
        self._openings: Counter[int] = Counter()
        """Times that a decoder has begun to open each of them."""
        self._to_open: deque[int] = deque()
        self._feeds: dict[int, FrameFeed] = {}
        self._dropped: dict[int, FrameFeed] = {}
        """Streams that were ended, by their numbers, while their consumer may still read their pictures."""
        self._streams = 0
        self.jobs = 0
        """Videos that have been in work."""
        self._peaks = {"videos": 0, "pictures": 0}
        self._ring_bound = 0
        self._start_s = time.monotonic()

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """Return bound and peak of each queue; ``pictures`` counts frames in one ring."""
        fed = self._fed.name if self._fed else ""
        peaks = self._peaks | {name: peak for name, peak in self._scheduler.peaks.items() if name != fed}
        bounds = dict.fromkeys(peaks, self._in_flight) | {"pictures": self._ring_bound}
        return {name: {"bound": bounds[name], "peak": peak} for name, peak in peaks.items()}

    def may_begin(self, sparing: bool) -> bool:
        """Return True where one more video may be begun; *sparing*: only when none is in work."""
        if not self.active:
            return True
        full = len(self.active) >= self._in_flight
        return not (sparing or full or self._to_open) and any(self._is_free(each) for each in self._pool.of(DECODE))

    def begin(self, queued: QueuedVideo) -> None:
        """Take a video in work."""
        self.jobs += 1
        self.active[self.jobs] = Attempt(queued.video, queued.begun_s)
        self._to_open.append(self.jobs)
        self._peaks["videos"] = max(self._peaks["videos"], len(self.active))

    def give_work(self) -> None:
        """Hand out everything that some worker is free for."""
        self._stream_frames()
        for worker in self._pool.of(DECODE):
            if self._to_open and self._is_free(worker):
                self._open(worker, self._to_open.popleft())
        for kind, names in self._pools.items():
            for worker in self._pool.of(kind):
                if self._is_free(worker) and (handed := self._scheduler.next(names)) is not None:
                    self._run(worker, *handed)

    def is_held(self, job: int) -> bool:
        """Return True while a worker has a job in its hands, though its video may have ended."""
        return any(job in worker.holds for worker in self._pool.workers)

    def awaits(self, worker: WorkerHandle) -> bool:
        """Return True where some job waits for *worker* to say something."""
        if not worker.ready:
            return True
        return any(self._owes(worker, job) for job in worker.holds)

    def _is_free(self, worker: WorkerHandle) -> bool:
        return worker.ready and not worker.holds

    def _owes(self, worker: WorkerHandle, job: int) -> bool:
        """Return True where it is *worker*'s turn to say something of a job that it holds."""
        feed = self._feeds.get(job)
        return feed is None or worker not in (feed.decoder, feed.consumer) or feed.awaits(worker)

    def _opened(self, job: int) -> OpenedVideo:
        opened = self.active[job].opened
        if opened is None:
            raise RuntimeError(f"Dispatcher: expected job {job} to be opened before its stages begin")
        return opened

    def _open(self, decoder: WorkerHandle, job: int) -> None:
        video = self.active[job].video
        self._openings[job] += 1
        decoder.holds[job] = DECODE
        decoder.send(msg.OpenSource(job, video, self._graph.takes_sound(video, self._stages)))

    def _run(self, worker: WorkerHandle, stage: str, job: int) -> None:
        self._scheduler.begun(stage, job)
        worker.holds[job] = stage
        opened = dataclasses.replace(self._opened(job), faces=None)  # for vision alone, and may be large
        worker.send(msg.RunStage(job, stage, self.active[job].video, opened, self._took_s(job)))

    def _took_s(self, job: int) -> dict[str, float]:
        return {name: end_s - start_s for name, (start_s, end_s) in self.active[job].timings.items()}

    def _stream_frames(self) -> None:
        """Join each free decoder whose ring is free with a video that waits, and with the worker that has fewest."""
        if self._fed is None:
            return
        stage, busy = self._fed, {feed.decoder for feed in (*self._feeds.values(), *self._dropped.values())}
        for decoder in self._pool.of(DECODE):
            consumers = [worker for worker in self._pool.of(stage.pool.name) if worker.ready]
            if decoder in busy or not self._is_free(decoder) or not consumers:
                continue
            handed = self._scheduler.next([stage.name])
            if handed is None:
                return
            self._feed(stage, handed[1], decoder, min(consumers, key=lambda worker: len(worker.holds)))

    def _feed(self, stage: Stage, job: int, decoder: WorkerHandle, consumer: WorkerHandle) -> None:
        opened, held = self._opened(job), stage.frames_held(self._config) if stage.frames_held else 1
        form = fit(opened.probe, self._config.RING_MB << 20, held)
        first = opened.probe.excerpt.first_frame
        self._ring_bound = max(self._ring_bound, form.capacity)
        self._streams += 1
        feed = self._feeds[job] = FrameFeed(job, self._streams, decoder, consumer, form, first, first)
        self._scheduler.begun(stage.name, job)
        consumer.holds[job] = decoder.holds[job] = stage.name
        video, took_s = self.active[job].video, self._took_s(job)
        consumer.send(msg.RunStage(job, stage.name, video, opened, took_s, form, decoder.number, feed.stream))
        decoder.send(msg.StreamFrames(job, opened, form, feed.stream))

    def take(self, worker: WorkerHandle, message: Any) -> None:
        """Act on a worker's message. One that cannot be at this point ends its video, as ``internal_error``.

        What a worker says of a job that was taken from it is passed over.
        """
        job = message.job
        if isinstance(message, msg.StreamDropped):
            self._on_dropped(worker, message)
            return
        is_wanted = bool(worker.holds.get(job)) and not self._is_of_earlier_stream(message)
        ends = is_wanted and worker.kind != DECODE and isinstance(message, msg.StageDone | Failed)
        if ends or isinstance(message, msg.DecoderIdle):
            worker.holds.pop(job, None)
        attempt = self.active.get(job)
        if not is_wanted or attempt is None:
            if isinstance(message, msg.SourceOpened):
                sound_path(self._work_dir, job).unlink(missing_ok=True)
            return
        try:
            self._check_order(worker, message, attempt)
            self._act_on(worker, message, attempt)
        except msg.OutOfOrderError as error:
            trace = "".join(traceback.format_exception(error))
            self.give_up(job, Failure(*describe(error), trace))

    def _is_of_earlier_stream(self, message: Any) -> bool:
        """Return True for a message about frames that are no more, or are being streamed again."""
        stream = getattr(message, "stream", 0)
        feed = self._feeds.get(message.job)
        return 0 < stream <= self._streams and (feed is None or feed.stream != stream)

    def _check_order(self, worker: WorkerHandle, message: Any, attempt: Attempt) -> None:
        """Raise OutOfOrderError for a message that cannot be, as its video stands."""
        why, feed = "", self._feeds.get(message.job)
        if isinstance(message, msg.SourceOpened):
            why = "that is open already" if attempt.opened is not None else ""
        elif isinstance(message, msg.Frames | msg.EndOfFrames):
            why = "" if feed is not None and worker is feed.decoder else "whose frames nobody takes from it"
        elif isinstance(message, msg.FramesReleased):
            why = "" if feed is not None and worker is feed.consumer else "whose frames it was not given"
        elif isinstance(message, msg.StageDone):
            why = "that is not open" if attempt.opened is None else ""
            if not why and not self._scheduler.is_running(message.stage, message.job):
                why = f"whose {message.stage} nobody waits for"
        elif not isinstance(message, Progress | Failed | msg.DecoderIdle | Heartbeat):
            why = "that nobody waits for"
        if why:
            raise msg.OutOfOrderError(worker.name, message, why)

    def _act_on(self, worker: WorkerHandle, message: Any, attempt: Attempt) -> None:
        match message:
            case msg.SourceOpened(job, opened):
                self._on_opened(job, attempt, opened)
            case msg.Frames(job):
                feed = self._feeds[job]
                feed.pass_on(message)
                self._peaks["pictures"] = max(self._peaks["pictures"], feed.written - feed.needed)
            case msg.EndOfFrames(job):
                self._clock(attempt, DECODE, attempt.begun_s, time.monotonic())
                self._feeds[job].pass_on(message)
            case msg.FramesReleased(job):
                self._feeds[job].release(message)
            case Progress(_, stage, amount, total):
                self._listener.on_progress(attempt.video, stage, amount, total)
            case msg.StageDone(job, stage, result, began_s, ended_s):
                self._clock(attempt, stage, began_s, ended_s)
                self._unfeed(job, stage)
                self._end_with(job, self._scheduler.done(stage, job, result))
            case Failed(job, code, text, trace, stage):
                self._on_failed(worker, job, stage, Failure(code, text, trace))
            case _:
                pass

    def _on_opened(self, job: int, attempt: Attempt, opened: OpenedVideo) -> None:
        attempt.opened = opened
        if self._fed is None or self._fed.name in attempt.video.kept | attempt.video.left_out:
            self._clock(attempt, DECODE, attempt.begun_s, time.monotonic())
        try:
            summary = kept_summary(self._graph, attempt.video)
        except InputError as error:
            self.give_up(job, Failure(*describe(error)))
        else:
            ended = self._scheduler.add(job, attempt.video.kept, summary, attempt.video.left_out)
            self._end_with(job, ended)

    def _on_failed(self, worker: WorkerHandle, job: int, stage: str, failure: Failure) -> None:
        if stage != DECODE:
            self._unfeed(job, stage)
            self._end_with(job, self._scheduler.failed(stage, job, failure))
        elif job in self._feeds and self._fed is not None and worker is self._feeds[job].decoder:
            self._unfeed(job, self._fed.name)
            self._end_with(job, self._scheduler.failed(self._fed.name, job, failure))
        elif self.active[job].opened is None:
            self.give_up(job, failure)

    def _unfeed(self, job: int, stage: str) -> None:
        """End the stream of a job's frames to *stage*, if there is one; whoever still works on it is told."""
        if self._fed is None or stage != self._fed.name:
            return
        feed = self._feeds.pop(job, None)
        if feed is not None:
            if not feed.has_ended:
                self._cancel(feed.decoder, job, feed.stream)
            if job in feed.consumer.holds:
                # It may be reading pictures, and its stage may yet end: their ring stays as it is until it answers.
                feed.consumer.holds[job] = CANCELLED
                self._dropped[feed.stream] = feed
                feed.consumer.send(msg.Cancel(job, feed.stream))

    def _on_dropped(self, consumer: WorkerHandle, message: msg.StreamDropped) -> None:
        """Give the ring of a stream that was ended to the next one; its consumer has let go of it."""
        self._dropped.pop(message.stream, None)
        more = any(feed.job == message.job and feed.consumer is consumer for feed in self._dropped.values())
        if consumer.holds.get(message.job) == CANCELLED and not more:
            del consumer.holds[message.job]

    def _cancel(self, decoder: WorkerHandle, job: int, stream: int = 0) -> None:
        """Take a job from a decoder, which holds it until it says that it is idle."""
        if decoder.holds.get(job):
            decoder.holds[job] = CANCELLED
            decoder.send(msg.Cancel(job, stream))

    def _clock(self, attempt: Attempt, stage: str, began_s: float, ended_s: float) -> None:
        attempt.timings[stage] = (began_s - self._start_s, ended_s - self._start_s)
        length_s = 0.0 if attempt.opened is None else attempt.opened.probe.length_s
        self._listener.on_event(stage_done(attempt.video, stage, length_s, ended_s - began_s))

    def lose(self, worker: WorkerHandle, died: WorkerDied, held: Mapping[int, str]) -> None:
        """Begin again what a worker that has died held, or fail it: *held* names the stage of each job."""
        failure = Failure(died.reason_code, str(died))
        self._dropped = {stream: feed for stream, feed in self._dropped.items() if feed.consumer is not worker}
        for job, stage in held.items():
            attempt = self.active.get(job)
            if attempt is None or stage == CANCELLED:
                continue
            if stage == DECODE:
                self._lose_opening(job, attempt, died, failure)
                continue
            if worker.kind == DECODE and (job not in self._feeds or self._feeds[job].has_ended):
                continue  # it had written all pictures
            self._unfeed(job, stage)
            ended = self._scheduler.lost(stage, job, failure)
            if ended is None and self._scheduler.is_left(job, stage):
                self._listener.on_event(begun_again(attempt.video, stage, died.what))
            self._end_with(job, ended)

    def _lose_opening(self, job: int, attempt: Attempt, died: WorkerDied, failure: Failure) -> None:
        if attempt.opened is not None:
            return
        if self._openings[job] < self._config.MAX_TRIES:
            self._listener.on_event(begun_again(attempt.video, DECODE, died.what))
            self._to_open.appendleft(job)
        else:
            self.give_up(job, failure)

    def give_up(self, job: int, failure: Failure) -> None:
        """End a job whatever its stages do."""
        self._end_with(job, self._scheduler.cancel(job, failure) or Ended(job, (), failure=failure))

    def _end_with(self, job: int, ended: Ended | None) -> None:
        if ended is None:
            return
        if self._fed is not None:
            self._unfeed(job, self._fed.name)
        if job in self._to_open:
            self._to_open.remove(job)
        for decoder in self._pool.of(DECODE):
            self._cancel(decoder, job)
        sound_path(self._work_dir, job).unlink(missing_ok=True)
        self._openings.pop(job, None)
        self._on_end(job, self.active.pop(job), ended)

    def tell(self, name: str, message: str, stage: str = "", **more: Any) -> None:
        """Tell the listener of an event that is about no single video."""
        self._listener.on_event(Event(name, message, None, stage, **more))
