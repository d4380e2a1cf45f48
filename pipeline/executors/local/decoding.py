"""The decoding process of the local executor: sound to disk, pictures into its ring."""

from __future__ import annotations

import numpy as np

from pipeline.executors.local.messages import (
    Cancel,
    DecoderIdle,
    EndOfFrames,
    Frames,
    FramesReleased,
    OpenSource,
    Ready,
    SourceOpened,
    Stop,
    StreamFrames,
)
from pipeline.executors.local.ring import Ring
from pipeline.executors.local.setup import WorkerSetup
from pipeline.executors.local.transport import ParentGoneError, Pipe, ProgressReporter, Pulse, failure
from pipeline.executors.runtime import open_source
from pipeline.executors.work_dir import sound_path
from pipeline.machine import core_count
from pipeline.stage import DECODE
from pipeline.types import GRID_FPS
from pipeline.vision.settings import DECODE_BATCH


class _Count:
    """Adds up numbers."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, more: int) -> None:
        self.total += more


class _CancelledError(Exception):
    """The parent wants the job no more."""


def decode_loop(pipe: Pipe, setup: WorkerSetup, rings: list[Ring]) -> None:
    """Open sources and stream frames, one order after another, until told to stop."""
    pipe.send(Ready())
    while not isinstance(message := pipe.recv(), Stop):
        if not isinstance(message, OpenSource | StreamFrames):
            continue  # about a job that it has done with
        try:
            if isinstance(message, OpenSource):
                sound = sound_path(setup.work_dir, message.job) if message.with_sound else None
                opened = open_source(setup.graph, message.video, sound, setup.config, Pulse(pipe, message.job, DECODE))
                pipe.send(SourceOpened(message.job, opened))
            else:
                _stream(pipe, setup, rings[0], message)
        except _CancelledError:
            pass
        except ParentGoneError:
            raise
        except Exception as error:
            stream = message.stream if isinstance(message, StreamFrames) else 0
            pipe.send(failure(message.job, DECODE, error, stream))
        pipe.send(DecoderIdle(message.job))


def _stream(pipe: Pipe, setup: WorkerSetup, ring: Ring, order: StreamFrames) -> None:
    """Write pictures into the ring as far as there is room."""
    report, lost, opened, form = ProgressReporter(pipe, order.job, DECODE), _Count(), order.opened, order.form
    begin = needed = first = opened.probe.excerpt.first_frame
    count = 0
    threads = max(core_count() // setup.config.NUM_PREPROCESS_WORKERS, 1)
    size_px = (form.width_px, form.height_px)
    for frame, picture in enumerate(setup.graph.read_frames(opened, size_px, threads, lost), begin):
        full = frame - needed >= form.capacity
        if full and count:
            pipe.send(Frames(order.job, first, count, order.stream))
            first, count = frame, 0
        while full or pipe.poll():
            needed = _released(pipe.recv(), order.stream, needed)
            full = frame - needed >= form.capacity
        np.copyto(ring.pictures(form, frame, 1)[0], picture)
        count += 1
        if count == DECODE_BATCH or (frame + 1) % form.capacity == 0:
            pipe.send(Frames(order.job, first, count, order.stream))
            first, count = frame + 1, 0
            report((frame - begin) / GRID_FPS, opened.probe.length_s)
    if count:
        pipe.send(Frames(order.job, first, count, order.stream))
    report(opened.probe.length_s, opened.probe.length_s)
    pipe.send(EndOfFrames(order.job, lost.total, order.stream))


def _released(message: object, stream: int, needed: int) -> int:
    """Return the first frame that is still needed, after *message*; those about earlier streams are passed over."""
    match message:
        case FramesReleased(stream=of, needed=frame) if of == stream:
            return frame
        case Cancel(stream=of) if of == stream:
            raise _CancelledError
        case Stop():
            raise ParentGoneError
        case _:
            return needed
