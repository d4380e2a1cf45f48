"""The queue of videos to be begun: one after another, save those that another run has in its hands."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config import Config
from pipeline.errors import InputError, describe
from pipeline.executors.base import Attempt, Listener, result_of, with_earlier
from pipeline.executors.events import Event
from pipeline.executors.locks import NoRoomError, VideoLocks
from pipeline.executors.scheduler import Ended
from pipeline.outputs.failure import NO_AUDIO, ends_results
from pipeline.soundless import without_sound
from pipeline.stage import Graph, Models, VideoJob
from pipeline.types import VideoResult
from pipeline.wording import listed

LOOK_AGAIN_S = 2.0
"""A video that another run holds is asked for again after this time."""


@dataclass(frozen=True, slots=True)
class QueuedVideo:
    """A video to be begun."""

    video: VideoJob
    begun_s: float = 0.0
    """When it was begun, on ``time.monotonic``; 0 while it is not."""
    not_before_s: float = 0.0
    elsewhere: bool = False
    """Another run held it when it was asked for."""


class AdmissionQueue:
    """The videos that are still to be begun, and the locks on those that are.

    `acquire`, `report` and `release` may wait for a disk or a storage: an executor that must not wait calls them in one
    other thread.

    Args:
        config: settings of the run.
        work_dir: folder for temporary files.
        videos: in their order.
        listener: is told what is begun, and the result of a video for which there is nothing to do.
        graph: the stages.
    """

    def __init__(
        self, config: Config, work_dir: Path, videos: Sequence[VideoJob], listener: Listener, graph: Graph
    ) -> None:
        self._listener, self._config, self._graph = listener, config, graph
        self._locks = VideoLocks(config, work_dir, graph)
        self._queue = deque(QueuedVideo(video) for video in videos)
        self._is_held_back = False
        """Too little free space was found, and not enough since."""
        self._is_closed = False
        self._ending: set[Path] = set()
        """Folders of videos in the queue whose last attempt has ended and is not released yet."""

    def __len__(self) -> int:
        return 0 if self._is_closed else len(self._queue)

    def acquire(self, in_work: int = 0) -> QueuedVideo | None:
        """Return the next video that can be begun now, locked for this run; None when there is none.

        Where there is too little free space, nothing is begun while some videos are in work, whose end may make room;
        once none is, the videos fail.

        Args:
            in_work: videos that have been begun and have not ended.
        """
        for _ in range(len(self._queue)):
            if self._is_closed:
                break
            queued = self._queue.popleft()
            if queued.not_before_s > time.monotonic() or queued.video.folder in self._ending:
                self._queue.append(queued)
                continue
            begun_s = time.monotonic()
            try:
                taken = self._locks.acquire(queued.video)
            except (OSError, InputError) as error:
                if isinstance(error, NoRoomError) and in_work:
                    self._hold_back(queued, error, in_work)
                    return None
                code, text = describe(error)
                result = VideoResult(queued.video.path, "failed", code, text)
                self._listener.on_result(queued.video, with_earlier(result, queued.video.folder))
                continue
            if self._is_held_back:
                self._is_held_back = False
                self._listener.on_event(Event("disk", "there is room again: videos are begun"))
            if isinstance(taken, VideoResult):
                self._listener.on_result(queued.video, taken)
            elif taken is None:
                self._put_off(queued)
            else:
                self._tell_begun(taken)
                return dataclasses.replace(queued, video=taken, begun_s=begun_s)
        return None

    def report(self, attempt: Attempt, ended: Ended, models: Models) -> None:
        """Tell the listener the result of an attempt; may wait for a disk.

        A video that turned out to have no sound is queued again for the outputs that need none. It is begun once the
        attempt is released.

        Args:
            attempt: the attempt.
            ended: how it ended.
            models: of the run.
        """
        result = result_of(attempt, ended, models)
        again = self._without_sound(attempt.video, result)
        if again is None or again.no_sound is None:
            self._listener.on_result(attempt.video, result)
            return
        text = f"{again.no_sound.why}; it is begun again without sound, for {listed(again.no_sound.outputs)}"
        self._listener.on_event(Event(NO_AUDIO, text, attempt.video, level="warning"))
        self._ending.add(again.folder)
        self._queue.appendleft(QueuedVideo(again))

    def _without_sound(self, video: VideoJob, result: VideoResult) -> VideoJob | None:
        if video.no_sound is not None or result.reason_code != NO_AUDIO or not ends_results(NO_AUDIO, video.prints):
            return None
        return without_sound(self._graph, self._config, video, result.message)

    def release(self, video: VideoJob) -> None:
        """Let other runs have a video that has ended."""
        self._locks.release(video)
        self._ending.discard(video.folder)

    def release_all(self) -> None:
        """Let other runs have all videos."""
        self._locks.release_all()

    def close(self) -> None:
        """Begin no more videos."""
        self._is_closed = True

    def _hold_back(self, queued: QueuedVideo, error: NoRoomError, in_work: int) -> None:
        self._queue.appendleft(queued)
        if not self._is_held_back:
            self._is_held_back = True
            text = f"{error.strerror} in {error.filename}: no video is begun until there is room"
            text += f", or the {in_work} in work have ended"
            self._listener.on_event(Event("disk", text, level="warning"))

    def _put_off(self, queued: QueuedVideo) -> None:
        if not queued.elsewhere:
            text = "another run works on it; this one comes back to it"
            self._listener.on_event(Event("elsewhere", text, queued.video))
        again_s = time.monotonic() + LOOK_AGAIN_S
        self._queue.append(dataclasses.replace(queued, not_before_s=again_s, elsewhere=True))

    def _tell_begun(self, video: VideoJob) -> None:
        kept = sorted(video.kept)
        text = "begun" if video.no_sound is None else "begun without sound"
        text += f"; an earlier run has done its {listed(kept)}" if kept else ""
        self._listener.on_event(Event("begun", text, video, more={"kept": kept}))
