"""What every executor promises, held for each of them."""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing
import os
from pathlib import Path

import fake_stages
import pytest

from config import Config
from pipeline.errors import PipelineError
from pipeline.executors.local import LocalExecutor
from pipeline.executors.serial import SerialExecutor
from pipeline.machine import resolved
from pipeline.stages import VideoJob
from pipeline.types import VideoResult

CONFIG = resolved(
    Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", RING_MB=16, NUM_PREPROCESS_WORKERS=2, MAX_VIDEOS_IN_FLIGHT=3)
)


class Recorder:
    """Keeps what an executor tells."""

    def __init__(self) -> None:
        self.results: dict[str, VideoResult] = {}
        self.order: list[str] = []
        self.progress: list[tuple[str, str, float, float]] = []

    def on_progress(self, video: VideoJob, stage: str, done: float, total: float) -> None:
        self.progress.append((video.path.name, stage, done, total))

    def on_result(self, result: VideoResult) -> None:
        assert result.path.name not in self.results, "a video ended twice"
        self.results[result.path.name] = result


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the videos; ``.work`` inside it is the working folder."""
    (tmp_path / ".work").mkdir()
    monkeypatch.setenv("FAKE_STAGES_WATCHED", str(tmp_path / ".watched"))
    monkeypatch.setattr(fake_stages, "WATCHED", tmp_path / ".watched")
    return tmp_path


def run(kind: type, folder: Path, names: list[str], config: Config = CONFIG) -> tuple[Recorder, LocalExecutor]:
    recorder = Recorder()
    executor = kind(config, (), folder / ".work", fake_stages.STAGES)
    jobs = [VideoJob(number, folder / name, folder / f"{name}.out") for number, name in enumerate(names)]
    executor.run(jobs, recorder)
    return recorder, executor


@pytest.mark.parametrize("kind", [SerialExecutor, LocalExecutor])
class TestEveryExecutor:
    def test_every_video_ends_once_and_bad_ones_do_not_touch_good_ones(self, kind: type, folder: Path) -> None:
        names = ["a.mp4", "bad.mp4", "b.mp4", "bug-vision.mp4", "bug-mux.mp4", "bug-decode.mp4", "c.mp4"]
        recorder, _ = run(kind, folder, names)
        ends = {name: (result.status, result.reason_code) for name, result in recorder.results.items()}
        assert ends == {
            "a.mp4": ("done", ""),
            "b.mp4": ("done", ""),
            "c.mp4": ("done", ""),
            "bad.mp4": ("failed", "not_media"),
            "bug-vision.mp4": ("failed", "internal_error"),
            "bug-mux.mp4": ("failed", "internal_error"),
            "bug-decode.mp4": ("failed", "internal_error"),
        }
        assert "RuntimeError: a bug in mux" in recorder.results["bug-mux.mp4"].details["traceback"]
        assert "is no video" in recorder.results["bad.mp4"].message

    def test_every_picture_reaches_vision_unharmed(self, kind: type, folder: Path) -> None:
        recorder, _ = run(kind, folder, ["a.mp4", "b.mp4", "c.mp4"])
        assert [result.clip_count for result in recorder.results.values()] == [fake_stages.FRAMES] * 3

    def test_nothing_is_left_in_the_working_folder(self, kind: type, folder: Path) -> None:
        run(kind, folder, ["a.mp4", "bad.mp4", "bug-vision.mp4", "bug-mux.mp4"])
        assert list((folder / ".work").iterdir()) == []

    def test_a_failed_video_has_no_manifest_of_an_earlier_run(self, kind: type, folder: Path) -> None:
        manifest = folder / "bug-vision.mp4.out" / "output" / "manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text("{}")
        run(kind, folder, ["bug-vision.mp4"])
        assert not manifest.exists()

    def test_progress_reaches_the_end_of_each_stage(self, kind: type, folder: Path) -> None:
        recorder, _ = run(kind, folder, ["a.mp4"])
        last = {stage: (done, total) for _, stage, done, total in recorder.progress}
        assert {"vision", "speech", "clips"} <= set(last)
        assert all(done == pytest.approx(total) for done, total in last.values())

    def test_what_vision_notes_is_in_the_result(self, kind: type, folder: Path) -> None:
        recorder, _ = run(kind, folder, ["note.mp4", "a.mp4"])
        noted, other = recorder.results["note.mp4"], recorder.results["a.mp4"]
        assert noted.details == {"notes": ["vision was short of memory"]}
        assert noted.message.endswith("; vision was short of memory")
        assert other.details == {} and "memory" not in other.message

    def test_no_videos_is_no_work(self, kind: type, folder: Path) -> None:
        recorder, _ = run(kind, folder, [])
        assert recorder.results == {}


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
        assert set(queues) == {"videos", "speech", "finish", "pictures"}
        for name, queue in queues.items():
            assert 0 < queue["peak"] <= queue["bound"], (name, queue)
        assert queues["videos"]["bound"] == 3
        # 16 MiB hold 72 pictures of 320x240; the decoder is far ahead of vision and must have been held up there.
        assert queues["pictures"] == {"bound": 72, "peak": 72}

    def test_stages_run_in_processes_of_their_own_that_have_names(self, folder: Path) -> None:
        run(LocalExecutor, folder, ["a.mp4"])
        mux, speech, name = (folder / "a.mp4.out" / "output" / "manifest.json").read_text().split()
        assert len({mux, speech, str(os.getpid())}) == 3
        assert name == "lipgen-mux-0"

    def test_no_process_and_no_shared_memory_is_left(self, folder: Path) -> None:
        shared = Path("/dev/shm")
        before = set(shared.iterdir()) if shared.is_dir() else set()
        descriptors = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0
        run(LocalExecutor, folder, ["a.mp4", "kill-vision.mp4"])
        assert multiprocessing.active_children() == []
        assert (set(shared.iterdir()) if shared.is_dir() else set()) <= before
        if descriptors:
            assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors + 2  # the resource tracker's own

    @pytest.mark.parametrize("stage", ["prepare", "decode", "vision", "speech", "mux"])
    def test_a_killed_worker_is_replaced_and_its_video_done(
        self, folder: Path, stage: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        name = f"kill-{stage}.mp4"
        (folder / ".watched").write_text(str(folder / name))
        with caplog.at_level(logging.WARNING, logger="lipgen"):
            recorder, _ = run(LocalExecutor, folder, ["a.mp4", name, "b.mp4"])
        assert {result.status for result in recorder.results.values()} == {"done"}
        assert len(recorder.results) == 3
        assert "died" in caplog.text
        assert list((folder / ".work").iterdir()) == []

    @pytest.mark.parametrize("stage", ["decode", "vision", "speech"])
    def test_a_worker_that_stands_still_is_replaced_and_its_video_done(
        self, folder: Path, stage: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The others, who wait for it or for nothing, are left alone."""
        name = f"hang-{stage}.mp4"
        (folder / ".watched").write_text(str(folder / name))
        with caplog.at_level(logging.WARNING, logger="lipgen"):
            recorder, _ = run(LocalExecutor, folder, ["a.mp4", name, "b.mp4"], dataclasses.replace(CONFIG, HANG_S=4))
        assert {result.status for result in recorder.results.values()} == {"done"}
        assert [record.getMessage().split("-")[0] for record in caplog.records] == [f"the process {stage}"]

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

    def test_max_tries_acts(self, folder: Path) -> None:
        once = dataclasses.replace(CONFIG, MAX_TRIES=1)
        recorder, _ = run(LocalExecutor, folder, ["kill-decode.mp4"], once)
        assert recorder.results["kill-decode.mp4"].reason_code == "worker_died"

    def test_models_that_cannot_be_loaded_end_the_run_before_it_begins(self, folder: Path) -> None:
        config = resolved(Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", FACE_DETECTOR="yunet"))
        with pytest.raises(PipelineError, match="vision-0 cannot start: these weights cannot be loaded"):
            run(LocalExecutor, folder, ["a.mp4"], config)
        assert multiprocessing.active_children() == []
        assert not (folder / "a.mp4.out").exists()
