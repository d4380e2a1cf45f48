"""Standard streams whose loss ends no work: a pager that was closed, or a full disk under a log."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


@contextlib.contextmanager
def lasting_streams() -> Iterator[None]:
    """Let output to standard output and standard error get lost, inside, where nobody can take it any more."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_lasting(stream) for stream in before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        sys.stdout, sys.stderr = before


def _lasting(stream: TextIO | None) -> Any:
    """Wrap *stream* so that writing raises no error; None, to which one can print, too, stays."""
    return stream if stream is None else _Lasting(stream)


class _Lasting:
    """Text stream that leads nowhere from the first error on, and is like the one inside before."""

    def __init__(self, inner: TextIO) -> None:
        self._inner = inner

    def write(self, text: str) -> int:
        try:
            return self._inner.write(text)
        except OSError:
            self._lead_nowhere()
            return len(text)

    def flush(self) -> None:
        try:
            self._inner.flush()
        except OSError:
            self._lead_nowhere()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _lead_nowhere(self) -> None:
        """Point the descriptor at the null device: the rest of the buffer goes there, too, at the latest at exit."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nowhere, self._inner.fileno())
            finally:
                os.close(nowhere)
