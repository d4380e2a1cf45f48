"""Permissions that hold for tests too, where these are run by root, who may read and write everything."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65_534
"""The user that owns nothing."""


@contextmanager
def folder_of_nobody() -> Iterator[Path]:
    """A folder, removed at the end; inside, root is nobody, to whom it belongs. Other users stay who they are."""
    root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp())
    try:
        if root:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
    finally:
        shutil.rmtree(folder)
