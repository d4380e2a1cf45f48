"""OpenCV's own log, which goes to the console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2


@contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenCV from writing inside: version 5 warns of a target that nobody asked for, for each network."""
    log = cv2.utils.logging
    level = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_FATAL)
    try:
        yield
    finally:
        log.setLogLevel(level)
