"""What the local executor promises beside what all do: processes, their deaths, memory, interrupts."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from config import Config
from pipeline.errors import PipelineError
from pipeline.executors.events import Event
from pipeline.executors.local import memory_limit
from pipeline.executors.local.executor import LocalExecutor
from pipeline.executors.local.pool import Outbox
from pipeline.executors.local.process_memory import tree_of
from pipeline.machine import resolved
from pipeline.stage import VideoJob
from pipeline.types import VideoResult
from tests.support import fake_stages
from tests.support.executing import CONFIG, prepared, run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[4]


def is_running(process: int) -> bool:
    """Whether it is there and no zombie that only waits to be asked how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the videos; ``.work`` inside it is the working folder."""
    (tmp_path / ".work").mkdir()
    monkeypatch.setenv("FAKE_STAGES_WATCHED", str(tmp_path / ".watched"))
    return tmp_path


class TestLocal:
    def test_transcription_and_vision_of_one_video_run_at_the_same_time(self, folder: Path) -> None:
        # Each of the two waits for the other to begin: run one after the other, neither could end.
        (folder / ".watched").write_text(str(folder / "meet.mp4"))
        recorder, _ = run(LocalExecutor, folder, ["meet.mp4"])
        result = recorder.results["meet.mp4"]
        assert result.status == "done", result.message
        vision, speech = result.timings["vision"], result.timings["speech"]
        assert max(vision[0], speech[0]) < min(vision[1], speech[1])

    def test_no_queue_passes_its_bound(self, folder: Path) -> None:
        _, executor = run(LocalExecutor, folder, [f"{number:02}.mp4" for number in range(12)])
        queues = executor.queues()
        assert set(queues) == {"videos", "pictures", "speech", "attribution", "clips"}
        for name, queue in queues.items():
            assert 0 < queue["peak"] <= queue["bound"], (name, queue)
        assert queues["videos"]["bound"] == 3
        # 16 MiB hold 72 pictures of 320x240; the decoder is far ahead of vision and must have been held up there.
        assert queues["pictures"] == {"bound": 72, "peak": 72}

    def test_stages_run_in_processes_of_their_own_that_have_names(self, folder: Path) -> None:
        run(LocalExecutor, folder, ["a.mp4"])
        clips, speech, name = (folder / "a.mp4.out" / "output" / "manifest.json").read_text().split()
        assert len({clips, speech, str(os.getpid())}) == 3
        assert name == "lipgen-clips-0"

    def test_no_process_and_no_shared_memory_is_left(self, folder: Path) -> None:
        shared = Path("/dev/shm")
        before = set(shared.iterdir()) if shared.is_dir() else set()
        descriptors = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0
        run(LocalExecutor, folder, ["a.mp4", "kill-vision.mp4"])
        assert multiprocessing.active_children() == []
        assert (set(shared.iterdir()) if shared.is_dir() else set()) <= before
        if descriptors:
            assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors + 2  # the resource tracker's own

    @pytest.mark.parametrize("stage", ["open", "decode", "vision", "speech", "attribution", "clips"])
    def test_a_killed_worker_is_replaced_and_its_video_done(self, folder: Path, stage: str) -> None:
        name = f"kill-{stage}.mp4"
        (folder / ".watched").write_text(str(folder / name))
        recorder, _ = run(LocalExecutor, folder, ["a.mp4", name, "b.mp4"])
        assert {result.status for result in recorder.results.values()} == {"done"}
        assert len(recorder.results) == 3
        warnings = [event for event in recorder.events if event.level == "warning"]
        assert [event.name for event in warnings].count("worker_died") == 1
        assert "again" in [event.name for event in warnings]
        assert list((folder / ".work").iterdir()) == []

    def test_faces_of_a_video_that_fails_are_of_its_own_pictures(self, folder: Path) -> None:
        """Vision has most of them before it when the next video is ready to be written over them."""
        config = dataclasses.replace(CONFIG, NUM_PREPROCESS_WORKERS=1)
        failed, _ = run(LocalExecutor, folder, ["behind.mp4", "b.mp4"], config)
        assert {name: result.status for name, result in failed.results.items()} == {
            "behind.mp4": "failed",
            "b.mp4": "done",
        }
        again, _ = run(LocalExecutor, folder, ["behind.mp4"], config)
        assert again.results["behind.mp4"].status == "done"
        assert again.results["behind.mp4"].clip_count == fake_stages.FRAMES, "pictures that came through unharmed"

    @pytest.mark.parametrize("stage", ["decode", "vision", "speech"])
    def test_a_worker_that_stands_still_is_replaced_and_its_video_done(self, folder: Path, stage: str) -> None:
        """The others, who wait for it or for nothing, are left alone."""
        name = f"hang-{stage}.mp4"
        (folder / ".watched").write_text(str(folder / name))
        recorder, _ = run(LocalExecutor, folder, ["a.mp4", name, "b.mp4"], dataclasses.replace(CONFIG, HANG_S=4))
        assert {result.status for result in recorder.results.values()} == {"done"}
        died = [event for event in recorder.events if event.name == "worker_died"]
        assert [event.stage for event in died] == [stage] and "hung" in died[0].message

    def test_a_video_that_hangs_every_time_is_set_aside(self, folder: Path) -> None:
        config = dataclasses.replace(CONFIG, HANG_S=4)
        recorder, _ = run(LocalExecutor, folder, ["stuck-decode.mp4", "b.mp4"], config)
        assert recorder.results["stuck-decode.mp4"].reason_code == "worker_hung"
        assert recorder.results["b.mp4"].status == "done"

    def test_a_video_that_kills_its_worker_every_time_is_set_aside(self, folder: Path) -> None:
        recorder, _ = run(LocalExecutor, folder, ["a.mp4", "deadly-decode.mp4", "b.mp4", "c.mp4"])
        ends = {name: (result.status, result.reason_code) for name, result in recorder.results.items()}
        assert ends.pop("deadly-decode.mp4") == ("failed", "worker_died")
        assert set(ends.values()) == {("done", "")}

    @pytest.mark.parametrize(("grace_s", "finished"), [(600.0, 1), (0.0, 0)])
    def test_grace_s_acts(self, folder: Path, grace_s: float, finished: int) -> None:
        """Videos in work are finished if there is time for that; no other is begun, and nothing half done is left."""
        config = dataclasses.replace(CONFIG, GRACE_S=grace_s, MAX_VIDEOS_IN_FLIGHT=1)
        recorder, executor, jobs = prepared(LocalExecutor, folder, ["a.mp4", "b.mp4", "c.mp4"], config)

        def interrupt(event: Event) -> None:
            if event.name == "stage_done" and event.stage == "speech":
                executor.interrupt()

        recorder.when_told = interrupt
        with pytest.raises(KeyboardInterrupt):
            executor.run(jobs, recorder)
        assert len(recorder.results) == finished
        assert [event.name for event in recorder.events].count("begun") == 1
        assert list(folder.rglob("*.part")) == [] and multiprocessing.active_children() == []
        assert not (folder / "b.mp4.out").exists()
        other, _ = run(LocalExecutor, folder, ["a.mp4", "b.mp4", "c.mp4"])
        assert {result.status for result in other.results.values()} == {"done"}

    def test_a_second_interrupt_ends_at_once(self, folder: Path) -> None:
        """Whatever the workers do: vision stands still, and nobody waits for it."""
        recorder, executor, jobs = prepared(LocalExecutor, folder, ["stuck-vision.mp4"])

        def interrupt(event: Event) -> None:
            if event.name == "stage_done":
                executor.interrupt()
                raise KeyboardInterrupt

        recorder.when_told = interrupt
        with pytest.raises(KeyboardInterrupt):
            executor.run(jobs, recorder)
        assert multiprocessing.active_children() == []

    def test_workers_and_what_they_started_end_with_a_parent_that_is_killed(
        self, folder: Path, short_folder: Path
    ) -> None:
        """One stands in the middle of its work, others wait, and one has started a program."""
        (folder / "child-speech.mp4").touch()
        (folder / ".watched").write_text(str(folder / "child-speech.mp4"))
        code = (
            "import sys; from pathlib import Path; folder = Path(sys.argv[1])\n"
            "from pipeline.executors.local.executor import LocalExecutor\n"
            "from tests.support.executing import prepared\n"
            "recorder, executor, jobs = prepared(LocalExecutor, folder, ['child-speech.mp4'])\n"
            "executor.run(jobs, recorder)\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(short_folder)}
        parent = subprocess.Popen([sys.executable, "-c", code, str(folder)], env=environment, cwd=ROOT)
        mark = folder / ".child-speech.mp4.speech.child"
        while not mark.exists():
            assert parent.poll() is None
            time.sleep(0.05)
        family = tree_of(parent.pid)
        assert len(family) > 6
        parent.kill()
        parent.wait()
        end_s = time.monotonic() + 60
        while any(map(is_running, family)) and time.monotonic() < end_s:
            time.sleep(0.05)
        assert [process for process in family if is_running(process)] == []
        assert list(short_folder.iterdir()) == []

    def test_max_ram_gb_acts(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A run that takes too much all the time: each video is tried, and set aside."""
        monkeypatch.setattr(memory_limit, "LOOK_EVERY_S", 0.0)
        monkeypatch.setattr(memory_limit, "tree_bytes", lambda process: 2_000_000_000)
        config = dataclasses.replace(CONFIG, MAX_RAM_GB=1.9, HANG_S=600)
        recorder, executor = run(LocalExecutor, folder, ["stuck-decode.mp4"], config)
        assert recorder.results["stuck-decode.mp4"].reason_code == "out_of_memory"
        assert "MAX_RAM_GB" in recorder.results["stuck-decode.mp4"].message
        assert executor.peak_bytes == 2_000_000_000

    def test_max_tries_acts(self, folder: Path) -> None:
        once = dataclasses.replace(CONFIG, MAX_TRIES=1)
        recorder, _ = run(LocalExecutor, folder, ["kill-decode.mp4"], once)
        assert recorder.results["kill-decode.mp4"].reason_code == "worker_died"

    def test_a_replaced_worker_that_cannot_load_its_models_is_started_again(self, folder: Path) -> None:
        """The memory of the one that died may not be free yet: that must not end a run over a weekend."""
        config = dataclasses.replace(CONFIG, WEIGHTS_DIR=str(folder))
        recorder, _ = run(LocalExecutor, folder, ["kill-vision.mp4"], config)
        assert recorder.results["kill-vision.mp4"].status == "done"
        warnings = [event.name for event in recorder.events if event.level == "warning"]
        assert warnings == ["worker_died", "again", "not_ready", "worker_died"]

    def test_models_that_cannot_be_loaded_end_the_run_before_it_begins(self, folder: Path) -> None:
        config = resolved(Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", FACE_DETECTOR="yunet"))
        with pytest.raises(PipelineError, match="vision-0 cannot start: these weights cannot be loaded"):
            run(LocalExecutor, folder, ["a.mp4"], config)
        assert multiprocessing.active_children() == []
        assert not (folder / "a.mp4.out").exists()

    def test_hang_s_acts_while_a_storage_does_not_answer(self, folder: Path) -> None:
        """What is done when a video ends waits for that storage, until the worker that hangs has been replaced."""
        recorder, executor, jobs = prepared(
            LocalExecutor, folder, ["a.mp4", "hang-vision.mp4"], dataclasses.replace(CONFIG, HANG_S=4)
        )
        died, on_result, in_time = threading.Event(), recorder.on_result, []

        def push(video: VideoJob, result: VideoResult) -> None:
            if video.path.name == "a.mp4":
                in_time.append(died.wait(120))
            on_result(video, result)

        recorder.on_result = push
        recorder.when_told = lambda event: died.set() if event.name == "worker_died" else None
        executor.run(jobs, recorder)
        assert in_time == [True]
        assert {result.status for result in recorder.results.values()} == {"done"}


def test_a_worker_that_does_not_read_holds_nobody_up() -> None:
    """A pipe takes some 200 kB: more than that waits in the outbox."""
    ours, theirs = multiprocessing.Pipe()
    outbox = Outbox(ours)
    for number in range(20):
        outbox.put(bytes([number]) * 1_000_000)
    assert [theirs.recv()[0] for _ in range(20)] == list(range(20))
    theirs.close()
    outbox.put(b"nobody is there")
    outbox.close()
    assert ours.closed


def test_a_message_that_cannot_be_sent_is_the_fault_of_who_sends_it() -> None:
    ours, theirs = multiprocessing.Pipe()
    outbox = Outbox(ours)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        outbox.put(lambda: None)
    outbox.put("goes on")
    assert theirs.recv() == "goes on"
    theirs.close()
    outbox.close()
