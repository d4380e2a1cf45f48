"""Vision and speech of one video in the process that calls, as serial executor and workers of a cluster do them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from config import Config
from pipeline.executors.local.ring import PictureFormat, fit
from pipeline.stages import Prepared, Speech, Stages, VideoJob, Vision
from pipeline.types import GRID_FPS, FrameBatch
from pipeline.vision.settings import DECODE_BATCH

BATCHES_AHEAD = 2
"""Batches of pictures that `see` decodes before vision asks for them, where it does."""

T = TypeVar("T")

OnProgress = Callable[[float, float], None]
"""Is told how many seconds of the video are done, and of how many."""


def see(
    stages: Stages,
    vision: Vision,
    config: Config,
    video: VideoJob,
    prepared: Prepared,
    on_progress: OnProgress,
    threads: int = 0,
    ahead: bool = False,
) -> tuple[Path, tuple[str, ...]]:
    """Shows all pictures to vision, in the same size and batches as through the ring.

    Args:
        stages: what is run.
        vision: its models.
        config: settings.
        video: which one.
        prepared: with its sound.
        on_progress: of vision.
        threads: of the decoder; 0: as many as it likes.
        ahead: decode in a thread of its own while vision is at work.

    Returns:
        The file with the result, for `kept.put_in_place`, and what people should know of the work.
    """
    form = fit(prepared.probe, config.RING_MB << 20, stages.frames_held(config))
    duration_s = prepared.probe.length_s
    lost: list[int] = []
    session = vision.start(
        prepared, form.capacity, lambda frames: on_progress(frames / GRID_FPS, max(frames / GRID_FPS, duration_s))
    )
    batches = _batches(stages, prepared, form, threads, lost.append)
    for batch in read_ahead(batches, BATCHES_AHEAD) if ahead else batches:
        session.push(batch)
    return stages.keep_tracks(video, prepared, session.finish(), sum(lost)), session.notes


def hear(stages: Stages, speech: Speech, video: VideoJob, prepared: Prepared, on_progress: OnProgress) -> Path:
    """Transcribes the sound; returns the file with the result, for `kept.put_in_place`."""
    duration_s = prepared.audio.progress_s
    transcript = speech.transcribe(prepared.audio, lambda done_s: on_progress(done_s, duration_s), video.transcript)
    return stages.keep_words(video, transcript)


def _batches(
    stages: Stages, prepared: Prepared, form: PictureFormat, threads: int, on_lost: Callable[[int], None]
) -> Iterator[FrameBatch]:
    first, held = prepared.probe.excerpt.first_frame, []
    for picture in stages.pictures(prepared, (form.width_px, form.height_px), threads, on_lost):
        held.append(picture.copy())
        if len(held) == DECODE_BATCH or (first + len(held)) % form.capacity == 0:
            yield FrameBatch(first, np.stack(held), form.scale)
            first, held = first + len(held), []
    if held:
        yield FrameBatch(first, np.stack(held), form.scale)


class _End:
    """Stands behind the last item, with what ended them."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def read_ahead(items: Iterator[T], most: int) -> Iterator[T]:
    """*items*, of which a thread reads up to *most* before they are asked for; what it raises is raised here."""
    waiting: queue.Queue[T | _End] = queue.Queue(most)
    left = threading.Event()

    def put(item: T | _End) -> None:
        while not left.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def read() -> None:
        error = None
        try:
            for item in items:
                put(item)
                if left.is_set():
                    return
        except BaseException as raised:
            error = raised
        put(_End(error))

    reader = threading.Thread(target=read, name="read-ahead", daemon=True)
    reader.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        left.set()
        reader.join()
