"""Work that may wait for a disk or a storage, in one thread beside the one that leads a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Background:
    """Runs one call after another, in their order, and hands results back to the thread that asks for them.

    Args:
        wake: called, in the other thread, when a call has ended.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._pool = ThreadPoolExecutor(1, "background")
        self._pending: deque[tuple[Future[Any], Callable[[Any], None]]] = deque()

    def __len__(self) -> int:
        return len(self._pending)

    def submit(self, call: Callable[[], Any], then: Callable[[Any], None] = lambda _: None) -> None:
        """Run *call* in the other thread; `take` passes its result to *then*."""
        future = self._pool.submit(call)
        self._pending.append((future, then))
        future.add_done_callback(lambda _: self._wake())

    def take(self) -> None:
        """Pass on the results of calls that have ended, in this thread; an error of one is raised here."""
        while self._pending and self._pending[0][0].done():
            future, then = self._pending.popleft()
            then(future.result())

    def close(self) -> None:
        """Take no more calls, and wait until those taken have ended."""
        self._pool.shutdown()
