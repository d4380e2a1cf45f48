"""Runs whose executor only notes what it is given: for tests of what a command asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import Config
from pipeline.run import engines, runner
from pipeline.stage import Graph, VideoJob
from pipeline.types import ModelChoice, VideoResult

CPU = Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", DOWNLOAD_WEIGHTS=False)


class Seen:
    """An executor that only remembers what it was given."""

    videos: list[VideoJob]
    work_dirs: list[Path]

    def __init__(self, config: Config, models: tuple[ModelChoice, ...], work_dir: Path, graph: Graph) -> None:
        Seen.work_dirs.append(work_dir)

    def run(self, videos: list[VideoJob], listener: runner.ConsoleListener) -> None:
        Seen.videos = list(videos)
        for video in videos:
            listener.on_result(video, VideoResult(video.path, "done"))

    def queues(self) -> dict[str, dict[str, int]]:
        return {}

    peak_bytes = 2_000_000_000

    def interrupt(self) -> None:
        raise KeyboardInterrupt


@pytest.fixture(name="seen", autouse=True)
def noting_executor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Seen]:
    """The executor of every run of the module that imports this, and no weights but those that a test names."""
    monkeypatch.setattr(engines, "LocalExecutor", Seen)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LIPGEN_WEIGHTS", raising=False)
    Seen.videos, Seen.work_dirs = [], []
    return Seen


@pytest.fixture(name="videos")
def two_files(tmp_path: Path) -> Path:
    """A folder of two files that are called videos."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_bytes(name.encode() * 100)
    return folder


def names(seen: type[Seen]) -> list[str]:
    """Of the videos that the executor was given."""
    return [video.path.name for video in seen.videos]
