"""What some tests need and not every machine has."""

from __future__ import annotations

import os

import pytest


def need_index(message: str) -> None:
    """Skips a test for want of a package index; fails it when ``REQUIRE_INDEX=1``."""
    if os.environ.get("REQUIRE_INDEX") == "1":
        pytest.fail(message)
    pytest.skip(message)
