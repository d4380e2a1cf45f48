"""Faults of the system while a file is read: they are not the file's, and may be gone the next time."""

from __future__ import annotations

import errno
from pathlib import Path

from pipeline.errors import InputError

BLOCK_BYTES = 1 << 22

OF_THE_SYSTEM = frozenset(
    {
        *(errno.EACCES, errno.EHOSTDOWN, errno.EMFILE, errno.ENFILE, errno.ENODEV, errno.ENOENT, errno.ENOTCONN),
        *(errno.ENXIO, errno.EREMOTEIO, errno.ESTALE, errno.ETIMEDOUT),
    }
)
"""Errors that FFmpeg hands on from the system. EIO is not among them: FFmpeg reports it for damaged files, too."""


def unreadable(path: Path, error: OSError) -> InputError:
    """Return the error for a file that the system does not give."""
    return InputError("unreadable", f"cannot be read: {error.strerror}. Check that it exists and its permissions", path)


def check_system(error: Exception, path: Path) -> None:
    """Raise an error where a fault is the system's, and not of the content of a file.

    Args:
        error: error of FFmpeg while *path* was opened or read.
        path: the file; it is read through where the error may be either.

    Raises:
        InputError: ``unreadable`` where it is the system's.
    """
    if not isinstance(error, OSError):
        return
    if error.errno in OF_THE_SYSTEM:
        raise unreadable(path, error) from error
    if error.errno == errno.EIO:
        try:
            with path.open("rb") as file:
                while file.read(BLOCK_BYTES):
                    pass
        except OSError as own:
            raise unreadable(path, own) from own
