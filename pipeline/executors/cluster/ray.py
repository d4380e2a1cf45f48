"""Ray, as the executor for a cluster needs it: the only file that imports it.

Ray places the actors, starts those again that die, on another machine if need be, and repeats the call that was lost
with them. A team is one placement group, so that its members share a machine.
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
from pipeline.executors.cluster.backend import Lost, Member, Team
from pipeline.executors.cluster.executor import ClusterExecutor
from pipeline.executors.cluster.preflight import problems_here
from pipeline.executors.cluster.resources import bundles_of, cores_of, environment, reach, sizes_of, weights_of
from pipeline.executors.cluster.worker import KINDS, Begun, Order, Outcome, Readiness, Workplace
from pipeline.executors.local.messages import Alive, Failed, Progress
from pipeline.executors.work_dir import root_of
from pipeline.machine import core_count
from pipeline.stages import STAGES, Models, Stages, VideoJob

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

    def __init__(self, kind: str, config: Config, models: Models, stages: Stages, threads: int, reports: str) -> None:
        self._kind, self._reports = kind, ray.get_actor(reports)
        self._place = Workplace(kind, config, models, stages, threads, self._tell)

    def ready(self) -> Readiness:
        """Whether it can work."""
        return Readiness(ray.get_runtime_context().get_node_id(), self._place.fault)

    def do(self, order: Order) -> Outcome | Failed:
        """As `Cluster.do`."""
        self._tell(Begun(order.job, self._kind, ray.get_runtime_context().get_node_id()))
        return self._place.do(order)

    def close(self) -> None:
        """Removes its temporary files."""
        self._place.close()

    def _tell(self, message: Begun | Alive | Progress) -> None:
        ray.get(self._reports.put_nowait.remote((self._kind, message)))


class RayCluster:
    """`members.Cluster` with Ray.

    Args:
        config: settings, with every ``auto`` resolved.
        models: of the run.
        stages: what the actors run.
    """

    def __init__(self, config: Config, models: Models, stages: Stages) -> None:
        self._config, self._models, self._stages = config, models, stages

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

    def close(self, members: Sequence[Member]) -> None:
        """Ends the *members* and leaves the cluster, or ends Ray where the run has started it."""
        if not ray.is_initialized():
            return
        for member in members:
            ray.kill(member.actor)
        asked = [member.asked for member in members if member.asked is not None]
        if asked:
            ray.wait(asked, num_returns=len(asked), timeout=CLOSE_WITHIN_S)
        ray.shutdown()

    def machines(self) -> list[dict[str, float]]:
        """As `Cluster.machines`."""
        return [node["Resources"] for node in _working_nodes()]

    def new_team(self) -> Team:
        """As `Cluster.new_team`."""
        bundles = bundles_of(self._config)
        group = placement_group([dict(bundles[kind]) for kind in KINDS], strategy="STRICT_PACK")
        members = []
        for place, kind in enumerate(KINDS):
            options = Actor.options(
                num_cpus=bundles[kind]["CPU"],
                num_gpus=bundles[kind].get("GPU", 0),
                max_restarts=-1,
                max_task_retries=self._config.MAX_TRIES - 1,
                scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=place),
            )
            threads = max(int(bundles[kind]["CPU"]), 1)
            handle = options.remote(kind, self._config, self._models, self._stages, threads, self._reports_name)
            members.append(Member(kind, handle))
        return Team(members, group)

    def give_up(self, team: Team) -> None:
        """As `Cluster.give_up`."""
        for member in team.members:
            ray.kill(member.actor)
        remove_placement_group(team.place)

    def ask(self, member: Member) -> Any:
        """As `Cluster.ask`."""
        return member.actor.ready.remote()

    def do(self, member: Member, order: Order) -> Any:
        """Gives it work: the answer is an `Outcome` or `Failed`."""
        return member.actor.do.remote(order)

    def restart(self, member: Member) -> None:
        """As `Cluster.restart`."""
        ray.kill(member.actor, no_restart=False)

    def is_starting(self, member: Member) -> bool:
        """As `Cluster.is_starting`: until its models are loaded, for Ray counts those to its start.

        Through ``ray://`` nobody can tell.
        """
        state = getattr(member.actor, "_get_local_state", None)
        return state is not None and state() in STARTING

    def answers(self, asked: Sequence[Any], within_s: float) -> list[tuple[Any, Any]]:
        """As `Cluster.answers`."""
        ray.wait(list(asked), timeout=within_s)
        found = []
        for ref in ray.wait(list(asked), num_returns=len(asked), timeout=0)[0]:
            try:
                found.append((ref, ray.get(ref)))
            except RayError as error:
                found.append((ref, Lost(_said(error))))
        return found

    def reports(self) -> list[tuple[str, Begun | Alive | Progress]]:
        """As `Cluster.reports`."""
        return self._reports.get_nowait_batch(self._reports.qsize())

    def living(self) -> set[str]:
        """As `Cluster.living`."""
        return {node["NodeID"] for node in ray.nodes() if node["Alive"]}

    def tidy(self, members: Sequence[Member]) -> None:
        """As `Cluster.tidy`."""
        closed = [member.actor.close.remote() for member in members]
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
            look = ray.remote(num_cpus=0)(problems_here)
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


def ray_executor(config: Config, models: Models, work_dir: Path, stages: Stages = STAGES) -> ClusterExecutor:
    """The executor for a Ray cluster; arguments as of the others."""
    return ClusterExecutor(config, models, work_dir, RayCluster(config, models, stages))


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
                num_cpus=None if config.RAY_ADDRESS else max(core_count(), math.ceil(cores_of(config))),
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
    """Whether a machine that does not answer is found to be gone: that takes the cluster some time."""
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
