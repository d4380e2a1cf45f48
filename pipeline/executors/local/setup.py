"""What a worker process is given when it is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config import Config
from pipeline.executors.local.ring import RingHandle
from pipeline.stages import Models, Stages


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker is given when it is started."""

    name: str
    kind: str
    """``decode``, ``vision``, ``speech``, ``mux`` or ``extras``."""
    number: int
    """Among those of its kind."""
    device: str
    rings: tuple[RingHandle, ...]
    config: Config
    models: Models
    stages: Stages
    work_dir: Path
    environment: Mapping[str, str]
    """Variables of the parent when it started this worker."""
    threads: int | None = None
    """How many its networks compute with, where it shares the cores; None: as many as they like."""
