"""Fixtures of the tests of storages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.s3 import s3_service


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """URL of a bucket on a real S3 service."""
    with s3_service() as url:
        yield url


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty folder, on each kind of storage."""
    if request.param == "file":
        (tmp_path / "storage").mkdir()
        return (tmp_path / "storage").as_uri()
    return f"{request.getfixturevalue('bucket')}/{tmp_path.name}"
