"""The workers of a cluster as its driver sees them, and what an engine must be able to do with them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.executors.cluster.worker import Begun, Order
from pipeline.executors.local.messages import Alive, Progress
from pipeline.stages import VideoJob


@dataclass(slots=True, eq=False)
class Member:
    """One worker, as the driver sees it."""

    kind: str
    actor: Any
    """What the engine knows it by."""
    order: Order | None = None
    asked: Any = None
    """What stands for the answer to what it was asked last; None while it has nothing to do."""
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
    """How long it had said nothing when it was ended for that."""


@dataclass(slots=True, eq=False)
class Team:
    """A member of each kind, on one machine."""

    members: list[Member]
    place: Any
    """What the engine knows it by."""

    @property
    def is_ready(self) -> bool:
        return all(member.ready for member in self.members)


@dataclass(frozen=True, slots=True)
class Lost:
    """Instead of an answer: the member is gone, and the engine has not been able to repeat the call."""

    why: str


class Cluster(Protocol):
    """An engine that places workers on machines and starts them again."""

    def open(self, videos: Sequence[VideoJob]) -> None:
        """Joins the cluster and asks every machine whether it sees what the run needs; InputError where not."""
        ...

    def close(self, members: Sequence[Member]) -> None:
        """Ends the *members* and leaves the cluster."""
        ...

    def machines(self) -> Sequence[Mapping[str, float]]:
        """What each machine has in all."""
        ...

    def living(self) -> set[str]:
        """The machines that are there."""
        ...

    def new_team(self) -> Team:
        """Asks for a team: it can be given work when each member says that it is ready."""
        ...

    def give_up(self, team: Team) -> None:
        """Ends it; its members are not started again."""
        ...

    def ask(self, member: Member) -> Any:
        """Asks whether it can work: the answer is a `Readiness`."""
        ...

    def do(self, member: Member, order: Order) -> Any:
        """Gives it work: the answer is an `Outcome` or `Failed`."""
        ...

    def restart(self, member: Member) -> None:
        """Ends its process; the engine starts another and repeats the call, if it may."""
        ...

    def is_starting(self, member: Member) -> bool:
        """Whether its process, or the one that takes its place, is not up yet: it cannot say anything."""
        ...

    def answers(self, asked: Sequence[Any], within_s: float) -> list[tuple[Any, Any]]:
        """Waits for an answer; all that are there, each with what was asked. `Lost` where nobody answers any more."""
        ...

    def reports(self) -> list[tuple[str, Begun | Alive | Progress]]:
        """What the members have said meanwhile, each with its kind."""
        ...

    def tidy(self, members: Sequence[Member]) -> None:
        """Lets them remove their temporary files."""
        ...
