"""The decoding process of the local executor: sound to disk, pictures into its ring."""

from __future__ import annotations

import numpy as np

from pipeline.executors.local.messages import (
    Begin,
    Cancel,
    Decode,
    EndOfPictures,
    Idle,
    Opened,
    Pictures,
    Ready,
    Room,
    Stop,
)
from pipeline.executors.local.ring import PictureFormat, Ring, fit
from pipeline.executors.local.setup import WorkerSetup
from pipeline.executors.local.transport import ParentGoneError, Pipe, Pulse, Reporter, failure
from pipeline.machine import core_count
from pipeline.stages import Prepared
from pipeline.types import GRID_FPS
from pipeline.vision.settings import DECODE_BATCH


class _Count:
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, more: int) -> None:
        self.total += more


class _CancelledError(Exception):
    """The parent gave the job up."""


def decode_loop(pipe: Pipe, setup: WorkerSetup, rings: list[Ring]) -> None:
    """Decodes one video after another until told to stop."""
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
                pipe.send(failure(message.job, error))
            pipe.send(Idle(message.job))


def _decode(pipe: Pipe, setup: WorkerSetup, ring: Ring, order: Decode) -> None:
    """Sound to disk, then pictures into the ring as far as there is room."""
    sound = setup.work_dir / f"{order.job}.pcm" if len(order.video.kept) < 2 else None
    prepared = setup.stages.prepare(order.video, sound, setup.config, Pulse(pipe, order.job))
    form = fit(prepared.probe, setup.config.RING_MB << 20, setup.stages.frames_held(setup.config))
    pipe.send(Opened(order.job, prepared, form))
    if "vision" not in order.video.kept:
        _await_begin(pipe, order.job)
        _send_pictures(pipe, setup, ring, order, prepared, form)


def _send_pictures(
    pipe: Pipe, setup: WorkerSetup, ring: Ring, order: Decode, prepared: Prepared, form: PictureFormat
) -> None:
    report, lost = Reporter(pipe, order.job, "decode"), _Count()
    begin = needed = first = prepared.probe.excerpt.first_frame
    count = 0
    threads = max(core_count() // int(setup.config.NUM_PREPROCESS_WORKERS), 1)
    size_px = (form.width_px, form.height_px)
    for frame, picture in enumerate(setup.stages.pictures(prepared, size_px, threads, lost), begin):
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
            report((frame - begin) / GRID_FPS, prepared.probe.length_s)
    if count:
        pipe.send(Pictures(order.job, first, count))
    report(prepared.probe.length_s, prepared.probe.length_s)
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
