"""A Ray cluster of three nodes on this machine: one keeps the books, two have two cores each."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ray.cluster_utils import Cluster

from config import Config
from pipeline.executors.ray import ray_executor
from pipeline.executors.teams import ClusterExecutor
from pipeline.stages import Models, Stages

ROOT = Path(__file__).resolve().parents[2]
CORES = 2
"""Of each node that works: one team."""

address = ""
"""Of the cluster that is there."""


@contextmanager
def running() -> Iterator[Cluster]:
    """The cluster. Its nodes find the stages of the tests; the code of the product must come with the run."""
    global address
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "RAY_AUTH_MODE")}
    os.environ["PYTHONPATH"] = str(ROOT / "tests" / "support")
    os.environ["RAY_AUTH_MODE"] = "disabled"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=CORES)
        address = cluster.address
        yield cluster
    finally:
        cluster.shutdown()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def on_ray(config: Config, models: Models, work_dir: Path, stages: Stages) -> ClusterExecutor:
    """A `ClusterExecutor` on the running cluster, made as the other executors are."""
    config = dataclasses.replace(config, ENGINE="ray", RAY_ADDRESS=address, WORK_DIR=str(work_dir))
    return ray_executor(config, models, work_dir, stages)
