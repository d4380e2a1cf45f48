"""A run on a cluster as a discrete-event simulation: videos pass the driver, vision beside speech, then clips.

Workers are in teams of one vision, one speech and one clips worker, as the Ray engine places them; each does one video
at a time. GPUs, the cores of a node, the shared storage and the driver are servers that give out work in the order in
which it is asked for. A stage ends when the slowest of its servers is done with it, and not before it would end alone:
its own steps follow one another. Failures, loading of models, and the network between nodes are left out.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.common.stage_costs import Costs
from pipeline.run.report import WRITE_EVERY_S, WRITE_SHARE

FULL = 0.9
"""Share of the time above which a busy resource counts as full: it holds the run back."""

READS = {"vision": 2, "speech": 1, "clips": 1}
"""Times that a stage reads the file: vision once for the sound and once for the pictures."""

VIDEOS_PER_TEAM = 2
"""Most videos in flight: the driver begins no more."""

WINDOW = (0.25, 0.75)
"""Shares of ended videos between which rates are taken, to leave out the beginning and the tail."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Machines, and the use that is made of them."""

    gpus: int
    cores_per_gpu: float
    vision_speed: float
    """Seconds of video to a second of a whole GPU, for face detector and speaker model together."""
    speech_speed: float
    """Seconds of video to a second of a whole GPU, for the recogniser."""
    gpus_per_node: int = 8
    teams_per_gpu: int = 1
    host_share: float = 1.0
    """Cores busy on behalf of a worker while its GPU works."""
    decode_threads: int = 1
    clips_at_once: int = 4
    storage_mb_s: float = math.inf
    driver_s: float = 0.0
    """Time of the driver for a video, on top of the measured costs."""

    @property
    def nodes(self) -> int:
        return -(-self.gpus // self.gpus_per_node)

    @property
    def teams(self) -> int:
        return self.gpus * self.teams_per_gpu

    def cores_of(self, node: int) -> float:
        """Return the cores of a node. The last one may have fewer GPUs, and cores in proportion."""
        return self.cores_per_gpu * min(self.gpus_per_node, self.gpus - node * self.gpus_per_node)


@dataclass(frozen=True, slots=True)
class Stage:
    """Resources that one stage takes for a minute of video."""

    alone_s: float
    """Seconds that it takes when nothing else runs."""
    gpu_s: float
    cpu_s: float
    """Seconds of one core."""
    storage_mb: float


def stages_of(costs: Costs, cluster: Cluster) -> dict[str, Stage]:
    """Return the stages ``vision``, ``speech`` and ``clips``."""
    vision_s, speech_s = 60 / cluster.vision_speed, 60 / cluster.speech_speed
    decode_s = costs.decode_cpu_s / cluster.decode_threads
    return {
        "vision": Stage(
            costs.sound_cpu_s + max(decode_s, vision_s + costs.vision_cpu_s),
            vision_s,
            costs.sound_cpu_s + costs.decode_cpu_s + costs.vision_cpu_s + cluster.host_share * vision_s,
            READS["vision"] * costs.read_mb,
        ),
        "speech": Stage(
            costs.sound_cpu_s + speech_s,
            speech_s,
            costs.sound_cpu_s + cluster.host_share * speech_s,
            READS["speech"] * costs.read_mb,
        ),
        "clips": Stage(
            costs.clips_cpu_s / cluster.clips_at_once,
            0.0,
            costs.clips_cpu_s,
            READS["clips"] * costs.read_mb + costs.write_mb,
        ),
    }


@dataclass(slots=True)
class Server:
    """Resource that does work in the order in which it is asked for, *capacity* of it in a second."""

    capacity: float
    free_s: float = 0.0
    spans: list[tuple[float, float]] = field(default_factory=list)
    """Spans of time in which it was busy."""

    def take(self, now_s: float, work: float) -> float:
        """Add *work*; return when it will be done."""
        if not work or math.isinf(self.capacity):
            return now_s
        began_s = max(now_s, self.free_s)
        self.free_s = began_s + work / self.capacity
        self.spans.append((began_s, self.free_s))
        return self.free_s

    def busy(self, start_s: float, end_s: float) -> float:
        """Return the share of that time in which it was busy, 0 to 1."""
        return overlap(self.spans, start_s, end_s) / (end_s - start_s)


def overlap(spans: Sequence[tuple[float, float]], start_s: float, end_s: float) -> float:
    """Return the seconds of *spans* between *start_s* and *end_s*."""
    return sum(max(min(ended_s, end_s) - max(began_s, start_s), 0.0) for began_s, ended_s in spans)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a simulated run."""

    done: tuple[int, ...]
    """Numbers of the videos, in the order in which they ended."""
    wall_s: float
    """Time until the last video ended."""
    minutes_per_s: float
    """Minutes of video to a second, without the beginning and the tail."""
    busy: dict[str, float]
    """Share of the time that each resource was busy: ``gpu``, ``cpu``, ``storage``, ``driver``; and ``workers``: the
    busiest kind of worker, waiting for others included."""

    @property
    def bottleneck(self) -> str:
        """Name of the resource that is full; ``workers`` where all of one kind are busy and no resource is full;
        otherwise the busiest resource."""
        resources = {name: share for name, share in self.busy.items() if name != "workers"}
        busiest = max(resources, key=lambda name: resources[name])
        return "workers" if resources[busiest] < FULL <= self.busy["workers"] else busiest


class Simulation:
    """Simulated run over videos.

    Args:
        cluster: the machines.
        costs: costs of a minute of video.
        minutes: length of each video, in the order of the run.
    """

    def __init__(self, cluster: Cluster, costs: Costs, minutes: Sequence[float]) -> None:
        self._cluster, self._costs, self._minutes = cluster, costs, minutes
        self._stages = stages_of(costs, cluster)
        self._gpus = [Server(1.0) for _ in range(cluster.gpus)]
        self._cores = [Server(cluster.cores_of(node)) for node in range(cluster.nodes)]
        self._storage, self._driver = Server(cluster.storage_mb_s), Server(1.0)
        self._idle = {stage: deque(range(cluster.teams)) for stage in self._stages}
        self._waiting: dict[str, deque[int]] = {stage: deque() for stage in self._stages}
        self._at_work: dict[str, list[tuple[float, float]]] = {stage: [] for stage in self._stages}
        self._events: list[tuple[float, int, str, int, int]] = []
        self._order = itertools.count()
        self._half_done: set[int] = set()
        self._next = self._in_flight = 0
        self._report_again_s = -math.inf
        self._ended: list[tuple[float, int]] = []

    def run(self) -> Outcome:
        """Advance time until every video has ended."""
        self._begin_more(0.0)
        while self._events:
            now_s, _, what, video, team = heapq.heappop(self._events)
            if what == "begun":
                self._queue(now_s, "vision", video)
                self._queue(now_s, "speech", video)
            elif what == "ended":
                self._ended.append((now_s, video))
                self._in_flight -= 1
                self._begin_more(now_s)
            else:
                self._stage_done(now_s, what, video, team)
        return self._outcome()

    def _begin_more(self, now_s: float) -> None:
        """Begin videos until the driver has `VIDEOS_PER_TEAM` for each team."""
        while self._next < len(self._minutes) and self._in_flight < VIDEOS_PER_TEAM * self._cluster.teams:
            self._in_flight += 1
            begun_s = self._driver.take(now_s, self._costs.begin_s + self._cluster.driver_s)
            self._push(begun_s, "begun", self._next, -1)
            self._next += 1

    def _queue(self, now_s: float, stage: str, video: int) -> None:
        self._waiting[stage].append(video)
        self._give_work(now_s, stage)

    def _give_work(self, now_s: float, stage: str) -> None:
        while self._waiting[stage] and self._idle[stage]:
            self._start(now_s, stage, self._waiting[stage].popleft(), self._idle[stage].popleft())

    def _start(self, now_s: float, stage: str, video: int, team: int) -> None:
        """Start a stage; it ends when its slowest server is done, and not before it would end alone."""
        asked, minutes = self._stages[stage], self._minutes[video]
        gpu = team // self._cluster.teams_per_gpu
        ends_s = max(
            now_s + minutes * asked.alone_s,
            self._gpus[gpu].take(now_s, minutes * asked.gpu_s),
            self._cores[gpu // self._cluster.gpus_per_node].take(now_s, minutes * asked.cpu_s),
            self._storage.take(now_s, minutes * asked.storage_mb),
        )
        self._at_work[stage].append((now_s, ends_s))
        self._push(ends_s, stage, video, team)

    def _stage_done(self, now_s: float, stage: str, video: int, team: int) -> None:
        self._idle[stage].append(team)
        if stage == "clips":
            self._push(self._driver.take(now_s, self._costs.end_s + self._report_s(now_s)), "ended", video, -1)
        elif video in self._half_done:
            self._half_done.remove(video)
            self._queue(now_s, "clips", video)
        else:
            self._half_done.add(video)
        self._give_work(now_s, stage)

    def _report_s(self, now_s: float) -> float:
        """Return the driver's time for writing ``run.json``; 0 where it is not due again."""
        if now_s < self._report_again_s:
            return 0.0
        took_s = self._costs.line_s * (len(self._ended) + 1)
        self._report_again_s = now_s + max(WRITE_EVERY_S, took_s / WRITE_SHARE)
        return took_s

    def _push(self, at_s: float, what: str, video: int, team: int) -> None:
        heapq.heappush(self._events, (at_s, next(self._order), what, video, team))

    def _outcome(self) -> Outcome:
        count = len(self._ended)
        first, last = (min(int(count * share), count - 1) for share in WINDOW)
        start_s, end_s = self._ended[first][0], self._ended[last][0]
        if start_s == end_s:
            start_s, end_s = 0.0, self._ended[-1][0]
        inside = [video for at_s, video in self._ended if start_s < at_s <= end_s]
        minutes = sum(self._minutes[video] for video in inside)
        window_s = end_s - start_s
        at_work = [overlap(spans, start_s, end_s) / window_s / self._cluster.teams for spans in self._at_work.values()]
        busy = {
            "gpu": _mean(server.busy(start_s, end_s) for server in self._gpus),
            "cpu": _mean(server.busy(start_s, end_s) for server in self._cores),
            "storage": self._storage.busy(start_s, end_s),
            "driver": self._driver.busy(start_s, end_s),
            "workers": max(at_work),
        }
        done = tuple(video for _, video in self._ended)
        return Outcome(done, self._ended[-1][0], minutes / window_s, busy)


def _mean(values: Iterator[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
