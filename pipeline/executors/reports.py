"""Reports of workers, wherever they run: small values about a *job*, one video in work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failed:
    """From any worker: a stage, or the reading of the source, cannot be done. The worker itself goes on."""

    job: int
    reason_code: str
    message: str
    traceback: str
    stage: str = ""
    stream: int = 0
    """The stream of frames that it is about; 0: none."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """From a worker: it goes on with a stage of a job, with no progress to report."""

    job: int
    stage: str


@dataclass(frozen=True, slots=True)
class Progress:
    """From any worker: how far a stage of a job is, in the stage's unit."""

    job: int
    stage: str
    done: float
    total: float
