"""One run, with the executor replaced: what is skipped, what is reported, how it ends."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.executors.local import pool
from pipeline.executors.local.pool import WorkerPool
from pipeline.executors.local.setup import WorkerSetup
from pipeline.executors.work_dir import LOCK, PREFIX
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig
from pipeline.outputs.failure import write_failure
from pipeline.run import engines, plan, runner
from pipeline.stage import Graph, VideoJob
from pipeline.types import Fingerprints, VideoResult
from tests.support.by_hand import on_cpu
from tests.support.noted_runs import CPU, Seen, names, noting_executor, two_files  # noqa: F401 - the last two are fixtures


class TestRun:
    def test_every_video_is_given_to_the_executor_and_reported(self, videos: Path, seen: type[Seen]) -> None:
        assert runner.run(videos, CPU) == 0
        assert names(seen) == ["a.mp4", "b.mp4"]
        assert seen.videos[0].folder == videos / "a"
        run = json.loads((videos / "run.json").read_text())
        assert [video["status"] for video in run["videos"]] == ["done", "done"]
        assert [model["name"] for model in run["models"]] == ["mtcnn", "lip-motion", "pocketsphinx", "by-framing"]

    def test_output_dir_and_work_dir_act(self, videos: Path, tmp_path: Path, seen: type[Seen]) -> None:
        config = dataclasses.replace(CPU, OUTPUT_DIR=str(tmp_path / "out"), WORK_DIR=str(tmp_path))
        assert runner.run(videos, config) == 0
        assert seen.videos[1].folder == tmp_path / "out" / "b"
        assert seen.work_dirs[0].parent == tmp_path and not seen.work_dirs[0].exists()
        assert (tmp_path / "out" / "run.json").exists() and not (videos / "run.json").exists()

    def test_recursive_acts(self, videos: Path, seen: type[Seen]) -> None:
        (videos / "inside").mkdir()
        shutil.copy(videos / "a.mp4", videos / "inside" / "c.mp4")
        runner.run(videos, CPU)
        assert names(seen) == ["a.mp4", "b.mp4"]
        runner.run(videos, dataclasses.replace(CPU, RECURSIVE=True))
        assert names(seen) == ["a.mp4", "b.mp4", "c.mp4"]

    def test_what_is_done_is_skipped_unless_forced(
        self, videos: Path, seen: type[Seen], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def done(graph: Graph, folder: Path, found: Fingerprints) -> Path | None:
            return folder / "manifest.json" if folder.name == "a" and found.of("clips") else None

        monkeypatch.setattr(plan, "finished", done)
        monkeypatch.setattr(runner.RunReport, "close", lambda self: self.write())
        assert runner.run(videos, CPU) == 0
        assert names(seen) == ["b.mp4"]
        runner.run(videos, dataclasses.replace(CPU, FORCE=True))
        assert names(seen) == ["a.mp4", "b.mp4"]

    def test_what_failed_by_its_own_fault_is_not_tried_again_unless_asked(
        self, videos: Path, seen: type[Seen], capsys: pytest.CaptureFixture[str]
    ) -> None:
        runner.run(videos, CPU)
        marks = seen.videos[0].prints
        (videos / "a").mkdir(exist_ok=True)
        write_failure(videos / "a", marks, VideoResult(videos / "a.mp4", "failed", "no_audio", "has no sound"))
        assert runner.run(videos, CPU) == 1
        assert names(seen) == ["b.mp4"]
        assert "no_audio: has no sound (found by an earlier run; --retry-failed tries again)" in capsys.readouterr().out
        settings = {
            "RETRY_FAILED": True,
            "FORCE": True,
            "MAX_MEGAPIXELS": 80.0,
            "MAX_VIDEO_HOURS": 30.0,
            "CLIP_SIZE": 128,
        }
        for setting, value in settings.items():
            assert runner.run(videos, dataclasses.replace(CPU, **{setting: value})) == 0, setting
            assert names(seen) == ["a.mp4", "b.mp4"]
        (videos / "a.mp4").write_bytes(b"another file")
        assert runner.run(videos, CPU) == 0
        assert names(seen) == ["a.mp4", "b.mp4"]

    def test_what_cannot_be_read_for_the_moment_costs_no_result(
        self, videos: Path, tmp_path: Path, seen: type[Seen]
    ) -> None:
        files = ("output/manifest.json", "output/seg_0000_track_000.mp4", "report.html", "annotated.mp4", "tracks.npz")
        for name in files:
            (videos / "a" / name).parent.mkdir(parents=True, exist_ok=True)
            (videos / "a" / name).write_bytes(name.encode())
        (videos / "a.mp4").unlink()
        (videos / "a.mp4").symlink_to(tmp_path / "archive that is not mounted" / "a.mp4")
        assert runner.run(videos, CPU) == 1
        assert {name: (videos / "a" / name).read_bytes() for name in files} == {name: name.encode() for name in files}
        line = json.loads((videos / "run.json").read_text())["videos"][0]
        assert (line["status"], line["earlier_results"]) == ("failed", True)

    def test_log_json_acts(self, videos: Path, seen: type[Seen], capsys: pytest.CaptureFixture[str]) -> None:
        runner.run(videos, dataclasses.replace(CPU, LOG_JSON=True))
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
        events = [json.loads(line) for line in lines]
        assert [(event["event"], event["video"]) for event in events] == [
            ("done", str(videos / "a.mp4")),
            ("done", str(videos / "b.mp4")),
        ]

    def test_the_first_signal_asks_and_the_second_ends(
        self, videos: Path, seen: type[Seen], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []

        class Patient(Seen):
            def interrupt(self) -> None:
                asked.append("asked")

            def run(self, videos: list[VideoJob], listener: runner.ConsoleListener) -> None:
                os.kill(os.getpid(), signal.SIGTERM)
                asked.append("went on")
                os.kill(os.getpid(), signal.SIGINT)
                asked.append("never")

        monkeypatch.setattr(engines, "LocalExecutor", Patient)
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        assert runner.run(videos, CPU) == 130
        assert asked == ["asked", "went on"]
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
        run = json.loads((videos / "run.json").read_text())
        assert [video["status"] for video in run["videos"]] == ["interrupted", "interrupted"]

    def test_what_a_killed_run_left_goes_even_when_nothing_is_to_do(
        self, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left = tmp_path / "work" / f"{PREFIX}dead"
        left.mkdir(parents=True)
        (left / LOCK).touch()
        partial = videos / ".run.json.999999999.part"
        partial.touch()
        monkeypatch.setattr(plan, "finished", lambda graph, folder, *_: folder / "manifest.json")
        monkeypatch.setattr(runner.RunReport, "close", lambda self: self.write())
        assert runner.run(videos, dataclasses.replace(CPU, WORK_DIR=str(tmp_path / "work"))) == 0
        assert not left.exists() and not partial.exists()

    def test_a_report_that_cannot_be_written_is_told(
        self, videos: Path, seen: type[Seen], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(runner.RunReport, "write", full)
        assert runner.run(videos, CPU) == 0
        assert "run.json cannot be written (No space left on device)" in capsys.readouterr().err

    def test_a_folder_for_temporary_files_is_made_and_a_wrong_one_refused(
        self, videos: Path, tmp_path: Path, seen: type[Seen]
    ) -> None:
        assert runner.run(videos, dataclasses.replace(CPU, WORK_DIR=str(tmp_path / "new" / "work"))) == 0
        (tmp_path / "file").touch()
        with pytest.raises(runner.InputError, match="--work-dir"):
            runner.run(videos, dataclasses.replace(CPU, WORK_DIR=str(tmp_path / "file")))

    def test_nothing_is_started_without_free_space(
        self, videos: Path, tmp_path: Path, seen: type[Seen], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        work = tmp_path / "work"
        work.mkdir()
        free = {videos: 5e9, work: 2e9}
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=int(free[Path(folder)])))
        config = dataclasses.replace(CPU, WORK_DIR=str(work))
        assert runner.run(videos, config) == 0
        seen.videos = []
        with pytest.raises(runner.InputError, match=r"only 2\.00 GB are free") as caught:
            runner.run(videos, dataclasses.replace(config, MIN_FREE_GB=2.5))
        assert caught.value.reason_code == "disk_full" and seen.videos == []

    def test_an_output_folder_that_cannot_be_made(self, videos: Path, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        config = dataclasses.replace(CPU, OUTPUT_DIR=str(tmp_path / "file" / "out"))
        with pytest.raises(runner.InputError, match="--output-dir"):
            runner.run(videos, config)


def _started(config: ResolvedConfig, videos: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[WorkerSetup]:
    """What the workers for so many videos are given, on a machine of 8 cores."""
    setups: list[WorkerSetup] = []
    monkeypatch.setattr(pool, "started", lambda context, target, args, name: setups.append(args[1]))
    monkeypatch.setattr(pool, "core_count", lambda: 8)
    WorkerPool(config, (), GRAPH, folder).start(videos)
    return setups


@pytest.mark.parametrize(
    ("devices", "videos", "seers"),
    [
        (("cpu",), 9, [("cpu", 2)] * 3),
        (("cpu",), 2, [("cpu", 2)] * 2),
        (("cpu",), 1, [("cpu", 2)]),
        (("cuda:0", "cuda:1"), 9, [("cuda:0", None)] * 3 + [("cuda:1", None)] * 3),
        (("cuda:0", "cuda:1"), 3, [("cuda:0", None)] * 2 + [("cuda:1", None)] * 2),
        (("cuda:0", "cuda:1"), 1, [("cuda:0", None), ("cuda:1", None)]),
    ],
)
def test_vision_workers_acts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, devices: Any, videos: int, seers: list[tuple[str, int | None]]
) -> None:
    """So many on each device, and no more than there are videos for; on a CPU they share its cores, and compute with as
    many threads however many videos there are, so that the results are the same."""
    config = on_cpu(NUM_PREPROCESS_WORKERS=1, VISION_WORKERS=3, RING_MB=16)
    config = dataclasses.replace(config, VISION_DEVICE=devices)
    setups = _started(config, videos, tmp_path, monkeypatch)
    vision = [setup for setup in setups if setup.kind == "vision"]
    assert [(setup.device, setup.threads) for setup in vision] == seers
    assert [setup.number for setup in vision] == list(range(len(seers)))
    assert {setup.threads for setup in setups if setup.kind != "vision"} == {None}


def test_processes_are_started_as_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = dataclasses.replace(
        on_cpu(),
        NUM_PREPROCESS_WORKERS=3,
        NUM_MUX_WORKERS=2,
        NUM_EXTRA_WORKERS=2,
        ANNOTATE=True,
        VISION_WORKERS=1,
        VISION_DEVICE=("cuda:0", "cuda:1"),
        WHISPER_DEVICE=("cuda:1",),
        RING_MB=16,
    )
    started = _started(config, 9, tmp_path, monkeypatch)
    assert [(setup.kind, setup.number, setup.device) for setup in started] == [
        *(("decode", number, "cpu") for number in range(3)),
        *(("vision", number, f"cuda:{number}") for number in range(2)),
        ("speech", 0, "cuda:1"),
        *(("clips", number, "cpu") for number in range(2)),
        *(("outputs", number, "cpu") for number in range(2)),
    ]
