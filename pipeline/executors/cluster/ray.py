# pyright: standard
# Ray's own types are mostly unknown: strict mode would speak of nothing else.
"""Ray, as the executor for a cluster needs it: the only file that imports it.

Ray places the actors, starts those again that die, on another machine if need be, and repeats the call that was lost
with them. A worker group is one placement group, so that its workers share a machine.
"""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray.core.generated.gcs_pb2 import ActorTableData  # pyright: ignore[reportAttributeAccessIssue]
from ray.exceptions import RayError, RayTaskError
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

from config import Config
from pipeline.errors import InputError
from pipeline.executors.cluster.backend import ActorHandle, Lost, WorkerGroup
from pipeline.executors.cluster.executor import ClusterExecutor
from pipeline.executors.cluster.preflight import check_node
from pipeline.executors.cluster.resources import bundles_of, cores_of, environment, reach, sizes_of, weights_of
from pipeline.executors.cluster.worker import Begun, Outcome, Readiness, RunStage, StageWorker
from pipeline.executors.reports import Failed, Heartbeat, Progress
from pipeline.executors.work_dir import root_of
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig, core_count
from pipeline.stage import Graph, Models, VideoJob

CHECK_WITHIN_S = 300.0
"""Time that the machines of the cluster get to say what they can see."""

GONE_WITHIN_S = 60.0
"""Time that the cluster gets to notice that a machine is gone."""

STARTING = (ActorTableData.DEPENDENCIES_UNREADY, ActorTableData.PENDING_CREATION, ActorTableData.RESTARTING)
"""States of an actor that nobody answers for yet."""

CLOSE_WITHIN_S = 10.0
"""Time that actors get to remove their temporary files, or to be gone."""


@ray.remote
class Actor:
    """A worker, as Ray holds it."""

    def __init__(
        self, kind: str, config: ResolvedConfig, models: Models, graph: Graph, threads: int, reports: str
    ) -> None:
        self._kind, self._reports = kind, ray.get_actor(reports)
        self._worker = StageWorker(kind, config, models, graph, threads, self._tell)

    def ready(self) -> Readiness:
        """Return whether it can work, and on which machine."""
        return Readiness(ray.get_runtime_context().get_node_id(), self._worker.fault)

    def do(self, order: RunStage) -> Outcome | Failed:
        """Run a stage of a video."""
        self._tell(Begun(order.job, order.stage, ray.get_runtime_context().get_node_id()))
        return self._worker.do(order)

    def close(self) -> None:
        """Removes its temporary files."""
        self._worker.close()

    def _tell(self, message: Begun | Heartbeat | Progress) -> None:
        ray.get(self._reports.put_nowait.remote((self._kind, message)))


