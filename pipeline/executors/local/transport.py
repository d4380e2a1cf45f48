"""What a worker process says to its parent, and how it learns that the parent is gone."""

from __future__ import annotations

import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

from pipeline.executors.local.messages import Alive, Failed, Progress
from pipeline.stages import describe

PROGRESS_EVERY_S = 0.2
PULSE_EVERY_S = 5.0


class ParentGoneError(Exception):
    """There is nobody left to work for."""


class Pipe:
    """The pipe to the parent; when the parent is gone, it says so in a way that nothing else does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: object) -> None:
        try:
            self._connection.send(message)
        except OSError as error:
            raise ParentGoneError from error

    def recv(self) -> Any:
        try:
            return self._connection.recv()
        except (EOFError, OSError) as error:
            raise ParentGoneError from error

    def poll(self) -> bool:
        try:
            return self._connection.poll()
        except OSError as error:
            raise ParentGoneError from error


def failure(job: int, error: BaseException) -> Failed:
    """What to say of a job that *error* has ended."""
    code, message = describe(error)
    return Failed(job, code, message, "".join(traceback.format_exception(error)))


class Reporter:
    """Says how far a job is, a few times a second at most."""

    def __init__(self, pipe: Pipe, job: int, stage: str) -> None:
        self._pipe, self._job, self._stage = pipe, job, stage
        self._said_s = 0.0

    def __call__(self, done: float, total: float) -> None:
        now_s = time.monotonic()
        if now_s - self._said_s >= PROGRESS_EVERY_S or done >= total:
            self._said_s = now_s
            self._pipe.send(Progress(self._job, self._stage, done, total))


class Pulse:
    """Says from time to time that the sound of a job goes on."""

    def __init__(self, pipe: Pipe, job: int) -> None:
        self._pipe, self._job, self._said_s = pipe, job, time.monotonic()

    def __call__(self, _: float) -> None:
        if time.monotonic() - self._said_s >= PULSE_EVERY_S:
            self._said_s = time.monotonic()
            self._pipe.send(Alive(self._job))
