"""A maker of videos for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.film import Film


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """Maker of small videos in a folder of the test's own."""
    return Film(tmp_path)
