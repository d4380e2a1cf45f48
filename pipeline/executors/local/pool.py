"""The worker processes of the local executor: starting, replacing and ending them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from config import Config
from pipeline.executors.local.forkserver import clean_processes, started
from pipeline.executors.local.messages import Stop
from pipeline.executors.local.ring import SharedMemory
from pipeline.executors.local.setup import WorkerSetup
from pipeline.executors.local.worker import work
from pipeline.machine import core_count
from pipeline.outputs.extras import wanted
from pipeline.settings import as_list
from pipeline.stages import Models, Stages

END_WITHIN_S = 5.0
"""Time that workers get to end by themselves before they are made to."""


@dataclass(slots=True, eq=False)
class Worker:
    """One process, as its parent sees it."""

    kind: str
    number: int
    device: str
    process: BaseProcess
    pipe: Connection
    ready: bool = False
    jobs: set[int] = field(default_factory=set)
    """Jobs that it holds."""
    failed_starts: int = 0
    """Times in a row that it died before it was ready."""
    heard_s: float = field(default_factory=time.monotonic)
    """When it last said something or was told something, on ``time.monotonic``."""
    silent_s: float = 0.0
    """How long it had said nothing when it was ended for that; 0 for all others."""
    over_gb: float = 0.0
    """Memory of the whole run when it was ended because that was too much; 0 for all others."""

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number}"

    def kill(self) -> None:
        """Ends the process and what it has started, such as encoders."""
        pid = self.process.pid
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if pid is not None and os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)
        if self.process.is_alive():
            self.process.kill()

    def end_children(self) -> None:
        """Ends what a process that has died had started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.process.pid is not None:
                os.killpg(self.process.pid, signal.SIGKILL)

    def tell(self, message: object) -> None:
        """Sends *message*; a worker that has died is noticed elsewhere."""
        self.heard_s = time.monotonic()
        with contextlib.suppress(OSError):
            self.pipe.send(message)


class Crew:
    """All workers of a run.

    Args:
        config: settings, with every ``auto`` resolved.
        models: of the run.
        stages: the functions that the workers run.
        work_dir: for the sound files.
    """

    def __init__(self, config: Config, models: Models, stages: Stages, work_dir: Path) -> None:
        self._config, self._models, self._stages, self._work_dir = config, models, stages, work_dir
        self._context = clean_processes()
        self.workers: list[Worker] = []
        self._rings = [SharedMemory(config.RING_MB << 20) for _ in range(int(config.NUM_PREPROCESS_WORKERS))]

    def start(self, videos: int) -> None:
        """Starts every worker; of those for vision no more than there are *videos*."""
        devices = as_list(self._config.VISION_DEVICE)
        seers = min(int(self._config.VISION_WORKERS), max(-(-videos // len(devices)), 1))
        plan = [("decode", "cpu")] * len(self._rings)
        plan += [("vision", device) for device in devices for _ in range(seers)]
        plan += [("speech", device) for device in as_list(self._config.WHISPER_DEVICE)]
        plan += [("mux", "cpu")] * self._config.NUM_MUX_WORKERS
        plan += [("extras", "cpu")] * (self._config.NUM_EXTRA_WORKERS if wanted(self._config) else 0)
        for kind, device in plan:
            number = len(self.of(kind))
            self.workers.append(Worker(kind, number, device, *self._spawn(kind, number, device)))

    def of(self, kind: str) -> list[Worker]:
        return [worker for worker in self.workers if worker.kind == kind]

    def replace(self, worker: Worker) -> None:
        """Starts a new process in the place of one that has died."""
        worker.end_children()
        worker.pipe.close()
        worker.process, worker.pipe = self._spawn(worker.kind, worker.number, worker.device)
        worker.ready, worker.jobs = False, set()
        worker.heard_s, worker.silent_s, worker.over_gb = time.monotonic(), 0.0, 0.0

    def events(self, timeout_s: float) -> Iterator[tuple[Worker, Any]]:
        """What the workers have said, each with its message; None instead of a message for one that has died."""
        ready = set(wait([end for each in self.workers for end in (each.pipe, each.process.sentinel)], timeout_s))
        dead = [worker for worker in self.workers if worker.process.sentinel in ready]
        for worker in [worker for worker in self.workers if worker.pipe in ready]:
            try:
                while worker.pipe.poll():
                    message = worker.pipe.recv()
                    worker.heard_s = time.monotonic()
                    yield worker, message
            except (EOFError, OSError):
                if worker not in dead:
                    dead.append(worker)
        for worker in dead:
            worker.process.join(END_WITHIN_S)
            yield worker, None

    def stop(self, at_once: bool) -> None:
        """Ends every worker, and what it has started, and frees the rings.

        Args:
            at_once: kill them, whatever they do. Otherwise they are told to stop, and have a moment for that.
        """
        end_s = time.monotonic() + END_WITHIN_S
        for worker in self.workers:
            worker.tell(Stop())
            if at_once:
                worker.kill()
        for worker in self.workers:
            worker.process.join(max(end_s - time.monotonic(), 0.01))
            worker.kill()
            worker.process.join()
            worker.pipe.close()
        for ring in self._rings:
            ring.close()
        self.workers, self._rings = [], []

    def _spawn(self, kind: str, number: int, device: str) -> tuple[BaseProcess, Connection]:
        rings = self._rings[number : number + 1] if kind == "decode" else self._rings if kind == "vision" else []
        ours, theirs = self._context.Pipe()
        setup = WorkerSetup(
            name=f"{kind}-{number}",
            kind=kind,
            number=number,
            device=device,
            rings=tuple(ring.handle() for ring in rings),
            config=self._config,
            models=self._models,
            stages=self._stages,
            work_dir=self._work_dir,
            environment=dict(os.environ),
            threads=self._threads_of(kind, device),
        )
        process = started(self._context, work, (theirs, setup), setup.name)
        theirs.close()
        return process, ours

    def _threads_of(self, kind: str, device: str) -> int | None:
        """Threads of a worker's networks: its part of the cores where several may share them.

        However many videos there are: with other threads sums come out differently in their last digits, and a run that
        is gone on with, or a shard, shall give what a whole run gives.
        """
        sharing = int(self._config.VISION_WORKERS)
        if kind != "vision" or device != "cpu" or sharing == 1:
            return None
        return max(core_count() // sharing, 1)
