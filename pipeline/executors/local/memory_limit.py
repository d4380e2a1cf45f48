"""The memory limit of a run: no new video while it takes too much, and in the end its largest worker is killed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from pipeline.executors.local.pool import WorkerHandle
from pipeline.executors.local.process_memory import limit_bytes, proportional_bytes, tree_bytes

LOOK_EVERY_S = 5.0
PATIENCE = 3
"""Looks in a row that find too much before a worker is ended: memory that a batch needed is soon free again."""

SHARE = 0.9
"""Of what the machine or its container has: some is left for the system and the file cache."""


class MemoryLimit:
    """Looks from time to time at the memory of this process and all its children.

    Args:
        most_gb: the limit, or ``auto``.
        taken: how much memory the run takes, in bytes; tests give another.
    """

    def __init__(self, most_gb: float | str, taken: Callable[[], int] = lambda: tree_bytes(os.getpid())) -> None:
        self.limit_bytes = SHARE * limit_bytes() if isinstance(most_gb, str) else most_gb * 1e9
        self.peak_bytes = 0
        self.now_bytes = 0
        self._taken = taken
        self._looked_s = -LOOK_EVERY_S
        self._too_often = 0

    @property
    def is_over(self) -> bool:
        """True where the last look found more than is allowed."""
        return self.now_bytes > self.limit_bytes

    def look(self, workers: Sequence[WorkerHandle]) -> WorkerHandle | None:
        """Look, if it is time; return the worker that must be killed: the largest of those that have work."""
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return None
        self._looked_s = now_s
        self.now_bytes = self._taken()
        self.peak_bytes = max(self.peak_bytes, self.now_bytes)
        self._too_often = self._too_often + 1 if self.is_over else 0
        busy = [worker for worker in workers if worker.holds and worker.process.pid is not None]
        if self._too_often < PATIENCE or not busy:
            return None
        self._too_often = 0
        return max(busy, key=lambda worker: proportional_bytes(worker.process.pid or 0))
