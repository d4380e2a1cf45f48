"""Shares of time in which the processes of a run were busy, from looks at them in between. Pure.

A worker is *busy* at a look when one of its threads, or of the programs that it started, runs or wants to run. One that
waits for a message, for room in the ring or for an encoder's pipe is not. Spans from the beginning of a job to its end,
as ``run.json`` has them, tell less: a stage that waits for the one before it has a span, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Look:
    """All workers of a run at one instant."""

    at_s: float
    """Seconds since the epoch."""
    busy: Mapping[str, bool]
    """For each worker, True if it was busy."""
    cpu_s: Mapping[str, float]
    """For each worker, CPU seconds that it and the programs it started have spent so far."""
    ended_cpu_s: float = 0.0
    """CPU seconds of processes that the parent started and that have ended."""


def busy_shares(looks: Sequence[Look], from_s: float, to_s: float) -> dict[str, float]:
    """Return for each worker the share of the looks in ``[from_s, to_s]`` at which it was busy; 0 without a look."""
    inside = [look for look in looks if from_s <= look.at_s <= to_s]
    names = sorted({name for look in inside for name in look.busy})
    return {name: sum(look.busy.get(name, False) for look in inside) / len(inside) for name in names}


def cpu_spent(looks: Sequence[Look], from_s: float, to_s: float) -> dict[str, float]:
    """Return for each worker the CPU seconds between the last look before *from_s* and the last one before *to_s*.

    A worker that was started anew counts from 0 again; the seconds of the one before it are not in the result.
    """
    before = [look for look in looks if look.at_s <= from_s]
    until = [look for look in looks if look.at_s <= to_s]
    if not until:
        return {}
    first = before[-1].cpu_s if before else {}
    last = {name: spent for look in until for name, spent in look.cpu_s.items()}
    return {name: max(spent - first.get(name, 0.0), 0.0) for name, spent in sorted(last.items())}


def overlap_efficiency(shares: Mapping[str, float], parent: str = "parent") -> float:
    """Return the busy share of the busiest worker; 0 without workers. The parent is no worker."""
    return max((share for name, share in shares.items() if name != parent), default=0.0)


def union_s(spans: Iterable[tuple[float, float]]) -> float:
    """Return the seconds that at least one of the spans covers."""
    covered, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        covered += max(end - max(begin, reached), 0.0)
        reached = max(reached, end)
    return covered


def span_shares(videos: Iterable[Mapping[str, Any]], wall_s: float) -> dict[str, float]:
    """Return for each stage the share of *wall_s* in which it had a video, from the lines of a ``run.json``."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for video in videos:
        for stage, (begin, end) in video["timings"].items():
            spans.setdefault(stage, []).append((begin, end))
    return {stage: union_s(each) / wall_s for stage, each in sorted(spans.items())}
