"""The worker processes of the local executor: starting, replacing and ending them."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from pipeline.executors.local.forkserver import clean_processes, started
from pipeline.executors.local.messages import Stop
from pipeline.executors.local.ring import SharedMemory
from pipeline.executors.local.setup import WorkerSetup
from pipeline.executors.local.worker import work
from pipeline.machine import ResolvedConfig, core_count
from pipeline.stage import DECODE, Graph, Models

END_WITHIN_S = 5.0
"""Time that workers get to end by themselves before they are made to."""


class Outbox:
    """The messages to one worker, sent by a thread: a worker that does not read holds nobody up.

    Args:
        pipe: to the worker. A worker that has died is noticed elsewhere.
    """

    def __init__(self, pipe: Connection) -> None:
        self._messages: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        self._pipe = pipe
        self._thread = threading.Thread(target=self._send, name="outbox", daemon=True)
        self._thread.start()

    def put(self, message: object) -> None:
        """Send *message* after those before it. It is pickled at once: what cannot be is a fault of who sends it."""
        self._messages.put(ForkingPickler.dumps(message))

    def close(self) -> None:
        """Close the pipe once the thread has ended: its worker has."""
        self._messages.put(None)
        self._thread.join(END_WITHIN_S)
        self._pipe.close()

    def _send(self) -> None:
        while (message := self._messages.get()) is not None:
            try:
                self._pipe.send_bytes(message)
            except (OSError, ValueError):
                return


@dataclass(slots=True, eq=False)
class WorkerHandle:
    """One process, as its parent sees it."""

    kind: str
    """The name of its pool, or ``decode``."""
    number: int
    device: str
    process: BaseProcess
    pipe: Connection
    outbox: Outbox
    ready: bool = False
    holds: dict[int, str] = field(default_factory=dict[int, str])
    """The stage of each job that it holds."""
    failed_starts: int = 0
    """Times in a row that it died before it was ready."""
    heard_s: float = field(default_factory=time.monotonic)
    """When a message last went either way, on ``time.monotonic``."""
    silent_s: float = 0.0
    """Seconds that it had been silent when it was killed for that; 0 for all others."""
    over_gb: float = 0.0
    """Memory of the whole run when it was killed because that was too much; 0 for all others."""

    @property
    def name(self) -> str:
        """The name of its process."""
        return f"{self.kind}-{self.number}"

    def kill(self) -> None:
        """Kill the process and what it has started, such as encoders."""
        pid = self.process.pid
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if pid is not None and os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)
        if self.process.is_alive():
            self.process.kill()

    def kill_children(self) -> None:
        """Kill what a process that has died had started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.process.pid is not None:
                os.killpg(self.process.pid, signal.SIGKILL)

    def send(self, message: object) -> None:
        """Send *message*, without waiting for the worker to read it."""
        self.heard_s = time.monotonic()
        self.outbox.put(message)


class WorkerPool:
    """All workers of a run.

    Args:
        config: settings.
        models: of the run.
        graph: the stages, which name the pools that run them.
        work_dir: for the sound files.
    """

    def __init__(self, config: ResolvedConfig, models: Models, graph: Graph, work_dir: Path) -> None:
        self._config, self._models, self._graph, self._work_dir = config, models, graph, work_dir
        self._context = clean_processes()
        self.workers: list[WorkerHandle] = []
        self._rings = [SharedMemory(config.RING_MB << 20) for _ in range(config.NUM_PREPROCESS_WORKERS)]
        self._wakened, self._waker = self._context.Pipe(duplex=False)
        self._pools = {stage.pool.name: stage.pool for stage in graph.asked(config)}

    def start(self, videos: int) -> None:
        """Start every worker; of those with devices no more than there are *videos*."""
        plan = [(DECODE, "cpu")] * len(self._rings)
        for pool in self._pools.values():
            devices, count = pool.devices_in(self._config), pool.processes_in(self._config)
            if pool.devices:
                count = min(count, max(-(-videos // len(devices)), 1))
            plan += [(pool.name, device) for device in devices for _ in range(count)]
        for kind, device in plan:
            number = len(self.of(kind))
            self.workers.append(WorkerHandle(kind, number, device, *self._spawn(kind, number, device)))

    def of(self, kind: str) -> list[WorkerHandle]:
        """Return the workers of a pool, or the decoders."""
        return [worker for worker in self.workers if worker.kind == kind]

    def replace(self, worker: WorkerHandle) -> None:
        """Start a new process in the place of one that has died."""
        worker.kill_children()
        worker.outbox.close()
        worker.process, worker.pipe, worker.outbox = self._spawn(worker.kind, worker.number, worker.device)
        worker.ready, worker.holds = False, {}
        worker.heard_s, worker.silent_s, worker.over_gb = time.monotonic(), 0.0, 0.0

    def wake(self) -> None:
        """Let `events` return at once. Called in any thread."""
        with contextlib.suppress(OSError):
            self._waker.send(None)

    def events(self, timeout_s: float) -> Iterator[tuple[WorkerHandle, Any]]:
        """Yield each worker's messages; None instead of a message for one that has died."""
        ends = [end for each in self.workers for end in (each.pipe, each.process.sentinel)]
        ready = set(wait([*ends, self._wakened], timeout_s))
        while self._wakened in ready and self._wakened.poll():
            self._wakened.recv()
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
        """End every worker, and what it has started, and free the rings.

        Args:
            at_once: kill them, whatever they do. Otherwise they are told to stop, and have a moment for that.
        """
        end_s = time.monotonic() + END_WITHIN_S
        for worker in self.workers:
            worker.send(Stop())
            if at_once:
                worker.kill()
        for worker in self.workers:
            worker.process.join(max(end_s - time.monotonic(), 0.01))
            worker.kill()
            worker.process.join()
            worker.outbox.close()
        for ring in self._rings:
            ring.close()
        self.workers, self._rings = [], []

    def close(self) -> None:
        """Close the pipe of `wake`, when nobody calls that any more."""
        self._wakened.close()
        self._waker.close()

    def _spawn(self, kind: str, number: int, device: str) -> tuple[BaseProcess, Connection, Outbox]:
        ours, theirs = self._context.Pipe()
        setup = WorkerSetup(
            kind=kind,
            number=number,
            device=device,
            rings=tuple(ring.handle() for ring in self._rings_of(kind, number)),
            config=self._config,
            models=self._models,
            graph=self._graph,
            work_dir=self._work_dir,
            environment=dict(os.environ),
            threads=self._threads_of(kind, device),
        )
        process = started(self._context, work, (theirs, setup), setup.name)
        theirs.close()
        return process, ours, Outbox(ours)

    def _rings_of(self, kind: str, number: int) -> Sequence[SharedMemory]:
        """Return a decoder's own ring, and all rings for workers that are fed with frames."""
        if kind == DECODE:
            return self._rings[number : number + 1]
        is_fed = any(stage.feeds == "frames" for stage in self._graph.stages if stage.pool.name == kind)
        return self._rings if is_fed else []

    def _threads_of(self, kind: str, device: str) -> int | None:
        """Return the threads of a worker's networks: its part of the cores where several share them.

        However many videos there are: with other threads sums come out differently in their last digits, and a run that
        is gone on with, or a shard, must give what a whole run gives.
        """
        pool = self._pools.get(kind)
        if pool is None or not pool.devices or device != "cpu":
            return None
        sharing = pool.processes_in(self._config)
        return None if sharing == 1 else max(core_count() // sharing, 1)
