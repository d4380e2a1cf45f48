"""The choice of an executor by the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from config import Config
from pipeline.errors import InputError
from pipeline.executors.base import Executor
from pipeline.executors.local.executor import LocalExecutor
from pipeline.executors.serial import SerialExecutor
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig
from pipeline.stage import Graph, Models


def engine_of(config: Config) -> str:
    """Return ``local``, ``serial`` or ``ray``.

    Raises:
        InputError: ``bad_setting`` where two settings contradict each other.
    """
    if config.DEBUG and config.ENGINE == "ray":
        raise InputError("bad_setting", "DEBUG runs everything in one process, and ENGINE is 'ray'. Leave one of them")
    return "serial" if config.DEBUG else config.ENGINE


def new_executor(config: ResolvedConfig, models: Models, work_dir: Path, graph: Graph = GRAPH) -> Executor:
    """Return the executor that the settings name.

    Args:
        config: settings.
        models: of the run.
        work_dir: for temporary files of this machine.
        graph: the stages.
    """
    engine = engine_of(config)
    if engine == "ray":
        return _ray().ray_executor(config, models, work_dir, graph)
    return (SerialExecutor if engine == "serial" else LocalExecutor)(config, models, work_dir, graph)


def gpu_counter(config: Config) -> Callable[[], int] | None:
    """Return a function that counts the GPUs of the cluster that does the work, and joins it; None for this machine.

    Raises:
        InputError: there is no such cluster.
    """
    if engine_of(config) != "ray":
        return None
    module = _ray()
    module.connect(config)
    return module.gpus_in_cluster


def _ray() -> ModuleType:
    try:
        from pipeline.executors.cluster import ray
    except ModuleNotFoundError as error:
        text = "ENGINE is 'ray', and Ray is not installed. Install it: make ray (pip install -r requirements-ray.txt)"
        raise InputError("no_ray", text) from error
    return ray
