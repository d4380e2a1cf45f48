"""One stage of one video in the process that calls, whatever executor it belongs to.

What the stage needs is brought to this machine, the stage is run, what it makes gets its names, and is pushed where the
results lie on a storage.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import shutil
import threading
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from pipeline import results
from pipeline.errors import InputError
from pipeline.executors.picture_format import PictureFormat
from pipeline.machine import ResolvedConfig
from pipeline.results import MANIFEST, NEXT
from pipeline.stage import FrameConsumer, Graph, OpenedVideo, Stage, StageResult, VideoJob, Work
from pipeline.storage.copies import Stamps, bring, bring_video, push_changed, push_named, remove_named, stamps
from pipeline.storage.places import check
from pipeline.types import FrameBatch
from pipeline.vision.settings import DECODE_BATCH

BATCHES_AHEAD = 2
"""Batches of pictures that are decoded before their consumer asks for them, where a thread does that."""

T = TypeVar("T")


def open_source(
    graph: Graph, video: VideoJob, sound: Path | None, config: ResolvedConfig, on_seconds: Callable[[float], None]
) -> OpenedVideo:
    """Open a video, which is fetched first where it lies on a storage, and called by its URL then.

    Args:
        graph: tells how it is opened.
        video: the video.
        sound: where its sound goes; None where no stage needs it.
        config: settings.
        on_seconds: is told the seconds done.

    Raises:
        InputError: the file cannot be used or had.
        OSError: there is no room for it or its sound.
    """
    if video.remote is not None:
        bring_video(video.remote, lambda _: on_seconds(0.0))
        if graph.final.name in video.kept:
            bring(video.remote, (MANIFEST,))
    opened = graph.open_video(video, sound, config, on_seconds)
    if video.remote is None or video.remote.video is None:
        return opened
    return dataclasses.replace(opened, probe=dataclasses.replace(opened.probe, url=video.remote.video.url))


class StageRun:
    """One stage of one video.

    Args:
        stage: the stage.
        work: its work; the token is replaced.

    Raises:
        InputError: what it needs cannot be had.
        Exception: whatever the stage raises as it begins.
    """

    def __init__(self, stage: Stage, work: Work) -> None:
        self._stage = stage
        # An output begins when the new results have taken the place of the old ones.
        video = dataclasses.replace(work.video, renews=False) if stage.optional else work.video
        self._work = dataclasses.replace(work, video=video, token=f"{os.getpid()}-{uuid.uuid4().hex[:8]}")
        self._before = self._bring()
        self._work.folder.mkdir(parents=True, exist_ok=True)
        if stage.optional:
            note = results.forget_made(video.folder, stage.name)
            if video.remote is not None:
                remove_named(video.remote, note)
        with self._undone():
            begun = stage.run(self._work)
        self._consumer: FrameConsumer | None = None
        self._result = StageResult()
        if isinstance(begun, StageResult):
            self._result = begun
        else:
            self._consumer = begun

    def push(self, batch: FrameBatch) -> int:
        """Hand pictures to a stage that is fed with them; return the first frame that it still needs."""
        if self._consumer is None:
            raise TypeError(f"{self._stage.name} is not fed with frames")
        with self._undone():
            return self._consumer.push(batch)

    def finish(self, lost_packets: int = 0) -> StageResult:
        """End the stage: its artifacts get their names, here and on a storage."""
        with self._undone():
            if self._consumer is not None:
                self._result = self._consumer.finish(lost_packets)
            self._commit()
        return self._result

    def _bring(self) -> Stamps:
        """Fetch what the stage needs from a storage; return what lies in the folder before it begins."""
        video, stage = self._work.video, self._stage
        if video.remote is None:
            return {}
        if stage.reads_source:
            bring_video(video.remote, lambda _: self._work.pulse())
        wants = stage.wants if video.no_sound is None else ()
        names = [artifact.file for artifact in (*stage.needs, *wants)]
        if video.renews:
            names += [f"{NEXT}/{name}" for name in names]
        bring(video.remote, names, lambda _: self._work.pulse())
        return stamps(video.folder)

    def _commit(self) -> None:
        video, stage = self._work.video, self._stage
        pending = [(self._work.pending(artifact), artifact) for artifact in stage.makes]
        pending = [(path, artifact) for path, artifact in pending if path.is_file()]
        for path, artifact in pending:
            if video.remote is not None:
                name = f"{NEXT}/{artifact.file}" if video.renews else artifact.file
                push_named(video.remote, path, name)
            results.commit(path, artifact)
        if video.remote is not None and not stage.feeds:
            now = stamps(video.folder)
            pushed = {artifact.file: now[artifact.file] for _, artifact in pending if artifact.file in now}
            push_changed(video.remote, {**self._before, **pushed}, self._work.pulse)
        if stage.optional:
            note = results.note_made(video.folder, stage.name, video.prints.of(stage.name))
            if video.remote is not None:
                push_named(video.remote, video.folder / note, note)

    @contextmanager
    def _undone(self) -> Generator[None, None, None]:
        """Delete what was half made where the stage fails."""
        try:
            yield
        except BaseException:
            for artifact in self._stage.makes:
                with contextlib.suppress(OSError):
                    self._work.pending(artifact).unlink(missing_ok=True)
            raise


def run_stage(stage: Stage, work: Work, batches: Iterable[FrameBatch] = (), lost: Sequence[int] = ()) -> StageResult:
    """Run one stage of one video from beginning to end.

    Args:
        stage: the stage.
        work: its work.
        batches: all pictures, for a stage that is fed with them.
        lost: numbers of packets that could not be decoded, complete when *batches* has ended.
    """
    run = StageRun(stage, work)
    for batch in batches:
        run.push(batch)
    return run.finish(sum(lost))


def frame_batches(
    graph: Graph,
    opened: OpenedVideo,
    form: PictureFormat,
    on_lost: Callable[[int], None],
    threads: int = 0,
    ahead: bool = False,
) -> Iterator[FrameBatch]:
    """Yield all pictures in the same batches as through a ring.

    Args:
        graph: tells how they are read.
        opened: the video.
        form: their size.
        on_lost: takes the number of packets that could not be decoded, as that is found.
        threads: of the decoder; 0: as many as it likes.
        ahead: decode in a thread of its own.
    """
    batches = _batches(graph, opened, form, threads, on_lost)
    yield from read_ahead(batches, BATCHES_AHEAD) if ahead else batches


def _batches(
    graph: Graph, opened: OpenedVideo, form: PictureFormat, threads: int, on_lost: Callable[[int], None]
) -> Iterator[FrameBatch]:
    first = opened.probe.excerpt.first_frame
    held: list[np.ndarray] = []
    for picture in graph.read_frames(opened, (form.width_px, form.height_px), threads, on_lost):
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
    """Yield *items*, of which a thread reads up to *most* before they are asked for; what it raises is raised here."""
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


@contextmanager
def localized(
    video: VideoJob, opened: OpenedVideo | None, folder: Path
) -> Generator[tuple[VideoJob, OpenedVideo | None], None, None]:
    """Give a video, and what is known of it, a mirror of its own in *folder*, which goes at the end.

    What does not lie on a storage stays where it is.

    Raises:
        InputError: what is raised inside, naming the URL in place of a path.
    """
    if video.remote is None:
        yield video, opened
        return
    place = video.remote.moved(folder / f"mirror-{uuid.uuid4().hex[:8]}")
    path = video.path if place.video is None else place.video.path
    home = video.folder if place.results is None else place.results.path
    if opened is not None:
        opened = dataclasses.replace(opened, probe=dataclasses.replace(opened.probe, path=path))
    try:
        yield dataclasses.replace(video, path=path, folder=home, remote=place), opened
    except InputError as error:
        if error.path is None:
            raise
        raise InputError(error.reason_code, place.told(error.message), place.told(str(error.path))) from error
    finally:
        shutil.rmtree(place.root, ignore_errors=True)


def storage_problems(videos: Sequence[VideoJob]) -> list[str]:
    """Return what this machine cannot do on the storage of *videos*, a line each; none where it is fit."""
    copies = [video.remote for video in videos if video.remote is not None]
    source = next((each.video.url for each in copies if each.video is not None), "")
    output = next((each.results.url for each in copies if each.results is not None), "")
    try:
        check(source, output)
    except InputError as error:
        return [str(error)]
    return []
