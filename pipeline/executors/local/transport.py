"""A worker's end of the pipe to its parent, and the reports that it sends."""

from __future__ import annotations

import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

from pipeline.errors import describe
from pipeline.executors.reports import Failed, Heartbeat, Progress

PROGRESS_EVERY_S = 0.2
HEARTBEAT_EVERY_S = 5.0


class ParentGoneError(Exception):
    """There is nobody left to work for."""


class Pipe:
    """The pipe to the parent; when the parent is gone, it raises an error that nothing else raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: object) -> None:
        """Send *message*."""
        try:
            self._connection.send(message)
        except OSError as error:
            raise ParentGoneError from error

    def recv(self) -> Any:
        """Wait for a message."""
        try:
            return self._connection.recv()
        except (EOFError, OSError) as error:
            raise ParentGoneError from error

    def poll(self) -> bool:
        """Return True where a message waits."""
        try:
            return self._connection.poll()
        except OSError as error:
            raise ParentGoneError from error


def failure(job: int, stage: str, error: BaseException, stream: int = 0) -> Failed:
    """Return the message about a stage of a job that *error* has ended."""
    code, message = describe(error)
    return Failed(job, code, message, "".join(traceback.format_exception(error)), stage, stream)


class ProgressReporter:
    """Sends the progress of a stage of a job, a few times a second at most."""

    def __init__(self, pipe: Pipe, job: int, stage: str) -> None:
        self._pipe, self._job, self._stage = pipe, job, stage
        self._sent_s = 0.0

    def __call__(self, done: float, total: float) -> None:
        """Report *done* of *total*."""
        now_s = time.monotonic()
        if now_s - self._sent_s >= PROGRESS_EVERY_S or done >= total:
            self._sent_s = now_s
            self._pipe.send(Progress(self._job, self._stage, done, total))


class Pulse:
    """Sends a heartbeat of a stage of a job from time to time."""

    def __init__(self, pipe: Pipe, job: int, stage: str) -> None:
        self._pipe, self._job, self._stage, self._sent_s = pipe, job, stage, time.monotonic()

    def __call__(self, *_: object) -> None:
        """Send one, if it is time."""
        if time.monotonic() - self._sent_s >= HEARTBEAT_EVERY_S:
            self._sent_s = time.monotonic()
            self._pipe.send(Heartbeat(self._job, self._stage))
