"""Ends workers that hang, or for which there is not enough memory; their death is then noticed as any other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from config import Config
from pipeline.executors.events import Event
from pipeline.executors.local.attempt import Attempt
from pipeline.executors.local.memory_limit import MemoryGuard
from pipeline.executors.local.pool import Crew, Worker

START_WITHIN_S = 600.0
"""Time that a worker gets to load its models, if ``HANG_S`` is not longer."""


class Supervisor:
    """Looks after the workers of a run.

    Args:
        config: settings of the run.
        crew: its workers.
    """

    def __init__(self, config: Config, crew: Crew) -> None:
        self._hang_s, self._crew = config.HANG_S, crew
        self.memory = MemoryGuard(config.MAX_RAM_GB)

    def look(self, active: Mapping[int, Attempt], tell: Callable[[Event], None]) -> None:
        """Looks at every worker; *active* are the attempts by their jobs."""
        self._end_the_silent(active)
        self._end_the_largest(tell)

    def _end_the_silent(self, active: Mapping[int, Attempt]) -> None:
        """Ends those that have had the word for too long."""
        now_s = time.monotonic()
        for worker in self._crew.workers:
            most_s = self._hang_s if worker.ready else max(self._hang_s, START_WITHIN_S)
            if now_s - worker.heard_s > most_s and not worker.silent_s and _is_awaited(worker, active):
                worker.silent_s = now_s - worker.heard_s
                worker.kill()

    def _end_the_largest(self, tell: Callable[[Event], None]) -> None:
        """Ends one where the run takes more memory than it may."""
        was_over = self.memory.is_over
        worker = self.memory.look(self._crew.workers)
        if self.memory.is_over and not was_over:
            now_gb, most_gb = self.memory.now_bytes / 1e9, self.memory.most_bytes / 1e9
            text = f"the run takes {now_gb:.1f} GB of memory, more than MAX_RAM_GB ({most_gb:.1f}): no video is begun"
            more = {"gb": round(now_gb, 2), "most_gb": round(most_gb, 2)}
            tell(Event("memory", text, level="warning", more=more))
        if worker is not None:
            worker.over_gb = self.memory.now_bytes / 1e9
            worker.kill()


def _is_awaited(worker: Worker, active: Mapping[int, Attempt]) -> bool:
    held = [active.get(job) for job in worker.jobs]
    return not worker.ready or any(attempt is None or attempt.waits_for(worker) for attempt in held)
