"""The executor for a cluster, on one that is made up: what it does when workers are lost, hang, or do not come."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InputError, WorkerDied
from pipeline.executors.cluster import executor as cluster_executor
from pipeline.executors.cluster import worker as cluster_worker
from pipeline.executors.cluster.backend import ActorHandle, Lost, WorkerGroup
from pipeline.executors.cluster.executor import ClusterExecutor
from pipeline.executors.cluster.resources import stages_of
from pipeline.executors.cluster.worker import NOT_READY, Begun, Readiness, RunStage, StageWorker
from pipeline.executors.locks import VideoLocks
from pipeline.executors.reports import Failed
from pipeline.machine import ResolvedConfig
from pipeline.stage import Graph, Models, VideoJob
from tests.support import counting, fake_stages
from tests.support.executing import CONFIG, Recorder, prepared

Happen = Callable[["MadeUp", ActorHandle, RunStage], Any]
"""What a worker answers instead of doing its work; None: it does it."""


@dataclass(frozen=True)
class Restart:
    """The worker has died; the engine starts it again by itself, and repeats the call."""

    takes_s: float


class MadeUp:
    """A cluster in this process, whose workers answer when they are asked; `happen` may have it otherwise."""

    def __init__(self, config: ResolvedConfig, models: Models, graph: Graph, happen: Happen) -> None:
        self.config, self.models, self.graph, self.happen = config, models, graph, happen
        self.pending: dict[int, tuple[ActorHandle, RunStage | None]] = {}
        self.count = 0
        self.said: list[tuple[str, Any]] = []
        self.gone: set[str] = set()
        self.restarted: list[str] = []
        self.made = 0
        self.fault = ""
        self.machine_of: dict[Any, str] = {}
        self.mute: set[ActorHandle] = set()
        self.up_s: dict[ActorHandle, float] = {}

    def open(self, videos: Sequence[VideoJob]) -> None: ...

    def close(self, workers: Sequence[ActorHandle]) -> None:
        for worker in workers:
            worker.actor.close()

    def machines(self) -> list[dict[str, float]]:
        return [{"CPU": 2.0}, {"CPU": 2.0}]

    def living(self) -> set[str]:
        return {f"machine-{number}" for number in range(10)} - self.gone

    def new_group(self) -> WorkerGroup:
        machine = f"machine-{self.made}"
        self.made += 1
        workers = []
        for kind in stages_of(self.graph, self.config):
            tell = lambda message, kind=kind: self.said.append((kind, message))  # noqa: E731
            workers.append(ActorHandle(kind, StageWorker(kind, self.config, self.models, self.graph, 1, tell)))
            self.machine_of[workers[-1].actor] = machine
        return WorkerGroup(workers, machine)

    def give_up(self, group: WorkerGroup) -> None:
        self.close(group.workers)

    def ask(self, worker: ActorHandle) -> int:
        return self._asked(worker, None)

    def do(self, worker: ActorHandle, order: RunStage) -> int:
        return self._asked(worker, order)

    def _asked(self, worker: ActorHandle, order: RunStage | None) -> int:
        self.count += 1
        self.pending[self.count] = (worker, order)
        return self.count

    def restart(self, worker: ActorHandle) -> None:
        self.restarted.append(worker.kind)
        self.mute.discard(worker)
        self.up_s.pop(worker, None)

    def is_starting(self, worker: ActorHandle) -> bool:
        return time.monotonic() < self.up_s.get(worker, 0.0)

    def answers(self, asked: Sequence[int], within_s: float) -> list[tuple[int, Any]]:
        found = []
        for number in asked:
            worker, order = self.pending[number]
            machine = self.machine_of[worker.actor]
            if machine in self.gone or worker in self.mute or self.is_starting(worker):
                continue
            if order is None:
                found.append((number, Readiness(machine, self.fault)))
                continue
            self.said.append((worker.kind, Begun(order.job, order.stage, machine)))
            answer = self.happen(self, worker, order)
            if answer == "silence":
                self.mute.add(worker)
                continue
            if isinstance(answer, Restart):
                self.up_s[worker] = time.monotonic() + answer.takes_s
                continue
            found.append((number, worker.actor.do(order) if answer is None else answer))
        return found

    def reports(self) -> list[tuple[str, Any]]:
        said, self.said = self.said, []
        return said

    def tidy(self, workers: Sequence[ActorHandle]) -> None: ...


def run(
    folder: Path,
    names: list[str],
    happen: Happen = lambda *_: None,
    config: ResolvedConfig = CONFIG,
    fault: str = "",
    graph: Graph = fake_stages.GRAPH,
) -> tuple[Recorder, MadeUp]:
    (folder / ".work").mkdir(exist_ok=True)
    config = dataclasses.replace(config, WORK_DIR=str(folder / ".work"))
    made: list[MadeUp] = []

    def kind(config: ResolvedConfig, models: Models, work_dir: Path, graph: Graph) -> ClusterExecutor:
        made.append(MadeUp(config, models, graph, happen))
        made[0].fault = fault
        return ClusterExecutor(config, models, work_dir, made[0], graph)

    recorder, executor, jobs = prepared(kind, folder, names, config, graph)
    executor.run(jobs, recorder)
    return recorder, made[0]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of nothing."""
    for name in ("LOOK_EVERY_S", "ASK_AGAIN_S", "BACK_WITHIN_S", "START_WITHIN_S"):
        monkeypatch.setattr(cluster_executor, name, 0.0)
    monkeypatch.setattr(
        cluster_worker, "temporary_files_in", lambda folder: contextlib.nullcontext()
    )  # all in one process


