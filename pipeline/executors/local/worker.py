"""The processes of the local executor, from the inside: each waits on its pipe, works, and reports."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline.errors import describe
from pipeline.executors.local.decoding import decode_loop
from pipeline.executors.local.messages import (
    Cancel,
    EndOfFrames,
    Frames,
    FramesReleased,
    NotReady,
    Ready,
    RunStage,
    StageDone,
    Stop,
    StreamDropped,
)
from pipeline.executors.local.ring import Ring
from pipeline.executors.local.setup import WorkerSetup
from pipeline.executors.local.transport import ParentGoneError, Pipe, ProgressReporter, Pulse, failure
from pipeline.executors.picture_format import PictureFormat
from pipeline.executors.runtime import StageRun
from pipeline.stage import DECODE, Stage, Work
from pipeline.types import FrameBatch


def work(pipe: Connection, setup: WorkerSetup) -> None:
    """Run a worker until it is told to stop or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    os.environ.clear()
    os.environ.update(setup.environment)
    _name_process(setup.name)
    _end_with_parent()
    rings = [handle.map() for handle in setup.rings]
    loop = decode_loop if setup.kind == DECODE else stage_loop
    with contextlib.suppress(ParentGoneError):
        loop(Pipe(pipe), setup, rings)


def _leave(number: int, _: FrameType | None) -> None:
    """End this process as a signal asks for."""
    sys.exit(128 + number)


def _name_process(name: str) -> None:
    """Show *name* in ``ps`` and ``top``, where the system lets a process set it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(f"lipgen-{name}"[:15])


def _end_with_parent() -> None:
    """Put this process and those that it starts into a group of their own, which ends when the parent does.

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


def _use_threads(count: int) -> None:
    """Let the networks of this process compute with *count* threads."""
    import cv2
    import torch

    torch.set_num_threads(count)
    cv2.setNumThreads(count)


@dataclass(slots=True)
class _Fed:
    """A video whose frames this worker is handed."""

    order: RunStage
    run: StageRun
    form: PictureFormat
    ring: Ring
    report: ProgressReporter
    began_s: float = 0.0


def stage_loop(pipe: Pipe, setup: WorkerSetup, rings: list[Ring]) -> None:
    """Run the stages of one pool, one order after another; frames of several videos may come in turns."""
    if setup.threads is not None:
        _use_threads(setup.threads)
    stages = {stage.name: stage for stage in setup.stages}
    try:
        loaded = {
            name: stage.load(setup.config, setup.models, setup.device)
            for name, stage in stages.items()
            if stage.load is not None
        }
    except Exception as error:
        pipe.send(NotReady(describe(error)[1], traceback.format_exc()))
        return
    pipe.send(Ready())
    fed: dict[int, _Fed] = {}  # by their streams
    while not isinstance(message := pipe.recv(), Stop):
        name, stream = message.stage if isinstance(message, RunStage) else "", message.stream
        if isinstance(message, Cancel):
            fed.pop(stream, None)
            pipe.send(StreamDropped(message.job, stream))
            continue
        try:
            if isinstance(message, RunStage):
                work = _work_of(pipe, setup, message, loaded.get(name))
                if message.form is None:
                    _run(pipe, stages[name], work, message)
                else:
                    run = StageRun(stages[name], work)
                    report = ProgressReporter(pipe, message.job, name)
                    fed[stream] = _Fed(message, run, message.form, rings[message.decoder], report)
            elif stream in fed:
                name = fed[stream].order.stage
                _feed(pipe, fed, message)
        except ParentGoneError:
            raise
        except Exception as error:
            fed.pop(stream, None)
            pipe.send(failure(message.job, name, error, stream))


def _work_of(pipe: Pipe, setup: WorkerSetup, order: RunStage, loaded: Any) -> Work:
    return Work(
        order.video,
        order.opened,
        setup.config,
        order.video.models or setup.models,
        loaded,
        report=ProgressReporter(pipe, order.job, order.stage),
        pulse=Pulse(pipe, order.job, order.stage),
        timings=order.timings,
        capacity=0 if order.form is None else order.form.capacity,
    )


def _run(pipe: Pipe, stage: Stage, work: Work, order: RunStage) -> None:
    began_s = time.monotonic()
    result = StageRun(stage, work).finish()
    pipe.send(StageDone(order.job, order.stage, result, began_s, time.monotonic()))


def _feed(pipe: Pipe, fed: dict[int, _Fed], message: Frames | EndOfFrames) -> None:
    video, stream = fed[message.stream], message.stream
    video.began_s = video.began_s or time.monotonic()
    match message:
        case Frames(job, first_frame, count):
            frames = video.ring.pictures(video.form, first_frame, count)
            needed = video.run.push(FrameBatch(first_frame, frames, video.form.scale))
            pipe.send(FramesReleased(job, needed, stream))
        case EndOfFrames(job, lost_packets):
            result = video.run.finish(lost_packets)
            del fed[stream]
            length_s = video.order.opened.probe.length_s
            video.report(length_s, length_s)
            pipe.send(StageDone(job, video.order.stage, result, video.began_s, time.monotonic(), stream))
