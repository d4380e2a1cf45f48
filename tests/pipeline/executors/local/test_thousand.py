"""A thousand videos leave no more descriptors, threads and processes open than ten."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from config import Config
from pipeline.executors.events import Event
from pipeline.executors.local.executor import LocalExecutor
from pipeline.executors.local.process_memory import tree_of
from pipeline.machine import resolved
from pipeline.stage import VideoJob
from pipeline.types import VideoResult
from tests.support import fake_stages

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux")]

ROOT = Path(__file__).resolve().parents[4]
COUNT, FEW = 1000, 10

LOOKS = 20
"""The least of so many looks is what is open all the time, without what the work in hand has open."""


@dataclass
class Look:
    """What this process and each of its children have open at a time."""

    lasting: dict[int, tuple[int, int]]
    """By process id: descriptors, but for those of single videos, and threads."""
    videos: set[str]
    """The folders of videos in which anything is open, by their names."""


def open_now(folder: Path) -> Look:
    """What is open while the videos have their folders in *folder*."""
    look = Look({}, set())
    for process in tree_of(os.getpid()):
        with contextlib.suppress(OSError):
            own = Path(f"/proc/{process}")
            targets = [target for path in list((own / "fd").iterdir()) if (target := target_of(path))]
            of_videos = [target for target in targets if folder in target.parents]
            look.videos |= {target.relative_to(folder).parts[0] for target in of_videos}
            look.lasting[process] = len(targets) - len(of_videos), len(list((own / "task").iterdir()))
    return look


def target_of(descriptor: Path) -> Path | None:
    """What a descriptor stands for; None when it has been closed meanwhile."""
    with contextlib.suppress(OSError):
        return descriptor.readlink()
    return None


def least(looks: list[dict[int, tuple[int, int]]]) -> dict[int, tuple[int, int]]:
    return {
        process: (min(look[process][0] for look in looks), min(look[process][1] for look in looks))
        for process in set.intersection(*(set(look) for look in looks))
    }


class Looker:
    """Looks at what is open after each of the first few videos and of the last few while others are in work.

    Args:
        folder: where the videos have their folders.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ended: set[str] = set()
        self.left_open: set[str] = set()
        """Videos of which something was open when a later one ended."""
        self.first: list[dict[int, tuple[int, int]]] = []
        self.last: list[dict[int, tuple[int, int]]] = []

    def on_progress(self, video: VideoJob, stage: str, done: float, total: float) -> None:
        pass

    def on_event(self, event: Event) -> None:
        pass

    def on_result(self, video: VideoJob, result: VideoResult) -> None:
        assert result.status == "done", result.message
        done = len(self.ended) + 1
        if FEW <= done < FEW + LOOKS:
            self.look(self.first)
        elif COUNT - FEW - LOOKS <= done < COUNT - FEW:
            self.look(self.last)
        self.ended.add(video.folder.name)

    def look(self, looks: list[dict[int, tuple[int, int]]]) -> None:
        """Looks at what is open, and puts what may last into *looks*."""
        look = open_now(self.folder)
        self.left_open |= look.videos & self.ended
        looks.append(look.lasting)


def is_more(last: tuple[int, int], first: tuple[int, int]) -> bool:
    return last[0] > first[0] or last[1] > first[1]


def test_a_thousand_videos_leave_nothing_open(tmp_path: Path) -> None:
    """In a process of its own, where nothing of other tests is counted."""
    (tmp_path / "work").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(Path(__file__).resolve()), str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert list((tmp_path / "work").iterdir()) == []


def run_a_thousand(folder: Path) -> None:
    config = resolved(Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", RING_MB=16, NUM_PREPROCESS_WORKERS=2))
    results = folder / "results"
    jobs = [VideoJob(number, folder / f"short-{number}.mp4", results / str(number)) for number in range(COUNT)]
    looker = Looker(results)
    LocalExecutor(config, (), folder / "work", fake_stages.GRAPH).run(jobs, looker)
    assert len(looker.ended) == COUNT, len(looker.ended)
    assert not looker.left_open, f"something of these was open after they had ended: {looker.left_open}"
    first, last = least(looker.first), least(looker.last)
    assert len(first) >= 6, "this process, two decoders, vision, speech, clips"
    assert set(last) == set(first), "no process has come or gone"
    more = {process: (first[process], last[process]) for process in first if is_more(last[process], first[process])}
    assert not more, f"descriptors and threads after ten videos, and after a thousand: {more}"


if __name__ == "__main__":
    run_a_thousand(Path(sys.argv[1]))
