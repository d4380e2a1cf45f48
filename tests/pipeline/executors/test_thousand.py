"""A thousand videos leave no more descriptors, threads and processes open than ten."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
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

ROOT = Path(__file__).resolve().parents[3]
COUNT, FEW = 1000, 10

LOOKS = 20
"""The least of so many looks is what is open all the time, without what the work in hand has open."""


def open_now() -> dict[int, tuple[int, int]]:
    """Descriptors and threads of this process and of each of its children, by process id."""
    found = {}
    for process in tree_of(os.getpid()):
        with contextlib.suppress(OSError):
            folder = Path(f"/proc/{process}")
            found[process] = len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir()))
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
    """In a process of its own: libraries that other tests have used may open something at any time."""
    (tmp_path / "work").mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])}
    command = [sys.executable, str(Path(__file__).resolve()), str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert list((tmp_path / "work").iterdir()) == []


def run_a_thousand(folder: Path) -> None:
    config = resolved(Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", RING_MB=16, NUM_PREPROCESS_WORKERS=2))
    jobs = [VideoJob(number, folder / f"short-{number}.mp4", folder / str(number)) for number in range(COUNT)]
    looker = Looker()
    LocalExecutor(config, (), folder / "work", fake_stages.STAGES).run(jobs, looker)
    assert looker.done == COUNT, looker.done
    first, last = least(looker.first), least(looker.last)
    assert len(first) >= 6, "this process, two decoders, vision, speech, mux"
    assert set(last) == set(first), "no process has come or gone"
    more = {process: (first[process], last[process]) for process in first if is_more(last[process], first[process])}
    assert not more, f"descriptors and threads after ten videos, and after a thousand: {more}"


if __name__ == "__main__":
    run_a_thousand(Path(sys.argv[1]))
