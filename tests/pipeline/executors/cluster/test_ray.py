"""What Ray does for the executor of a cluster, on one of two machines: workers and machines that die, interrupts."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from config import Config
from pipeline.errors import InputError
from pipeline.executors.cluster import executor as cluster_executor
from pipeline.executors.cluster import ray as engine
from pipeline.executors.events import Event
from tests.support.executing import CONFIG, prepared, run
from tests.support.ray_cluster import CORES, from_outside, on_ray

pytestmark = pytest.mark.ray

LOSE_WITHIN_S = 60.0
"""Time that a worker gets to begin the video which its machine is lost with."""


@pytest.fixture
def folder(tmp_path: Path, ray_nodes: Cluster) -> Path:
    """A folder for the videos; ``.work`` inside it is the working folder."""
    (tmp_path / ".work").mkdir()
    return tmp_path


def test_killed_and_hanging_workers_are_replaced_by_ray(folder: Path) -> None:
    """One is killed once, one every time, and one stands still: the others do not notice."""
    names = ["a.mp4", "kill-vision.mp4", "deadly-clips.mp4", "hang-clips.mp4", "b.mp4"]
    recorder, _ = run(on_ray, folder, names, dataclasses.replace(CONFIG, HANG_S=8))
    ends = {name: (result.status, result.reason_code) for name, result in recorder.results.items()}
    assert ends.pop("deadly-clips.mp4")[0] == "failed"
    assert ends == dict.fromkeys(["a.mp4", "kill-vision.mp4", "hang-clips.mp4", "b.mp4"], ("done", ""))
    again = {event.video.path.name for event in recorder.events if event.name == "again" and event.video}
    assert again >= {"kill-vision.mp4", "deadly-clips.mp4", "hang-clips.mp4"}


def test_a_machine_that_is_lost_takes_no_video_with_it(
    folder: Path, ray_nodes: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is lost while one of its workers is in the middle of a video; the others go on meanwhile."""
    monkeypatch.setattr(cluster_executor, "BACK_WITHIN_S", 3.0)
    names = ["wait-vision.mp4", *(f"{number}.mp4" for number in range(11))]
    recorder, executor, jobs = prepared(on_ray, folder, names)
    losing = threading.Thread(target=_lose_machine_of, args=(folder / ".wait-vision.mp4.vision.begun", ray_nodes))
    losing.start()
    try:
        executor.run(jobs, recorder)
    finally:
        losing.join()
        if len(ray_nodes.worker_nodes) < 2:
            ray_nodes.add_node(num_cpus=CORES)
    assert {name: result.status for name, result in recorder.results.items()} == dict.fromkeys(names, "done")
    assert any(event.name == "worker_died" for event in recorder.events)
    again = [event.video.path.name for event in recorder.events if event.name == "again" and event.video]
    assert "wait-vision.mp4" in again


def _lose_machine_of(mark: Path, nodes: Cluster) -> None:
    """Waits until a worker has left its parent's process ID in *mark*, and ends the machine which that stands for."""
    end_s = time.monotonic() + LOSE_WITHIN_S
    while not mark.exists() or not mark.read_text():
        if time.monotonic() > end_s:
            return
        time.sleep(0.05)
    parent = int(mark.read_text())
    (lost,) = (node for node in nodes.worker_nodes if node.all_processes["raylet"][0].process.pid == parent)
    nodes.remove_node(lost, allow_graceful=False)


def test_a_driver_outside_the_cluster(folder: Path) -> None:
    recorder, _ = run(from_outside, folder, ["a.mp4", "kill-vision.mp4", "bad.mp4"])
    ends = {name: result.status for name, result in recorder.results.items()}
    assert ends == {"a.mp4": "done", "kill-vision.mp4": "done", "bad.mp4": "failed"}
    assert not ray.is_initialized()


def test_an_interrupt_leaves_nothing_half_done(folder: Path) -> None:
    config = dataclasses.replace(CONFIG, GRACE_S=0.0)
    recorder, executor, jobs = prepared(on_ray, folder, ["stuck-clips.mp4", "b.mp4"], config)

    def interrupt(event: Event) -> None:
        if event.name == "stage_done" and event.stage == "speech":
            executor.interrupt()

    recorder.when_told = interrupt
    with pytest.raises(KeyboardInterrupt):
        executor.run(jobs, recorder)
    assert not ray.is_initialized()
    assert list(folder.rglob("*.part")) == []
    assert not (folder / "stuck-clips.mp4.out" / "output" / "manifest.json").exists()


def test_a_machine_that_does_not_see_the_weights_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver is made to believe in a file that no machine has."""
    missing = folder / "weights.pt"
    monkeypatch.setattr(engine, "weights_of", lambda models: [missing])
    monkeypatch.setattr(engine, "sizes_of", lambda paths: dict.fromkeys([p for p in paths if p == missing], 5))
    recorder, executor, jobs = prepared(on_ray, folder, ["a.mp4"])
    with pytest.raises(InputError, match=r"cannot take part: weights: .*weights\.pt is not there") as raised:
        executor.run(jobs, recorder)
    assert raised.value.reason_code == "machine_not_ready"
    assert not (folder / "a.mp4.out").exists() and list(folder.glob(".lipgen*")) == []


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nobody.invalid:6379"])
def test_an_address_where_no_cluster_answers(address: str) -> None:
    with pytest.raises(InputError, match="no cluster answers there") as raised:
        engine.connect(Config(ENGINE="ray", RAY_ADDRESS=address))
    assert raised.value.reason_code == "no_cluster"


def test_frames_never_enter_the_object_store(folder: Path, ray_nodes: Cluster) -> None:
    """While a video is in work, Ray stores less than one of its pictures."""
    stored = []
    recorder, executor, jobs = prepared(on_ray, folder, ["a.mp4"])

    def look(event: Event) -> None:
        if event.name == "stage_done":
            total = ray.cluster_resources().get("object_store_memory", 0)
            stored.append(total - ray.available_resources().get("object_store_memory", 0))

    recorder.when_told = look
    executor.run(jobs, recorder)
    assert stored and max(stored) < 320 * 240 * 3
