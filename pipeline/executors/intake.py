"""The `AdmissionQueue` of an executor that must not wait: asked, told and released in its `Background`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.executors.admission import AdmissionQueue
from pipeline.executors.background import Background
from pipeline.executors.base import Attempt
from pipeline.executors.scheduler import Ended
from pipeline.stage import Models, VideoJob

T = TypeVar("T")


class Intake:
    """Takes videos in work, one question at a time, and lets go of those that have ended.

    Args:
        admission: the videos.
        background: runs the calls that may wait.
        models: of the run.
        pause_s: time after which it may be asked again when no video could be begun, unless one ends before.
    """

    def __init__(self, admission: AdmissionQueue, background: Background, models: Models, pause_s: float) -> None:
        self._admission, self._background, self._models = admission, background, models
        self._pause_s, self._is_asking, self._ask_again_s = pause_s, False, 0.0
        self._ended: dict[int, VideoJob] = {}

    @property
    def may_ask(self) -> bool:
        """True where a video may be waiting, and nobody has just been told that none can be begun."""
        return not self._is_asking and len(self._admission) > 0 and time.monotonic() >= self._ask_again_s

    def ask(self, call: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run *call*, which takes videos from the queue, and pass on what it finds.

        Args:
            call: called in the background; what it returns is empty or None where no video can be begun.
            then: takes that, in the thread that takes results of the background.
        """
        self._is_asking = True

        def answered(found: T) -> None:
            self._is_asking = False
            if not found:
                self._ask_again_s = time.monotonic() + self._pause_s
            then(found)

        self._background.submit(call, answered)

    def end(self, job: int, attempt: Attempt, ended: Ended) -> None:
        """Report how the video of a job has ended."""
        self._background.submit(lambda: self._admission.report(attempt, ended, self._models))
        self._ended[job] = attempt.video
        self._ask_again_s = 0.0

    def release(self, is_held: Callable[[int], bool]) -> None:
        """Let other runs have videos that have ended, but for those that a worker still has, which may yet write.

        Args:
            is_held: tells of a job whether a worker has it.
        """
        for job in [job for job in self._ended if not is_held(job)]:
            video = self._ended.pop(job)
            self._background.submit(lambda video=video: self._admission.release(video))
            self._ask_again_s = 0.0
