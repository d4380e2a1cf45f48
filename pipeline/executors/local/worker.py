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

from pipeline.executors.local.decoding import decode_loop
from pipeline.executors.local.messages import (
    Cancel,
    Done,
    EndOfPictures,
    Extras,
    Finish,
    Hear,
    NotReady,
    Pictures,
    Ready,
    Room,
    See,
    Stop,
)
from pipeline.executors.local.ring import PictureFormat, Ring
from pipeline.executors.local.setup import WorkerSetup
from pipeline.executors.local.transport import ParentGoneError, Pipe, Reporter, failure
from pipeline.stages import Prepared, Session, Stages, VideoJob, describe
from pipeline.types import GRID_FPS, FrameBatch


def work(pipe: Connection, setup: WorkerSetup) -> None:
    """Runs a worker until it is told to stop or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.environ.clear()
    os.environ.update(setup.environment)
    _name_process(setup.name)
    _end_with_parent()
    rings = [handle.map() for handle in setup.rings]
    with contextlib.suppress(ParentGoneError):
        LOOPS[setup.kind](Pipe(pipe), setup, rings)


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
    report: Reporter
    duration_s: float
    began_s: float = 0.0


def _use_threads(count: int) -> None:
    """Lets the networks of this process compute with *count* threads."""
    import cv2
    import torch

    torch.set_num_threads(count)
    cv2.setNumThreads(count)


def _vision_loop(pipe: Pipe, setup: WorkerSetup, rings: list[Ring]) -> None:
    if setup.threads is not None:
        _use_threads(setup.threads)
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
            pipe.send(failure(message.job, error))


def _begin_seeing(pipe: Pipe, vision, order: See, rings: list[Ring]) -> _Seen:
    report = Reporter(pipe, order.job, "vision")
    duration_s = order.prepared.probe.length_s
    session = vision.start(
        order.prepared,
        order.form.capacity,
        lambda frames: report(frames / GRID_FPS, max(frames / GRID_FPS, duration_s)),
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
        audio, report = order.prepared.audio, Reporter(pipe, order.job, "speech")
        transcript = transcriber.transcribe(  # type: ignore[union-attr]
            audio, lambda done_s: report(done_s, audio.progress_s), order.video.transcript
        )
        return setup.stages.keep_words(order.video, transcript)

    if transcriber is not None:
        _answer(pipe, hear)


def _mux_loop(pipe: Pipe, setup: WorkerSetup, _: list[Ring]) -> None:
    def finish(order: Finish) -> object:
        report = Reporter(pipe, order.job, "clips")
        return setup.stages.finish(order.video, order.prepared, setup.models, setup.config, order.timings, report)

    pipe.send(Ready())
    _answer(pipe, finish)


def _extras_loop(pipe: Pipe, setup: WorkerSetup, _: list[Ring]) -> None:
    def extras(order: Extras) -> object:
        report = Reporter(pipe, order.job, "extras")
        return setup.stages.extras(order.video, order.prepared, setup.models, setup.config, report)

    pipe.send(Ready())
    _answer(pipe, extras)


def _answer(pipe: Pipe, act: Callable) -> None:
    """Does one job after another until told to stop."""
    while not isinstance(order := pipe.recv(), Stop):
        began_s = time.monotonic()
        try:
            value = act(order)
        except ParentGoneError:
            raise
        except Exception as error:
            pipe.send(failure(order.job, error))
        else:
            pipe.send(Done(order.job, value, began_s, time.monotonic()))


LOOPS = {
    "decode": decode_loop,
    "vision": _vision_loop,
    "speech": _speech_loop,
    "mux": _mux_loop,
    "extras": _extras_loop,
}
"""What each kind of worker does until it is told to stop."""
