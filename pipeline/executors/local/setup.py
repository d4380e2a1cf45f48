"""The values that a worker process is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.executors.local.ring import RingHandle
from pipeline.machine import ResolvedConfig
from pipeline.stage import DECODE, Graph, Models, Stage


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """The values that a worker is started with."""

    kind: str
    """The name of its pool, or ``decode``."""
    number: int
    """Its number among those of its kind."""
    device: str
    rings: tuple[RingHandle, ...]
    config: ResolvedConfig
    models: Models
    graph: Graph
    work_dir: Path
    environment: Mapping[str, str]
    """Variables of the parent when it started this worker."""
    threads: int | None = None
    """Threads that its networks compute with, where it shares the cores; None: as many as they like."""

    @property
    def name(self) -> str:
        """The name that ``ps`` and ``top`` show."""
        return f"{self.kind}-{self.number}"

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that it runs; none for a decoder."""
        if self.kind == DECODE:
            return ()
        return tuple(stage for stage in self.graph.asked(self.config) if stage.pool.name == self.kind)
