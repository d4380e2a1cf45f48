"""Work that may wait for a disk or a storage, in one thread beside the one that leads a run."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

CLOSE_WITHIN_S = 10.0
"""Time that calls get to end when a run ends before them: a storage that does not answer must not hold it up."""


class Background:
    """Runs one call after another, in their order, and hands results back to the thread that asks for them.

    The thread is a daemon: it keeps no process alive.

    Args:
        wake: called, in the other thread, when a call has ended.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._pending: deque[tuple[Future[Any], Callable[[Any], None]]] = deque()
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._pending)

    def submit(self, call: Callable[[], Any], then: Callable[[Any], None] = lambda _: None) -> None:
        """Run *call* in the other thread; `take` passes its result to *then*."""
        future: Future[Any] = Future()
        self._pending.append((future, then))
        self._calls.put((call, future))

    def take(self) -> None:
        """Pass on the results of calls that have ended, in this thread; an error of one is raised here."""
        while self._pending and self._pending[0][0].done():
            future, then = self._pending.popleft()
            then(future.result())

    def close(self, within_s: float = CLOSE_WITHIN_S) -> None:
        """Take no more calls, and wait so long for those taken to end."""
        self._calls.put(None)
        self._thread.join(within_s)

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            call, future = item
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
            self._wake()
