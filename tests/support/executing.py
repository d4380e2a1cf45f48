"""Executors at work on the stages without networks: what the tests of all of them share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from config import Config
from pipeline.executors.base import Executor
from pipeline.executors.events import Event
from pipeline.machine import ResolvedConfig, resolved
from pipeline.settings import settings_that_affect
from pipeline.stage import Graph, VideoJob
from pipeline.types import Fingerprints, VideoResult
from tests.support import fake_stages

CONFIG = resolved(
    Config(
        WHISPER_DEVICE="cpu",
        VISION_DEVICE="cpu",
        RING_MB=16,
        NUM_PREPROCESS_WORKERS=2,
        VISION_WORKERS=1,
        MAX_VIDEOS_IN_FLIGHT=3,
    )
)


Kind = Callable[..., Executor]


class Recorder:
    """Keeps what an executor tells."""

    def __init__(self) -> None:
        self.results: dict[str, VideoResult] = {}
        self.order: list[str] = []
        self.progress: list[tuple[str, str, float, float]] = []
        self.events: list[Event] = []
        self.when_told: Callable[[Event], None] = lambda event: None

    def on_progress(self, video: VideoJob, stage: str, done: float, total: float) -> None:
        self.progress.append((video.path.name, stage, done, total))

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        self.when_told(event)

    def on_result(self, video: VideoJob, result: VideoResult) -> None:
        assert result.path.name not in self.results, "a video ended twice"
        self.results[result.path.name] = result


def prepared(
    kind: Kind, folder: Path, names: list[str], config: ResolvedConfig = CONFIG, graph: Graph = fake_stages.GRAPH
) -> tuple[Recorder, Executor, list[VideoJob]]:
    executor = kind(config, (), folder / ".work", graph)
    jobs = [
        VideoJob(number, folder / name, folder / f"{name}.out", fake_prints(graph, name, config))
        for number, name in enumerate(names)
    ]
    return Recorder(), executor, jobs


def fake_prints(graph: Graph, name: str, config: Config) -> Fingerprints:
    """Return texts that change with the video, the stage and the settings that the stage depends on."""
    texts = {}
    for stage in graph.stages:
        settings = settings_that_affect(config, *(each.name for each in graph.chain(stage)))
        texts[stage.name] = f"{stage.name} {name} {sorted(settings.items())}"
    return Fingerprints(texts, f"f{name}")


def run(
    kind: Kind, folder: Path, names: list[str], config: ResolvedConfig = CONFIG, graph: Graph = fake_stages.GRAPH
) -> tuple[Recorder, Executor]:
    recorder, executor, jobs = prepared(kind, folder, names, config, graph)
    executor.run(jobs, recorder)
    return recorder, executor
