"""Pictures in shared memory: a ring for each decoding process.

The memory is an unnamed file (memfd where the system has it) that the parent makes and hands to its workers. It has no
name that could be left behind, does not count against the size of ``/dev/shm``, and is gone with the last process that
holds it.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from multiprocessing.reduction import DupFd
from typing import Any

import numpy as np

from pipeline.executors.picture_format import PictureFormat
from pipeline.machine import unnamed_memory


class SharedMemory:
    """One piece of memory that the parent makes and its workers map.

    Args:
        size: in bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._fd, _ = unnamed_memory()
        os.ftruncate(self._fd, size)

    def handle(self) -> RingHandle:
        """Return the handle with which a worker maps it."""
        return RingHandle(self._fd, self.size)

    def close(self) -> None:
        os.close(self._fd)


@dataclass(frozen=True, slots=True)
class RingHandle:
    """Travels to a worker that is being started, which inherits the descriptor."""

    fd: Any
    """Here the parent's descriptor, there what stands for the inherited one."""
    size: int

    def __reduce__(self) -> tuple[type, tuple[Any, int]]:
        return RingHandle, (DupFd(self.fd), self.size)

    def map(self) -> Ring:
        fd = self.fd.detach()
        try:
            return Ring(mmap.mmap(fd, self.size))
        finally:
            os.close(fd)


class Ring:
    """The memory as a worker sees it: frame *i* lies at place ``i % capacity``."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._bytes = np.frombuffer(memory, np.uint8)

    def pictures(self, form: PictureFormat, first_frame: int, count: int) -> np.ndarray:
        """(count, H, W, 3) uint8: the places of consecutive frames, which must not run past the end of the ring."""
        place = first_frame % form.capacity
        if place + count > form.capacity:
            raise ValueError(f"Ring: expected at most {form.capacity - place} frames from {first_frame}, got {count}")
        start = place * form.frame_bytes
        flat = self._bytes[start : start + count * form.frame_bytes]
        return flat.reshape(count, form.height_px, form.width_px, 3)
