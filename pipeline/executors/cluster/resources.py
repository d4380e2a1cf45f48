"""The resources of a cluster: how much of a machine a worker group takes, how many fit, and what travels with them."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config import Config
from pipeline.machine import ResolvedConfig
from pipeline.settings import unless_auto
from pipeline.stage import Graph, Models, Pool, Stage

ROOT = Path(__file__).resolve().parents[3]
"""The project: its code travels to every machine, what it is built on does not."""

PACKAGES = ("pipeline", "s3fd", "talknet")
MODULES = ("config.py",)
"""The parts of it that travel."""

UNNAMED_CPUS = 0.5
"""Cores of a worker for which no setting names them: encoding waits for the disk and for the other workers."""

MAX_INPUTS = 100
"""Videos whose sizes a machine is asked for before the run."""

REACH_WITHIN_S = 10.0
"""Time that a cluster gets to accept a connection."""

Resources = Mapping[str, float]
"""Amounts by Ray's names: ``CPU``, ``GPU``."""


def stages_of(graph: Graph, config: Config) -> dict[str, list[Stage]]:
    """Return the stages that each worker of a group runs, by the name of its pool, in the order of the graph."""
    found: dict[str, list[Stage]] = {}
    for stage in graph.asked(config):
        found.setdefault(stage.pool.actor or stage.pool.name, []).append(stage)
    return found


def bundles_of(config: ResolvedConfig, graph: Graph) -> dict[str, Resources]:
    """Return what each worker of a group takes of its machine: those that run on CUDA take a share of a GPU, too."""
    bundles: dict[str, Resources] = {}
    for kind, pool in _pools_of(graph, config).items():
        bundle = {"CPU": _cpus(pool, config)}
        if pool.gpus and pool.devices_in(config) != ("cpu",):
            bundle["GPU"] = float(getattr(config, pool.gpus))
        bundles[kind] = bundle
    return bundles


def cores_of(config: Config, graph: Graph) -> float:
    """Return the cores that a group takes."""
    return sum(_cpus(pool, config) for pool in _pools_of(graph, config).values())


def _pools_of(graph: Graph, config: Config) -> dict[str, Pool]:
    """Return the pool that each worker of a group stands for."""
    return {
        kind: next((stage.pool for stage in stages if stage.pool.name == kind), stages[0].pool)
        for kind, stages in stages_of(graph, config).items()
    }


def _cpus(pool: Pool, config: Config) -> float:
    return float(getattr(config, pool.cpus)) if pool.cpus else UNNAMED_CPUS


def group_count(config: ResolvedConfig, graph: Graph, machines: Sequence[Resources]) -> int:
    """Return the groups to ask for: ``RAY_TEAMS``, or as many as fit; one at least, for a cluster that is yet to grow.

    Args:
        config: settings.
        graph: the stages.
        machines: the amounts of each.
    """
    bundles = bundles_of(config, graph)
    return unless_auto(config.RAY_TEAMS, max(sum(_fitting(bundles, machine) for machine in machines), 1))


def _fitting(bundles: Mapping[str, Resources], machine: Resources) -> int:
    """Return the groups that one machine holds. Shares of a GPU do not go across two."""
    count = int(machine.get("CPU", 0) / sum(bundle["CPU"] for bundle in bundles.values()) + 1e-6)
    shares = [bundle["GPU"] for bundle in bundles.values() if bundle.get("GPU")]
    if shares:
        together = int(1 / sum(shares) + 1e-6)
        gpus = int(machine.get("GPU", 0))
        count = min(count, gpus * together if together else gpus // len(shares))
    return count


@contextmanager
def environment(config: Config) -> Generator[dict[str, Any], None, None]:
    """Ray's ``runtime_env``: this project's code, for every machine of a cluster. It lasts until Ray has been joined.

    A job that was submitted with code of its own keeps that; Ray on this machine alone needs none.
    """
    if not config.RAY_ADDRESS or "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="lipgen-code-") as folder:
        for name in PACKAGES:
            shutil.copytree(ROOT / name, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in MODULES:
            shutil.copy(ROOT / name, folder)
        yield {"working_dir": folder}


def reach(address: str) -> None:
    """Makes a connection to a cluster and ends it; where nobody listens, Ray itself would ask again for minutes.

    Args:
        address: ``HOST:PORT``, with ``ray://`` before it or not; any other is not looked at.

    Raises:
        OSError: nobody listens.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=REACH_WITHIN_S).close()


def weights_of(models: Models) -> list[Path]:
    """The files that the models of a run are read from."""
    return [path for model in models for path in (model.weights, model.helper) if path is not None]


def sizes_of(paths: Iterable[Path]) -> dict[Path, int]:
    """Bytes of the files that are there, of some of them where there are many."""
    every = list(paths)
    step = max(len(every) // MAX_INPUTS, 1)
    return {path: path.stat().st_size for path in every[::step] if path.is_file()}
