"""A thousand videos leave no more descriptors, threads and processes open than ten."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import fake_stages
import pytest

from config import Config
from pipeline.executors.journal import Event
from pipeline.executors.local import LocalExecutor
from pipeline.executors.memory import tree_of
from pipeline.machine import resolved
from pipeline.stages import VideoJob
from pipeline.types import VideoResult

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux")

COUNT, FEW = 1000, 10

SLACK = 5
"""Descriptors that may come in this process: libraries that other tests have used go on in it. One left open by each
hundredth video would be ten."""

LOOKS = 20
"""The least of so many looks is what is open all the time, without what the work in hand has open."""


def open_now() -> dict[int, tuple[int, int]]:
    """Descriptors and threads of this process and of each of its children, by process id.

    Of this process Python's threads count: libraries that other tests have used may keep some of their own.
    """
    found = {}
    for process in tree_of(os.getpid()):
        with contextlib.suppress(OSError):
            folder = Path(f"/proc/{process}")
            threads = len(list((folder / "task").iterdir()))
            threads = threading.active_count() if process == os.getpid() else threads
            found[process] = len(list((folder / "fd").iterdir())), threads
    return found


def least(looks: list[dict[int, tuple[int, int]]]) -> dict[int, tuple[int, int]]:
    return {
        process: (min(look[process][0] for look in looks), min(look[process][1] for look in looks))
        for process in set.intersection(*(set(look) for look in looks))
    }


class Looker:
    """Looks at what is open after each of the first few videos and of the last few while others are in work."""

    def __init__(self) -> None:
        self.done = 0
        self.first: list[dict[int, tuple[int, int]]] = []
        self.last: list[dict[int, tuple[int, int]]] = []

    def on_progress(self, video: VideoJob, stage: str, done: float, total: float) -> None:
        pass

    def on_event(self, event: Event) -> None:
        pass

    def on_result(self, video: VideoJob, result: VideoResult) -> None:
        assert result.status == "done", result.message
        self.done += 1
        if FEW <= self.done < FEW + LOOKS:
            self.first.append(open_now())
        elif COUNT - FEW - LOOKS <= self.done < COUNT - FEW:
            self.last.append(open_now())


def is_more(last: tuple[int, int], first: tuple[int, int]) -> bool:
    return last[0] > first[0] or last[1] > first[1]


def test_a_thousand_videos_leave_nothing_open(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    config = resolved(Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", RING_MB=16, NUM_PREPROCESS_WORKERS=2))
    jobs = [VideoJob(number, tmp_path / f"short-{number}.mp4", tmp_path / str(number)) for number in range(COUNT)]
    looker = Looker()
    LocalExecutor(config, (), work, fake_stages.STAGES).run(jobs, looker)
    assert looker.done == COUNT
    assert len(least(looker.first)) >= 6, "this process, two decoders, vision, speech, mux"
    first, last = least(looker.first), least(looker.last)
    assert set(last) == set(first), "no process has come or gone"
    last[os.getpid()] = last[os.getpid()][0] - SLACK, last[os.getpid()][1]
    more = {process: (first[process], last[process]) for process in first if is_more(last[process], first[process])}
    assert not more, "descriptors and threads after ten videos, and after a thousand"
    assert list(work.iterdir()) == []
