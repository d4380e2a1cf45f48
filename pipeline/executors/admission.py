"""Which video a run begins next: one after another, save those that another run has in its hands."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config import Config
from pipeline.errors import InputError
from pipeline.executors.base import Listener, with_earlier
from pipeline.executors.events import Event
from pipeline.executors.locks import Claims, NoRoomError
from pipeline.stages import VideoJob, describe
from pipeline.types import VideoResult
from pipeline.wording import listed

LOOK_AGAIN_S = 2.0
"""A video that another run holds is asked for again after this time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A video to be begun."""

    video: VideoJob
    tries: int = 1
    """How often it will have been begun then."""
    begun_s: float = 0.0
    """When it was begun first, on ``time.monotonic``; 0 when it never was."""
    not_before_s: float = 0.0
    elsewhere: bool = False
    """Another run held it when it was asked for."""


class Intake:
    """The videos that are still to be begun, and the claims on those that are.

    Args:
        config: settings of the run.
        work_dir: folder for temporary files.
        videos: in their order.
        listener: is told what is begun, and the result of a video for which there is nothing to do.
    """

    def __init__(self, config: Config, work_dir: Path, videos: Sequence[VideoJob], listener: Listener) -> None:
        self._config, self._listener = config, listener
        self._claims = Claims(config, work_dir)
        self._queue = deque(Wanted(video) for video in videos)
        self._is_held_back = False
        """Too little free space was found, and not enough since."""

    def __len__(self) -> int:
        return len(self._queue)

    def next(self, in_work: int = 0) -> Wanted | None:
        """Return the next one that can be begun now, taken for this run; None when there is none.

        Where there is too little free space, nothing is begun while some videos are in work, whose end may make room;
        once none is, the videos fail.

        Args:
            in_work: videos that have been begun and have not ended.
        """
        for _ in range(len(self._queue)):
            wanted = self._queue.popleft()
            if wanted.not_before_s > time.monotonic():
                self._queue.append(wanted)
                continue
            begun_s = wanted.begun_s or time.monotonic()
            try:
                taken = self._claims.take(wanted.video)
            except (OSError, InputError) as error:
                if isinstance(error, NoRoomError) and in_work:
                    self._hold_back(wanted, error, in_work)
                    return None
                code, text = describe(error)
                result = VideoResult(wanted.video.path, "failed", code, text)
                self._listener.on_result(wanted.video, with_earlier(result, wanted.video.folder))
                continue
            if self._is_held_back:
                self._is_held_back = False
                self._listener.on_event(Event("disk", "there is room again: videos are begun"))
            if isinstance(taken, VideoResult):
                self._listener.on_result(wanted.video, taken)
            elif taken is None:
                self._put_off(wanted)
            else:
                return self._begun(dataclasses.replace(wanted, video=taken, begun_s=begun_s))
        return None

    def again(self, video: VideoJob, tries: int, begun_s: float) -> None:
        """Puts back one whose attempt has failed; it stays taken."""
        self._queue.append(Wanted(video, tries, begun_s))

    def release(self, video: VideoJob) -> None:
        """Lets other runs have one that has ended."""
        self._claims.release(video)

    def release_all(self) -> None:
        """Lets other runs have all."""
        self._claims.release_all()

    def clear(self) -> None:
        """Nothing more is to be begun."""
        self._queue.clear()

    def _hold_back(self, wanted: Wanted, error: NoRoomError, in_work: int) -> None:
        self._queue.appendleft(wanted)
        if not self._is_held_back:
            self._is_held_back = True
            text = f"{error.strerror} in {error.filename}: no video is begun until there is room"
            text += f", or the {in_work} in work have ended"
            self._listener.on_event(Event("disk", text, level="warning"))

    def _put_off(self, wanted: Wanted) -> None:
        if not wanted.elsewhere:
            text = "another run works on it; this one comes back to it"
            self._listener.on_event(Event("elsewhere", text, wanted.video))
        again_s = time.monotonic() + LOOK_AGAIN_S
        self._queue.append(dataclasses.replace(wanted, not_before_s=again_s, elsewhere=True))

    def _begun(self, wanted: Wanted) -> Wanted:
        kept = sorted(wanted.video.kept)
        text = "begun" if wanted.tries == 1 else f"begun, try {wanted.tries} of {self._config.MAX_TRIES}"
        if kept:
            text += f"; an earlier run has done its {listed(kept)}"
        self._listener.on_event(Event("begun", text, wanted.video, more={"try": wanted.tries, "kept": kept}))
        return wanted