def once(answer: Any, kind: str, name: str) -> Happen:
    """The first worker that gets the stage *kind* of the video *name* answers so."""
    happened = []

    def happen(cluster: MadeUp, worker: ActorHandle, order: RunStage) -> Any:
        if happened or order.stage != kind or order.video.path.name != name:
            return None
        happened.append(True)
        return answer

    return happen


def ends(recorder: Recorder) -> dict[str, tuple[str, str]]:
    return {name: (result.status, result.reason_code) for name, result in recorder.results.items()}


@pytest.mark.parametrize("kind", ["vision", "speech", "attribution", "clips"])
def test_the_video_of_a_lost_worker_goes_to_another(tmp_path: Path, kind: str) -> None:
    recorder, _ = run(tmp_path, ["a.mp4", "b.mp4"], once(Lost("its node is gone"), kind, "a.mp4"))
    assert ends(recorder) == {"a.mp4": ("done", ""), "b.mp4": ("done", "")}
    again = [(event.video and event.video.path.name, event.stage) for event in recorder.events if event.name == "again"]
    assert again == [("a.mp4", kind)]


def test_a_video_that_is_lost_every_time_is_set_aside(tmp_path: Path) -> None:
    def happen(cluster: MadeUp, worker: ActorHandle, order: RunStage) -> Any:
        return Lost("killed") if order.video.path.name == "a.mp4" and order.stage == "vision" else None

    recorder, _ = run(tmp_path, ["a.mp4", "b.mp4"], happen)
    assert ends(recorder) == {"a.mp4": ("failed", "worker_died"), "b.mp4": ("done", "")}


@pytest.mark.slow
def test_a_worker_that_says_nothing_is_restarted(tmp_path: Path) -> None:
    silent = once("silence", "speech", "a.mp4")
    config = dataclasses.replace(CONFIG, HANG_S=1.0)
    recorder, cluster = run(tmp_path, ["a.mp4"], silent, config)
    assert ends(recorder) == {"a.mp4": ("done", "")}
    assert cluster.restarted == ["speech"]


