"""Work in batches that shrink when the device runs out of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

Result = TypeVar("Result")


_GLIBC_BLOCK_BYTES = 31 << 20


def keep_freed_memory() -> None:
    """Let the process keep freed blocks of some megabytes, instead of fetching them from the system anew.

    Linux' C library returns large blocks at once, until one just under 32 MiB has been freed; from then on it keeps
    all up to that size. Networks on a CPU ask for the same large blocks again and again: 3 to 18 % of their time.
    """
    torch.empty(_GLIBC_BLOCK_BYTES, dtype=torch.uint8)


class Batches:
    """Batches of work; one that does not fit into the device's memory is halved, down to one item.

    The smaller size holds for later work of the same kind.

    Args:
        most: for each kind of work the most that a batch may hold.
    """

    def __init__(self, **most: int) -> None:
        self._most = dict(most)
        self.reductions = 0
        """Times that a batch was halved."""

    def run(
        self, kind: str, count: int, work: Callable[[int, int], Result], unit: int = 1
    ) -> Iterator[tuple[int, int, Result]]:
        """Work on *count* items in order.

        Args:
            kind: a name of *most*.
            count: number of items.
            work: function of items start to stop; it may be called again with fewer of them.
            unit: share of the batch that one item takes.

        Yields:
            start, stop and the result of *work* for them.

        Raises:
            torch.OutOfMemoryError: not even one item fits.
        """
        start = 0
        while start < count:
            stop = min(count, start + max(1, self._most[kind] // unit))
            try:
                result = work(start, stop)
            except torch.OutOfMemoryError:
                if stop - start == 1:
                    raise
            else:
                yield start, stop, result
                start = stop
                continue
            # Outside of the handler, which would keep the tensors of the failed call alive.
            self._most[kind] = (stop - start) // 2 * unit
            self.reductions += 1
            torch.cuda.empty_cache()
