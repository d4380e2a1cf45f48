"""Messages that cannot be: each ends the attempt at its video, whatever Python is told to leave out."""

from __future__ import annotations

import ast
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from config import Config
from pipeline.clips.worker import FinishedVideo
from pipeline.executors.admission import Wanted
from pipeline.executors.local import messages as say
from pipeline.executors.local.desk import Desk
from pipeline.executors.local.executor import LocalExecutor
from pipeline.stages import Prepared, VideoJob
from pipeline.types import Probe, VideoResult

ROOT = Path(__file__).resolve().parents[4]


class Worker:
    """A worker that notes what it is told."""

    def __init__(self, kind: str) -> None:
        self.kind, self.number, self.name, self.ready = kind, 0, f"{kind}-0", True
        self.process, self.silent_s, self.over_gb = SimpleNamespace(exitcode=-11), 0.0, 0.0
        self.jobs: set[int] = set()
        self.told: list[object] = []

    def tell(self, message: object) -> None:
        self.told.append(message)


class Listener:
    def __init__(self) -> None:
        self.results: list[VideoResult] = []

    def on_result(self, video: VideoJob, result: VideoResult) -> None:
        self.results.append(result)

    def on_event(self, event: object) -> None: ...

    def on_progress(self, *_: object) -> None: ...


def desk_of(folder: Path) -> tuple[Desk, Listener, dict[str, Worker]]:
    """A desk with one video in work, which its decoder has just been given."""
    workers = {kind: Worker(kind) for kind in ("decode", "vision", "speech", "mux", "extras")}
    crew = SimpleNamespace(of=lambda kind: [workers[kind]], workers=list(workers.values()))
    released: list[VideoJob] = []
    intake = SimpleNamespace(release=released.append)
    listener = Listener()
    config = Config(MAX_VIDEOS_IN_FLIGHT=4)
    desk = Desk(config, (), cast(Any, crew), cast(Any, intake), cast(Any, listener), folder)
    desk.begin(Wanted(VideoJob(0, folder / "a.mp4", folder / "a"), 1, 0.0), cast(Any, workers["decode"]))
    return desk, listener, workers


OUT_OF_ORDER = {
    "pictures before the video is open": ("decode", say.Pictures(1, 0, 8)),
    "end of pictures before the video is open": ("decode", say.EndOfPictures(1, 0)),
    "room before the video is open": ("vision", say.Room(1, 8)),
    "words before the video is open": ("speech", say.Done(1, Path("words"), 0.0, 1.0)),
    "scores before the video is open": ("vision", say.Done(1, Path("scores"), 0.0, 1.0)),
    "clips before the video is open": ("mux", say.Done(1, FinishedVideo(Path("m"), 0, 0, 0), 0.0, 1.0)),
    "extras of no clips": ("extras", say.Done(1, None, 0.0, 1.0)),
    "an order from a worker": ("speech", say.Begin(1)),
}


@pytest.mark.parametrize("case", OUT_OF_ORDER)
def test_it_ends_the_attempt_and_not_the_run(tmp_path: Path, case: str) -> None:
    desk, listener, workers = desk_of(tmp_path)
    kind, message = OUT_OF_ORDER[case]
    desk.take(cast(Any, workers[kind]), message)
    (result,) = listener.results
    assert (result.status, result.reason_code) == ("failed", "internal_error")
    assert f"{kind}-0 said {type(message).__name__}" in result.message
    assert desk.active == {}
    desk.take(cast(Any, workers[kind]), message)
    desk.give_work()
    assert len(listener.results) == 1, "what comes later of that attempt is passed over"


def executor_of(desk: Desk) -> tuple[LocalExecutor, list[str]]:
    """An executor over *desk*, and the names of the workers that it replaces."""
    executor, replaced = object.__new__(LocalExecutor), list[str]()
    executor._config, executor._desk = Config(MAX_TRIES=2), desk
    executor._crew = cast(Any, SimpleNamespace(replace=lambda worker: replaced.append(worker.name)))
    return executor, replaced


@pytest.mark.parametrize("kind", ["decode", "vision", "speech", "mux"])
def test_a_worker_that_dies_after_the_clips_are_there_takes_nothing_back(tmp_path: Path, kind: str) -> None:
    """It may still hold the job while what is asked for beside the clips is written."""
    desk, listener, workers = desk_of(tmp_path)
    desk.active[1].finished = FinishedVideo(tmp_path / "m", 1, 0, 0)
    executor, replaced = executor_of(desk)
    workers[kind].jobs.add(1)
    executor._on_death(cast(Any, workers[kind]))
    assert replaced == [f"{kind}-0"] and listener.results == [] and list(desk.active) == [1]


def test_the_worker_of_what_stands_beside_the_clips_is_given_its_tries_and_no_more(tmp_path: Path) -> None:
    desk, listener, workers = desk_of(tmp_path)
    video = Probe(tmp_path / "a.mp4", "mp4", 1.0, 64, 48, Fraction(25), 0, Fraction(0), None, 0)
    desk.active[1].finished, desk.active[1].prepared = FinishedVideo(tmp_path / "m", 1, 0, 0), Prepared(video, None)
    executor, replaced = executor_of(desk)
    for tries in (1, 2):
        assert listener.results == []
        desk.active[1].extras_tries = tries
        workers["extras"].jobs.add(1)
        executor._on_death(cast(Any, workers["extras"]))
    (result,) = listener.results
    assert (result.status, result.clip_count, len(replaced)) == ("done", 1, 2)
    assert "extras-0" in result.details["notes"][0]


@pytest.mark.slow
def test_without_asserts_it_is_the_same() -> None:
    check = (
        "import tempfile; from pathlib import Path; from tests.pipeline.executors.local import test_desk\n"
        "for kind, message in test_desk.OUT_OF_ORDER.values():\n"
        "    desk, listener, workers = test_desk.desk_of(Path(tempfile.mkdtemp()))\n"
        "    desk.take(workers[kind], message)\n"
        "    print([result.reason_code for result in listener.results])\n"
    )
    done = subprocess.run([sys.executable, "-O", "-c", check], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['internal_error']"] * len(OUT_OF_ORDER)


def test_no_assert_stands_between_processes() -> None:
    """``python -O`` leaves them out."""
    folder = ROOT / "pipeline" / "executors"
    found = {
        f"{path.name}:{node.lineno}"
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert)
    }
    assert found == set()
