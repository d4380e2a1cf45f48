"""The workers of a cluster as its driver sees them, and what an engine must be able to do with them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.executors.cluster.worker import Begun, RunStage
from pipeline.executors.reports import Heartbeat, Progress
from pipeline.stage import VideoJob


@dataclass(slots=True, eq=False)
class ActorHandle:
    """One worker, as the driver sees it."""

    kind: str
    actor: Any
    """The engine's own handle."""
    order: RunStage | None = None
    asked: Any = None
    """The engine's stand-in for the answer to the last call; None while it has nothing to do."""
    heard_s: float = field(default_factory=time.monotonic)
    """When it last said something or was told something, on ``time.monotonic``."""
    ready: bool = False
    machine: str = ""
    """Where it was last."""
    lost_s: float = 0.0
    """When it was found to be gone, while it has not come back."""
    starting_s: float = 0.0
    """When it was found to be starting, while it is not up."""
    silent_s: float = 0.0
    """Seconds that it had been silent when it was killed for that."""


@dataclass(slots=True, eq=False)
class WorkerGroup:
    """A worker of each kind, on one machine."""

    workers: list[ActorHandle]
    place: Any
    """The engine's own handle."""

    @property
    def is_ready(self) -> bool:
        return all(worker.ready for worker in self.workers)


@dataclass(frozen=True, slots=True)
class Lost:
    """Instead of an answer: the worker is gone, and the engine has not been able to repeat the call."""

    why: str


class ClusterBackend(Protocol):
    """An engine that places workers on machines and starts them again."""

    def open(self, videos: Sequence[VideoJob]) -> None:
        """Joins the cluster and asks every machine whether it sees what the run needs; InputError where not."""
        ...

    def close(self, workers: Sequence[ActorHandle]) -> None:
        """Ends the *workers* and leaves the cluster."""
        ...

    def machines(self) -> Sequence[Mapping[str, float]]:
        """Return the resources of each machine."""
        ...

    def living(self) -> set[str]:
        """The machines that are there."""
        ...

    def new_group(self) -> WorkerGroup:
        """Asks for a group: it can be given work when each worker says that it is ready."""
        ...

    def give_up(self, group: WorkerGroup) -> None:
        """Ends it; its workers are not started again."""
        ...

    def ask(self, worker: ActorHandle) -> Any:
        """Asks whether it can work: the answer is a `Readiness`."""
        ...

    def do(self, worker: ActorHandle, order: RunStage) -> Any:
        """Gives it work: the answer is an `Outcome` or `Failed`."""
        ...

    def restart(self, worker: ActorHandle) -> None:
        """Ends its process; the engine starts another and repeats the call, if it may."""
        ...

    def is_starting(self, worker: ActorHandle) -> bool:
        """Return True while its process, or the one that takes its place, is not up yet: it cannot say anything."""
        ...

    def answers(self, asked: Sequence[Any], within_s: float) -> list[tuple[Any, Any]]:
        """Waits for an answer; all that are there, each with what was asked. `Lost` where nobody answers any more."""
        ...

    def reports(self) -> list[tuple[str, Begun | Heartbeat | Progress]]:
        """Return the reports that came meanwhile, each with the worker's kind."""
        ...

    def tidy(self, workers: Sequence[ActorHandle]) -> None:
        """Lets them remove their temporary files."""
        ...
