"""What tests of every executor share."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.executors.local.executor import LocalExecutor
from pipeline.executors.serial import SerialExecutor
from tests.support.executing import Kind
from tests.support.ray_cluster import on_ray


@pytest.fixture(
    scope="module",
    params=["serial", pytest.param("local", marks=pytest.mark.slow), pytest.param("ray", marks=pytest.mark.ray)],
)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each executor in turn."""
    if request.param != "ray":
        return {"serial": SerialExecutor, "local": LocalExecutor}[request.param]
    request.getfixturevalue("ray_nodes")
    return on_ray


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for the videos; ``.work`` inside it is the working folder."""
    (tmp_path / ".work").mkdir()
    return tmp_path
