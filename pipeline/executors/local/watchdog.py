"""Kills workers that hang, or for which there is not enough memory; their death is then noticed as any other."""

from __future__ import annotations

import time
from collections.abc import Callable

from config import Config
from pipeline.executors.base import START_WITHIN_S
from pipeline.executors.events import Event
from pipeline.executors.local.memory_limit import MemoryLimit
from pipeline.executors.local.pool import WorkerHandle, WorkerPool


class Watchdog:
    """Watches the workers of a run.

    Args:
        config: settings of the run.
        pool: its workers.
    """

    def __init__(self, config: Config, pool: WorkerPool) -> None:
        self._hang_s, self._pool = config.HANG_S, pool
        self.memory = MemoryLimit(config.MAX_RAM_GB)

    def look(self, awaits: Callable[[WorkerHandle], bool], tell: Callable[[Event], None]) -> None:
        """Look at every worker; *awaits* tells whether one owes a message."""
        self._kill_silent(awaits)
        self._kill_largest(tell)

    def _kill_silent(self, awaits: Callable[[WorkerHandle], bool]) -> None:
        """Kill workers that have owed us a message for longer than HANG_S."""
        now_s = time.monotonic()
        for worker in self._pool.workers:
            limit_s = self._hang_s if worker.ready else max(self._hang_s, START_WITHIN_S)
            if now_s - worker.heard_s > limit_s and not worker.silent_s and awaits(worker):
                worker.silent_s = now_s - worker.heard_s
                worker.kill()

    def _kill_largest(self, tell: Callable[[Event], None]) -> None:
        """Kill a worker where the run takes more memory than it may."""
        was_over = self.memory.is_over
        worker = self.memory.look(self._pool.workers)
        if self.memory.is_over and not was_over:
            now_gb, limit_gb = self.memory.now_bytes / 1e9, self.memory.limit_bytes / 1e9
            text = f"the run takes {now_gb:.1f} GB of memory, more than MAX_RAM_GB ({limit_gb:.1f}): no video is begun"
            more = {"gb": round(now_gb, 2), "most_gb": round(limit_gb, 2)}
            tell(Event("memory", text, level="warning", more=more))
        if worker is not None:
            worker.over_gb = self.memory.now_bytes / 1e9
            worker.kill()
