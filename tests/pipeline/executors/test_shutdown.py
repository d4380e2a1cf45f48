"""The early end of a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.executors.admission import AdmissionQueue
from pipeline.executors.events import Event
from pipeline.executors.shutdown import Shutdown


class Queue:
    """Videos that wait."""

    def __init__(self, count: int) -> None:
        self.count, self.is_closed = count, False

    def __len__(self) -> int:
        return 0 if self.is_closed else self.count

    def close(self) -> None:
        self.is_closed = True


def check(shutdown: Shutdown, waiting: int, in_work: int, times: int = 2) -> list[Event]:
    queue, told = Queue(waiting), list[Event]()
    for _ in range(times):
        shutdown.check(cast(AdmissionQueue, queue), in_work, 0, told.append)
    assert queue.is_closed is shutdown.is_asked
    return told


def test_nothing_happens_while_nobody_asks() -> None:
    assert check(Shutdown(10.0), 3, 2) == []


@pytest.mark.parametrize(
    ("waiting", "in_work", "text"),
    [
        (3, 2, "interrupted: no more videos are begun; 10 s are left for 2 videos in work"),
        (0, 1, "interrupted: 10 s are left for 1 video in work"),
    ],
)
def test_the_time_that_is_left_is_told_once_whether_videos_wait_or_not(waiting: int, in_work: int, text: str) -> None:
    shutdown = Shutdown(10.2)
    shutdown.ask()
    (event,) = check(shutdown, waiting, in_work)
    assert event.message == f"{text} (interrupt again to end at once)"


def test_with_nothing_in_work_it_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shutdown, told = Shutdown(10.0), list[Any]()
    shutdown.ask()
    with pytest.raises(KeyboardInterrupt):
        shutdown.check(cast(AdmissionQueue, Queue(3)), 0, 0, told.append)
    assert told == []


def test_it_ends_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr("pipeline.executors.shutdown.time", SimpleNamespace(monotonic=lambda: now_s[0]))
    shutdown = Shutdown(10.0)
    shutdown.ask()
    check(shutdown, 0, 1, times=1)
    now_s[0] += 10.0
    with pytest.raises(KeyboardInterrupt):
        check(shutdown, 0, 1, times=1)
