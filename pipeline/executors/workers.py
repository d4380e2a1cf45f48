"""The processes of the local executor, from the inside: each waits on its pipe, works, and says what came of it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np

from config import Config
from pipeline.executors.messages import (
    Alive,
    Begin,
    Cancel,
    Decode,
    Done,
    EndOfPictures,
    Failed,
    Finish,
    Hear,
    Idle,
    NotReady,
    Opened,
    Pictures,
    Progress,
    Ready,
    Room,
    See,
    Stop,
)
from pipeline.executors.ring import PictureFormat, Ring, RingHandle, fit
from pipeline.machine import core_count
from pipeline.stages import Models, Prepared, Session, Stages, VideoJob, describe
from pipeline.types import GRID_FPS, FrameBatch
from pipeline.vision.settings import DECODE_BATCH

PROGRESS_EVERY_S = 0.2
PULSE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker is given when it is started."""

    name: str
    kind: str
    """``decode``, ``vision``, ``speech`` or ``mux``."""
    number: int
    """Among those of its kind."""
    device: str
    rings: tuple[RingHandle, ...]
    config: Config
    models: Models
    stages: Stages
    work_dir: Path


class ParentGoneError(Exception):
    """There is nobody left to work for."""


class Pipe:
    """The pipe to the parent; when the parent is gone, it says so in a way that nothing else does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: object) -> None:
        try:
            self._connection.send(message)
        except OSError as error:
            raise ParentGoneError from error

    def recv(self) -> Any:
        try:
            return self._connection.recv()
        except (EOFError, OSError) as error:
            raise ParentGoneError from error

    def poll(self) -> bool:
        try:
            return self._connection.poll()
        except OSError as error:
            raise ParentGoneError from error


def work(pipe: Connection, setup: WorkerSetup) -> None:
    """Runs a worker until it is told to stop or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    _name_process(setup.name)
    _end_with_parent()
    rings = [handle.map() for handle in setup.rings]
    loop = {"decode": _decode_loop, "vision": _vision_loop, "speech": _speech_loop, "mux": _mux_loop}[setup.kind]
    with contextlib.suppress(ParentGoneError):
        loop(Pipe(pipe), setup, rings)


def _name_process(name: str) -> None:
    """Shows *name* in ``ps`` and ``top``, where the system lets a process say it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(f"lipgen-{name}"[:15])


def _end_with_parent() -> None:
    """Puts this process and those that it starts into a group of their own, which ends when the parent does.

    A worker in the middle of a long computation would notice only at its end that nobody waits for it any more.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    os.setpgid(0, 0)

    def watch() -> None:
        wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def _failed(job: int, error: BaseException) -> Failed:
    code, message = describe(error)
    return Failed(job, code, message, "".join(traceback.format_exception(error)))


class _Reporter:
    """Says how far a job is, a few times a second at most."""

    def __init__(self, pipe: Pipe, job: int, stage: str) -> None:
        self._pipe, self._job, self._stage = pipe, job, stage
        self._said_s = 0.0

    def __call__(self, done: float, total: float) -> None:
        now_s = time.monotonic()
        if now_s - self._said_s >= PROGRESS_EVERY_S or done >= total:
            self._said_s = now_s
            self._pipe.send(Progress(self._job, self._stage, done, total))


class _Pulse:
    """Says from time to time that the sound of a job goes on."""

    def __init__(self, pipe: Pipe, job: int) -> None:
        self._pipe, self._job, self._said_s = pipe, job, time.monotonic()

    def __call__(self, _: float) -> None:
        if time.monotonic() - self._said_s >= PULSE_EVERY_S:
            self._said_s = time.monotonic()
            self._pipe.send(Alive(self._job))


class _Count:
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, more: int) -> None:
        self.total += more


class _CancelledError(Exception):
    """The parent gave the job up."""


def _decode_loop(pipe: Pipe, setup: WorkerSetup, rings: list[Ring]) -> None:
    pipe.send(Ready())
    while not isinstance(message := pipe.recv(), Stop):
        if isinstance(message, Decode):
            try:
                _decode(pipe, setup, rings[0], message)
            except _CancelledError:
                pass
            except ParentGoneError:
                raise
            except Exception as error:
                pipe.send(_failed(message.job, error))
            pipe.send(Idle(message.job))


def _decode(pipe: Pipe, setup: WorkerSetup, ring: Ring, order: Decode) -> None:
    """Sound to disk, then pictures into the ring as far as there is room."""
    sound = setup.work_dir / f"{order.job}.pcm" if len(order.video.kept) < 2 else None
    prepared = setup.stages.prepare(order.video.path, sound, setup.config, _Pulse(pipe, order.job))
    form = fit(prepared.probe, setup.config.RING_MB << 20, setup.stages.frames_held(setup.config))
    pipe.send(Opened(order.job, prepared, form))
    if "vision" not in order.video.kept:
        _await_begin(pipe, order.job)
        _send_pictures(pipe, setup, ring, order, prepared, form)