@pytest.mark.slow
def test_a_worker_that_the_engine_starts_again_is_given_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take longer than a worker may be silent: nobody ends it, which would cost the video a try."""
    monkeypatch.setattr(cluster_executor, "START_WITHIN_S", 60.0)
    config = dataclasses.replace(CONFIG, HANG_S=1.0)
    recorder, cluster = run(tmp_path, ["a.mp4"], once(Restart(2.5), "vision", "a.mp4"), config)
    assert ends(recorder) == {"a.mp4": ("done", "")}
    assert cluster.restarted == []


@pytest.mark.slow
def test_a_worker_whose_start_does_not_end_is_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_executor, "START_WITHIN_S", 1.0)
    config = dataclasses.replace(CONFIG, HANG_S=1.0)
    recorder, cluster = run(tmp_path, ["a.mp4"], once(Restart(math.inf), "vision", "a.mp4"), config)
    assert ends(recorder) == {"a.mp4": ("done", "")}
    assert cluster.restarted == ["vision"]


def test_a_team_whose_machine_is_gone_is_replaced_and_its_video_done(tmp_path: Path) -> None:
    def happen(cluster: MadeUp, worker: ActorHandle, order: RunStage) -> Any:
        if order.stage == "vision" and worker.machine == "machine-1" and not cluster.gone:
            cluster.gone.add("machine-1")
            return "silence"
        return None

    recorder, cluster = run(tmp_path, ["a.mp4", "b.mp4", "c.mp4"], happen)
    assert set(ends(recorder).values()) == {("done", "")} and len(recorder.results) == 3
    assert cluster.made > 2
    assert any("a team has not come back" in event.message for event in recorder.events)


def test_models_that_cannot_be_loaded_end_the_run_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="vision cannot start: no memory for it") as raised:
        run(tmp_path, ["a.mp4"], fault="no memory for it")
    assert raised.value.reason_code == "not_ready"
    assert not (tmp_path / "a.mp4.out").exists()


def test_a_worker_that_cannot_load_its_models_later_is_no_fault_of_the_video(tmp_path: Path) -> None:
    unready = once(Failed(1, NOT_READY, "no memory now", ""), "vision", "a.mp4")
    recorder, cluster = run(tmp_path, ["a.mp4"], unready)
    assert ends(recorder) == {"a.mp4": ("done", "")}
    assert cluster.restarted == ["vision"]


@pytest.mark.slow
def test_a_cluster_that_has_no_room_ends_the_run(tmp_path: Path) -> None:
    def vanish(cluster: MadeUp, worker: ActorHandle, order: RunStage) -> Any:
        cluster.gone |= {f"machine-{number}" for number in range(10)}
        return "silence"

    with pytest.raises(WorkerDied):
        run(tmp_path, ["a.mp4"], vanish, dataclasses.replace(CONFIG, HANG_S=1.0))


def test_no_more_videos_are_in_work_than_the_setting_says(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, MAX_VIDEOS_IN_FLIGHT=2)
    names = [f"{number}.mp4" for number in range(5)]
    (tmp_path / ".work").mkdir()
    recorder, executor, jobs = prepared(
        lambda config, models, work_dir, graph: ClusterExecutor(
            config, models, work_dir, MadeUp(config, models, graph, lambda *_: None), graph
        ),
        tmp_path,
        names,
        dataclasses.replace(config, WORK_DIR=str(tmp_path / ".work")),
    )
    executor.run(jobs, recorder)
    assert executor.queues() == {"videos": {"bound": 2, "peak": 2}}
    assert {result.clip_count for result in recorder.results.values()} == {fake_stages.FRAMES}


def test_two_outputs_of_a_video_at_the_same_time_are_two_orders(tmp_path: Path) -> None:
    """What a worker says of one is no sign of the other: it would count as a second try."""
    config = counting.counting_config(CONFIG, ANNOTATE=True, COUNT_FACES=True)
    together: list[set[str]] = []

    def happen(cluster: MadeUp, worker: ActorHandle, order: RunStage) -> None:
        at_work = {each.stage for _, each in cluster.pending.values() if each is not None and each.job == order.job}
        together.append(at_work & {"annotate", "count_faces"})

    recorder, cluster = run(tmp_path, ["a.mp4", "bad.mp4"], happen, config, graph=counting.GRAPH)
    assert cluster.made == 2 and {"annotate", "count_faces"} in together
    assert ends(recorder)["a.mp4"] == ("done", "")
    assert [event for event in recorder.events if event.name == "again"] == []


@pytest.mark.slow
def test_a_video_is_let_go_of_when_the_last_worker_has_answered(tmp_path: Path) -> None:
    """It has failed, and a worker of it is still at work: another run would write into the same folder."""
    seeing = once("silence", "vision", "bug-speech.mp4")
    cutting = once("silence", "clips", "b.mp4")  # so that the run goes on
    locked: list[bool] = []

    def is_locked(cluster: MadeUp) -> bool:
        video = VideoJob(0, tmp_path / "bug-speech.mp4", tmp_path / "bug-speech.mp4.out")
        locks = VideoLocks(cluster.config, tmp_path / ".work", cluster.graph)
        taken = locks.acquire(video)
        locks.release(video)
        return taken is None

    def happen(cluster: MadeUp, worker: ActorHandle, order: RunStage) -> Any:
        if order.video.path.name == "bug-speech.mp4" and order.stage == "vision" and "vision" in cluster.restarted:
            locked.append(is_locked(cluster))
        return seeing(cluster, worker, order) or cutting(cluster, worker, order)

    names, config = ["bug-speech.mp4", "b.mp4"], dataclasses.replace(CONFIG, HANG_S=1.0)
    recorder, cluster = run(tmp_path, names, happen, config)
    assert ends(recorder) == {"bug-speech.mp4": ("failed", "internal_error"), "b.mp4": ("done", "")}
    assert next(iter(recorder.results)) == "bug-speech.mp4" and locked == [True]
    assert not is_locked(cluster)