class RayBackend:
    """`ClusterBackend` with Ray.

    Args:
        config: settings.
        models: of the run.
        graph: the stages that the actors run.
    """

    def __init__(self, config: ResolvedConfig, models: Models, graph: Graph) -> None:
        self._config, self._models, self._graph = config, models, graph

    def open(self, videos: Sequence[VideoJob]) -> None:
        """Joins the cluster and asks every machine whether it sees what the run needs.

        Raises:
            InputError: ``no_cluster``; ``machine_not_ready`` where a machine cannot take part.
        """
        connect(self._config)
        self._check_machines(videos)
        here = _on(ray.get_runtime_context().get_node_id())
        self._reports_name = f"lipgen-reports-{uuid.uuid4().hex}"
        self._reports = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here, "name": self._reports_name})

    def close(self, workers: Sequence[ActorHandle]) -> None:
        """Ends the *workers* and leaves the cluster, or ends Ray where the run has started it."""
        if not ray.is_initialized():
            return
        for worker in workers:
            ray.kill(worker.actor)
        asked = [worker.asked for worker in workers if worker.asked is not None]
        if asked:
            ray.wait(asked, num_returns=len(asked), timeout=CLOSE_WITHIN_S)
        ray.shutdown()

    def machines(self) -> list[dict[str, float]]:
        """Return the resources of each machine."""
        return [node["Resources"] for node in _working_nodes()]

    def new_group(self) -> WorkerGroup:
        """Ask for a group, on one machine."""
        bundles = bundles_of(self._config, self._graph)
        group = placement_group([dict(bundle) for bundle in bundles.values()], strategy="STRICT_PACK")
        workers = []
        for place, kind in enumerate(bundles):
            options = Actor.options(
                num_cpus=bundles[kind]["CPU"],
                num_gpus=bundles[kind].get("GPU", 0),
                max_restarts=-1,
                max_task_retries=self._config.MAX_TRIES - 1,
                scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=place),
            )
            threads = max(int(bundles[kind]["CPU"]), 1)
            handle = options.remote(kind, self._config, self._models, self._graph, threads, self._reports_name)
            workers.append(ActorHandle(kind, handle))
        return WorkerGroup(workers, group)

    def give_up(self, group: WorkerGroup) -> None:
        """End a group; its workers are not started again."""
        for worker in group.workers:
            ray.kill(worker.actor)
        remove_placement_group(group.place)

    def ask(self, worker: ActorHandle) -> Any:
        """Ask whether it can work: the answer is a `Readiness`."""
        return worker.actor.ready.remote()

    def do(self, worker: ActorHandle, order: RunStage) -> Any:
        """Gives it work: the answer is an `Outcome` or `Failed`."""
        return worker.actor.do.remote(order)

    def restart(self, worker: ActorHandle) -> None:
        """End its process; Ray starts another and repeats the call, if it may."""
        ray.kill(worker.actor, no_restart=False)

    def is_starting(self, worker: ActorHandle) -> bool:
        """Return True until its models are loaded: Ray counts those to its start.

        Through ``ray://`` nobody can tell.
        """
        state = getattr(worker.actor, "_get_local_state", None)
        return state is not None and state() in STARTING

    def answers(self, asked: Sequence[Any], within_s: float) -> list[tuple[Any, Any]]:
        """Wait for an answer; return all that are there, each with the call."""
        ray.wait(list(asked), timeout=within_s)
        found = []
        for ref in ray.wait(list(asked), num_returns=len(asked), timeout=0)[0]:
            try:
                found.append((ref, ray.get(ref)))
            except RayError as error:
                found.append((ref, Lost(_said(error))))
        return found

    def reports(self) -> list[tuple[str, Begun | Heartbeat | Progress]]:
        """Return the reports that came meanwhile, each with the worker's kind."""
        return self._reports.get_nowait_batch(self._reports.qsize())

    def living(self) -> set[str]:
        """Return the machines that are there."""
        return {node["NodeID"] for node in ray.nodes() if node["Alive"]}

    def tidy(self, workers: Sequence[ActorHandle]) -> None:
        """Let the workers remove their temporary files."""
        closed = [worker.actor.close.remote() for worker in workers]
        if closed:
            ray.wait(closed, num_returns=len(closed), timeout=CLOSE_WITHIN_S)

    def _check_machines(self, videos: Sequence[VideoJob]) -> None:
        note, text = None, f"lipgen-{uuid.uuid4().hex}"
        on_storage = [video for video in videos[:1] if video.remote is not None]
        inputs = sizes_of(video.path for video in videos if video.remote is None or video.remote.video is None)
        try:
            if videos[0].remote is None or videos[0].remote.results is None:
                note = videos[0].folder.parent / f".{text}.part"
                note.parent.mkdir(parents=True, exist_ok=True)
                note.write_text(text, encoding="utf-8")
            weights = sizes_of(weights_of(self._models))
            arguments = (inputs, note, text, weights, root_of(self._config.WORK_DIR), on_storage)
            look = ray.remote(num_cpus=0)(check_node)
            for node in _working_nodes():
                name = node["NodeManagerHostname"]
                ref = look.options(scheduling_strategy=_on(node["NodeID"])).remote(*arguments)
                try:
                    problems = ray.get(ref, timeout=CHECK_WITHIN_S)
                except RayError as error:
                    problems = [] if _goes(node["NodeID"]) else [f"it does not answer: {_said(error)}"]
                if problems:
                    message = f"the machine {name} cannot take part: {'; '.join(problems)}"
                    raise InputError("machine_not_ready", f"{message}. It must see the same folders as this one")
        finally:
            if note is not None:
                note.unlink(missing_ok=True)


def ray_executor(config: ResolvedConfig, models: Models, work_dir: Path, graph: Graph = GRAPH) -> ClusterExecutor:
    """The executor for a Ray cluster; arguments as of the others."""
    return ClusterExecutor(config, models, work_dir, RayBackend(config, models, graph), graph)


def connect(config: Config) -> None:
    """Joins the cluster, or starts Ray on this machine, unless that is done already.

    Raises:
        InputError: ``no_cluster``.
    """
    if ray.is_initialized():
        return
    try:
        reach(config.RAY_ADDRESS)
        with environment(config) as code:
            ray.init(
                config.RAY_ADDRESS or "local",
                runtime_env=code,
                num_cpus=None if config.RAY_ADDRESS else max(core_count(), math.ceil(cores_of(config, GRAPH))),
                include_dashboard=None if config.RAY_ADDRESS else False,
                logging_level=logging.ERROR,
                log_to_driver=False,
            )
    except (OSError, RuntimeError, ValueError, RayError) as error:
        text = f"RAY_ADDRESS is {config.RAY_ADDRESS!r}, and no cluster answers there: {_said(error)}"
        raise InputError("no_cluster", f"{text}. Start one with: ray start --head") from error


def gpus_in_cluster() -> int:
    """GPUs of all its machines."""
    return int(ray.cluster_resources().get("GPU", 0))


def _working_nodes() -> list[dict[str, Any]]:
    """Machines that give cores: a head that gives none only keeps the books."""
    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) > 0]


def _goes(node: str) -> bool:
    """Return True where a machine that does not answer is found to be gone: that takes the cluster some time."""
    end_s = time.monotonic() + GONE_WITHIN_S
    while any(each["NodeID"] == node for each in _working_nodes()):
        if time.monotonic() > end_s:
            return False
        time.sleep(1)
    return True


def _on(node: str) -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(node_id=node, soft=False)


def _said(error: Exception) -> str:
    """The line of Ray's words that tells most: of a traceback the last one."""
    lines = (str(error).strip() or type(error).__name__).splitlines()
    return lines[-1 if isinstance(error, RayTaskError) else 0].strip()