def _send_pictures(
    pipe: Pipe, setup: WorkerSetup, ring: Ring, order: Decode, prepared: Prepared, form: PictureFormat
) -> None:
    report, lost = _Reporter(pipe, order.job, "decode"), _Count()
    needed = first = count = 0
    threads = max(core_count() // int(setup.config.NUM_PREPROCESS_WORKERS), 1)
    size_px = (form.width_px, form.height_px)
    for frame, picture in enumerate(setup.stages.pictures(prepared, size_px, threads, lost)):
        full = frame - needed >= form.capacity
        if full and count:
            pipe.send(Pictures(order.job, first, count))
            first, count = frame, 0
        while full or pipe.poll():
            needed = _room(pipe.recv(), order.job, needed)
            full = frame - needed >= form.capacity
        np.copyto(ring.pictures(form, frame, 1)[0], picture)
        count += 1
        if count == DECODE_BATCH or (frame + 1) % form.capacity == 0:
            pipe.send(Pictures(order.job, first, count))
            first, count = frame + 1, 0
            report(frame / GRID_FPS, prepared.probe.duration_s)
    if count:
        pipe.send(Pictures(order.job, first, count))
    report(prepared.probe.duration_s, prepared.probe.duration_s)
    pipe.send(EndOfPictures(order.job, lost.total))


def _await_begin(pipe: Pipe, job: int) -> None:
    while True:
        message = pipe.recv()
        if isinstance(message, Begin) and message.job == job:
            return
        _room(message, job, 0)


def _room(message: object, job: int, needed: int) -> int:
    """The first frame that vision still needs, after *message*. What is said of earlier jobs is passed over."""
    match message:
        case Room(job=of, needed=frame) if of == job:
            return frame
        case Cancel(job=of) if of == job:
            raise _CancelledError
        case Stop():
            raise ParentGoneError
    return needed


def _loaded(pipe: Pipe, load: Callable[[], object]) -> object | None:
    try:
        loaded = load()
    except Exception as error:
        pipe.send(NotReady(describe(error)[1], traceback.format_exc()))
        return None
    pipe.send(Ready())
    return loaded


@dataclass(slots=True)
class _Seen:
    """A video that a vision worker has begun."""

    video: VideoJob
    prepared: Prepared
    session: Session
    form: PictureFormat
    ring: Ring
    report: _Reporter
    duration_s: float
    began_s: float = 0.0


def _vision_loop(pipe: Pipe, setup: WorkerSetup, rings: list[Ring]) -> None:
    vision = _loaded(pipe, lambda: setup.stages.load_vision(setup.config, setup.models, setup.device))
    if vision is None:
        return
    seen: dict[int, _Seen] = {}
    while not isinstance(message := pipe.recv(), Stop):
        try:
            if isinstance(message, See):
                seen[message.job] = _begin_seeing(pipe, vision, message, rings)  # type: ignore[arg-type]
            elif message.job in seen:
                _see(pipe, setup.stages, seen, message)
        except ParentGoneError:
            raise
        except Exception as error:
            seen.pop(message.job, None)
            pipe.send(_failed(message.job, error))


def _begin_seeing(pipe: Pipe, vision, order: See, rings: list[Ring]) -> _Seen:
    report = _Reporter(pipe, order.job, "vision")
    duration_s = order.prepared.probe.duration_s
    session = vision.start(
        order.prepared, order.form.capacity, lambda frames: report(min(frames / GRID_FPS, duration_s), duration_s)
    )
    return _Seen(order.video, order.prepared, session, order.form, rings[order.decoder], report, duration_s)


def _see(pipe: Pipe, stages: Stages, seen: dict[int, _Seen], message: Pictures | EndOfPictures | Cancel) -> None:
    video = seen[message.job]
    match message:
        case Pictures(job, first_frame, count):
            video.began_s = video.began_s or time.monotonic()
            frames = video.ring.pictures(video.form, first_frame, count)
            pipe.send(Room(job, video.session.push(FrameBatch(first_frame, frames, video.form.scale))))
        case EndOfPictures(job, lost_packets):
            video.began_s = video.began_s or time.monotonic()
            pending = stages.keep_tracks(video.video, video.prepared, video.session.finish(), lost_packets)
            del seen[job]
            video.report(video.duration_s, video.duration_s)
            pipe.send(Done(job, pending, video.began_s, time.monotonic(), video.session.notes))
        case Cancel(job):
            del seen[job]


def _speech_loop(pipe: Pipe, setup: WorkerSetup, _: list[Ring]) -> None:
    transcriber = _loaded(pipe, lambda: setup.stages.load_speech(setup.config, setup.models, setup.device))

    def hear(order: Hear) -> object:
        audio, report = order.prepared.audio, _Reporter(pipe, order.job, "speech")
        transcript = transcriber.transcribe(  # type: ignore[union-attr]
            audio, lambda done_s: report(done_s, audio.duration_s), order.video.transcript
        )
        return setup.stages.keep_words(order.video, transcript)

    if transcriber is not None:
        _answer(pipe, hear)


def _mux_loop(pipe: Pipe, setup: WorkerSetup, _: list[Ring]) -> None:
    def finish(order: Finish) -> object:
        report = _Reporter(pipe, order.job, "clips")
        return setup.stages.finish(order.video, order.prepared, setup.models, setup.config, report)

    pipe.send(Ready())
    _answer(pipe, finish)


def _answer(pipe: Pipe, act: Callable) -> None:
    """Does one job after another until told to stop."""
    while not isinstance(order := pipe.recv(), Stop):
        began_s = time.monotonic()
        try:
            value = act(order)
        except ParentGoneError:
            raise
        except Exception as error:
            pipe.send(_failed(order.job, error))
        else:
            pipe.send(Done(order.job, value, began_s, time.monotonic()))
