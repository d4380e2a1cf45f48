"""One run, with the executor replaced: what is chosen, what is skipped, and that the settings about it act."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from config import Config
from pipeline import weights
from pipeline.errors import WeightsError
from pipeline.executors import runner
from pipeline.executors.crew import Crew
from pipeline.machine import resolved
from pipeline.stages import STAGES, VideoJob
from pipeline.types import ModelChoice, VideoResult

CPU = Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", DOWNLOAD_WEIGHTS=False)


class Seen:
    """An executor that only remembers what it was given."""

    videos: list[VideoJob]
    work_dirs: list[Path]

    def __init__(self, config: Config, models: tuple[ModelChoice, ...], work_dir: Path) -> None:
        Seen.work_dirs.append(work_dir)

    def run(self, videos: list[VideoJob], listener: runner.ConsoleListener) -> None:
        Seen.videos = list(videos)
        for video in videos:
            listener.on_result(VideoResult(video.path, "done"))

    def queues(self) -> dict[str, dict[str, int]]:
        return {}


@pytest.fixture(autouse=True)
def seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Seen]:
    monkeypatch.setattr(runner, "LocalExecutor", Seen)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LIPGEN_WEIGHTS", raising=False)
    Seen.videos, Seen.work_dirs = [], []
    return Seen


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_bytes(name.encode() * 100)
    return folder


def names(seen: type[Seen]) -> list[str]:
    return [video.path.name for video in seen.videos]


class TestRun:
    def test_every_video_is_given_to_the_executor_and_reported(self, videos: Path, seen: type[Seen]) -> None:
        assert runner.run(videos, CPU) == 0
        assert names(seen) == ["a.mp4", "b.mp4"]
        assert seen.videos[0].folder == videos / "a"
        run = json.loads((videos / "run.json").read_text())
        assert [video["status"] for video in run["videos"]] == ["done", "done"]
        assert [model["name"] for model in run["models"]] == ["mtcnn", "lip-motion", "pocketsphinx"]

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
        def done(folder: Path, mark: str) -> Path | None:
            return folder / "manifest.json" if folder.name == "a" and mark else None

        monkeypatch.setattr(runner, "finished_before", done)
        monkeypatch.setattr(runner.RunReport, "close", lambda self: self.write())
        assert runner.run(videos, CPU) == 0
        assert names(seen) == ["b.mp4"]
        runner.run(videos, dataclasses.replace(CPU, FORCE=True))
        assert names(seen) == ["a.mp4", "b.mp4"]

    def test_an_output_folder_that_cannot_be_made(self, videos: Path, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        config = dataclasses.replace(CPU, OUTPUT_DIR=str(tmp_path / "file" / "out"))
        with pytest.raises(runner.InputError, match="--output-dir"):
            runner.run(videos, config)


class TestModels:
    def test_the_whisper_model_is_the_one_that_is_asked_for(self, tmp_path: Path) -> None:
        for wanted, stands_for in (("auto", "whisper-base"), ("small", "whisper-small"), ("pocketsphinx", None)):
            config = resolved(dataclasses.replace(CPU, WHISPER_MODEL_SIZE=wanted))
            assert runner.chosen_models(config)[2].stands_in_for == stands_for
        own = tmp_path / "own.pt"
        own.write_bytes(b"a checkpoint")
        choice = runner.chosen_models(resolved(dataclasses.replace(CPU, WHISPER_MODEL_SIZE=str(own))))[2]
        assert (choice.name, choice.weights) == ("own.pt", own)

    def test_nothing_stands_in_for_whisper_in_another_language(self) -> None:
        with pytest.raises(WeightsError, match="PocketSphinx"):
            runner.chosen_models(resolved(dataclasses.replace(CPU, WHISPER_LANGUAGE="ja")))

    def test_weights_dir_and_model_names_act(self, shared: Path) -> None:
        config = dataclasses.replace(
            CPU, WEIGHTS_DIR=str(shared / "weights"), FACE_DETECTOR="yunet", SPEAKER_MODEL="lr-asd"
        )
        faces, speaking, _ = runner.chosen_models(resolved(config))
        assert (faces.name, speaking.name) == ("yunet", "lr-asd")
        assert faces.weights == shared / "weights" / "yunet_n_dynamic.onnx" and faces.stands_in_for is None

    def test_download_weights_acts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tried = []

        def refuse(model: object, *_: object, **__: object) -> None:
            tried.append(model)
            raise WeightsError("not here")

        monkeypatch.setattr(weights, "fetch", refuse)
        runner.chosen_models(resolved(CPU))
        assert tried == []
        runner.chosen_models(resolved(dataclasses.replace(CPU, DOWNLOAD_WEIGHTS=True)))
        assert tried


def test_processes_are_started_as_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = dataclasses.replace(
        CPU,
        NUM_PREPROCESS_WORKERS=3,
        NUM_MUX_WORKERS=2,
        VISION_DEVICE=("cuda:0", "cuda:1"),
        WHISPER_DEVICE="cuda:1",
        RING_MB=16,
    )
    crew = Crew(config, (), STAGES, tmp_path)
    started: list[tuple[str, int, str]] = []

    def spawn(kind: str, number: int, device: str) -> tuple[None, None]:
        started.append((kind, number, device))
        return None, None

    monkeypatch.setattr(crew, "_spawn", spawn)
    crew.start()
    assert started == [
        *(("decode", number, "cpu") for number in range(3)),
        *(("vision", number, f"cuda:{number}") for number in range(2)),
        ("speech", 0, "cuda:1"),
        *(("mux", number, "cpu") for number in range(2)),
    ]
