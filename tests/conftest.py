"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of footage, weights and reference numbers beside the project; it is never part of it.

    Skips where the folder is absent, and fails there when ``REQUIRE_SHARED=1``.
    """
    folder = ROOT.parent / "shared"
    if not (folder / "videos").is_dir():
        message = "footage and weights are not beside the project (../shared)"
        if os.environ.get("REQUIRE_SHARED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of the project's own sample videos with their truth."""
    return ROOT / "samples"
