"""A Ray cluster of three nodes on this machine: one keeps the books, two have two cores each."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from pipeline.executors.cluster.executor import ClusterExecutor
from pipeline.executors.cluster.ray import ray_executor
from pipeline.machine import ResolvedConfig
from pipeline.stage import Graph, Models
from tests.support.this_machine import free_ports

ROOT = Path(__file__).resolve().parents[2]
CORES = 2
"""Of each node that works: one team."""

address = ""
"""Of the cluster that is there."""

outside = ""
"""The same for a driver that does not belong to it."""

_path = ""
"""Folder in which its nodes find `tests` and nothing else."""


@contextmanager
def running() -> Iterator[Cluster]:
    """Start the cluster. Its nodes find the stages of the tests; the code of the product must come with the run."""
    global address, outside, _path
    with tempfile.TemporaryDirectory(prefix="lipgen-tests-") as _path:
        Path(_path, "tests").symlink_to(ROOT / "tests")
        with variables():
            (port,) = free_ports(1)
            head = {"num_cpus": 0, "include_dashboard": False, "ray_client_server_port": port}
            cluster = Cluster(initialize_head=True, head_node_args=head)
            try:
                for _ in range(2):
                    cluster.add_node(num_cpus=CORES)
                address, outside = str(cluster.address), f"ray://127.0.0.1:{port}"
            except BaseException:
                cluster.shutdown()
                raise
        try:
            yield cluster
        finally:
            cluster.shutdown()


@contextmanager
def variables() -> Iterator[None]:
    """Inside, drivers and nodes have the environment that the cluster was started in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", _path)
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S", "120")  # 30 are few for a busy machine
        yield


def on_ray(config: ResolvedConfig, models: Models, work_dir: Path, graph: Graph) -> ClusterExecutor:
    """A `ClusterExecutor` on the running cluster, made as the other executors are."""
    return _executor(config, models, work_dir, graph, address)


def from_outside(config: ResolvedConfig, models: Models, work_dir: Path, graph: Graph) -> ClusterExecutor:
    """The same for a driver outside the cluster."""
    return _executor(config, models, work_dir, graph, outside)


def _executor(config: ResolvedConfig, models: Models, work_dir: Path, graph: Graph, where: str) -> ClusterExecutor:
    config = dataclasses.replace(config, ENGINE="ray", RAY_ADDRESS=where, WORK_DIR=str(work_dir))
    return ray_executor(config, models, work_dir, graph)
