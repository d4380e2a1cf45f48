"""Videos are asked for one at a time, with pauses, and let go of when nobody works on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.executors.base import Attempt
from pipeline.executors.intake import Intake
from pipeline.executors.scheduler import Ended
from pipeline.stage import VideoJob

PAUSE_S = 2.0
VIDEO = VideoJob(0, Path("a.mp4"), Path("a"))
ATTEMPT = Attempt(VIDEO, 0.0)


class Queue:
    """Videos that wait, and what the queue is told."""

    def __init__(self) -> None:
        self.waiting = 3
        self.told: list[tuple[str, Any]] = []

    def __len__(self) -> int:
        return self.waiting

    def report(self, attempt: Attempt, ended: Ended, models: Any) -> None:
        self.told.append(("report", (attempt, ended, models)))

    def release(self, video: VideoJob) -> None:
        self.told.append(("release", video))


class Later:
    """A background whose calls run when the test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []

    def submit(self, call: Callable[[], Any], then: Callable[[Any], None] = lambda _: None) -> None:
        self.calls.append((call, then))

    def run(self) -> None:
        while self.calls:
            call, then = self.calls.pop(0)
            then(call())


class World:
    """An intake with a queue, a background and a clock of the test's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        monkeypatch.setattr("pipeline.executors.intake.time", SimpleNamespace(monotonic=lambda: self.now_s))
        self.queue, self.later = Queue(), Later()
        self.intake = Intake(cast(Any, self.queue), cast(Any, self.later), ("models",), PAUSE_S)  # type: ignore[arg-type]
        self.found: list[Any] = []

    def ask(self, answer: Any) -> None:
        assert self.intake.may_ask
        self.intake.ask(lambda: answer, self.found.append)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.mark.parametrize("answer", ["video", ["one", "two"]])
def test_it_is_asked_once_at_a_time_and_again_at_once_where_a_video_was_found(world: World, answer: Any) -> None:
    world.ask(answer)
    assert not world.intake.may_ask
    world.later.run()
    assert world.found == [answer] and world.intake.may_ask


@pytest.mark.parametrize("nothing", [None, []])
def test_where_none_can_be_begun_it_is_asked_again_after_a_pause(world: World, nothing: Any) -> None:
    """As while another run holds the rest: the parent must not ask without a pause."""
    world.ask(nothing)
    world.later.run()
    assert world.found == [nothing] and not world.intake.may_ask
    world.now_s += PAUSE_S - 0.1
    assert not world.intake.may_ask
    world.now_s += 0.1
    assert world.intake.may_ask


def test_an_empty_queue_is_not_asked(world: World) -> None:
    world.queue.waiting = 0
    assert not world.intake.may_ask


def test_the_end_of_a_video_is_reported_and_ends_the_pause(world: World) -> None:
    world.ask(None)
    world.later.run()
    world.intake.end(1, ATTEMPT, Ended(1, ()))
    assert world.intake.may_ask and world.queue.told == [], "the report may wait for a disk"
    world.later.run()
    assert world.queue.told == [("report", (ATTEMPT, Ended(1, ()), ("models",)))]


def test_a_video_is_let_go_of_once_when_no_worker_has_it_any_more(world: World) -> None:
    """It has failed, and a worker of it is still at work: another run would write into the same folder."""
    world.intake.end(1, ATTEMPT, Ended(1, ()))
    asked: list[int] = []

    def is_held(job: int) -> bool:
        asked.append(job)
        return len(asked) == 1

    world.intake.release(is_held)
    world.later.run()
    assert [what for what, _ in world.queue.told] == ["report"]
    world.ask(None)
    world.later.run()
    world.intake.release(is_held)
    assert world.intake.may_ask, "where it has room again, the next may be begun"
    world.intake.release(is_held)
    world.later.run()
    assert world.queue.told[1:] == [("release", VIDEO)] and asked == [1, 1]
