"""Shards of a list of videos, and the one that this run does, by the settings or by its place in a Slurm array."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.errors import InputError

T = TypeVar("T")

TASK, COUNT = "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"
FIRST, LAST = "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX"
"""Variables that Slurm sets for every task of an array."""

RUN_FILES = ("run.json", "clips.jsonl", "index.html")
"""Files that a run writes beside the folders of its videos; a shard of a run names them by `Shard.name_of`."""

SHARDS_FILE = re.compile(r"(run|clips|index)\.shard-(\d+)-of-(\d+)\.(json|jsonl|html)")
"""Every name that `Shard.name_of` gives to one of `RUN_FILES`."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One of *world* runs that share out a list of videos: each takes every *world*-th one, from its *rank* on.

    On any machines, together they take every video of the list once, as long as the list is the same.
    """

    rank: int
    """Number of the run, from 0."""
    world: int

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world:
            raise ValueError(f"Shard: rank {self.rank} is not within 0 to {self.world - 1}")

    def __str__(self) -> str:
        return f"{self.rank}/{self.world}"

    def of(self, items: Sequence[T]) -> list[T]:
        """Return this shard's share of *items*, in their order."""
        return list(items[self.rank :: self.world])

    def name_of(self, name: str) -> str:
        """Return this shard's name of one of `RUN_FILES`, so that no two shards write the same file.

        >>> Shard(3, 16).name_of("run.json")
        'run.shard-03-of-16.json'
        >>> Shard(0, 1).name_of("run.json")
        'run.json'
        """
        if self.world == 1:
            return name
        stem, _, ending = name.partition(".")
        digits = max(len(str(self.world)), 2)
        return f"{stem}.shard-{self.rank:0{digits}}-of-{self.world:0{digits}}.{ending}"


WHOLE = Shard(0, 1)
"""All of the list."""


def list_digest(videos: Sequence[Path], source: Path) -> str:
    """Return 64 hexadecimal digits that tell one list of videos, in its order, from another; nothing is read.

    Args:
        videos: absolute paths.
        source: the folder that they lie in, or the only one of them.

    Raises:
        ValueError: a video is not inside *source*, or its name cannot be that of a file.
    """
    names = [video.relative_to(source) if video != source else Path(video.name) for video in videos]
    return hashlib.sha256(b"\0".join(os.fsencode(name) for name in names)).hexdigest()


def shard_of(wanted: str, environment: Mapping[str, str]) -> Shard:
    """Return the shard that a run does.

    Args:
        wanted: ``SHARD`` of the settings: ``RANK/WORLD``, or empty.
        environment: variables of the process. Where nothing is wanted, a task of a Slurm array of several does the
            shard of its place in the array.

    Raises:
        InputError: ``bad_setting``: a rank lies beyond the world, or an array leaves out numbers, whose shards nobody
            would do.
    """
    if wanted:
        rank, world = map(int, wanted.split("/"))
        if rank >= world:
            message = f"SHARD is {wanted}, and ranks go from 0 to the world less one. Name one with --shard RANK/WORLD"
            raise InputError("bad_setting", message)
        return Shard(rank, world)
    if not environment.get(TASK) or not environment.get(COUNT):
        return WHOLE
    task, count = _number(TASK, environment[TASK]), _number(COUNT, environment[COUNT])
    if count < 2:
        return WHOLE
    first = _number(FIRST, environment.get(FIRST) or "0")
    last = _number(LAST, environment.get(LAST) or str(first + count - 1))
    if last - first + 1 != count or not first <= task <= last:
        raise InputError(
            "bad_setting",
            f"this is task {task} of a Slurm array of {count} from {first} to {last}, which leaves out numbers: nobody "
            "would do their shards. Say which shard this is with --shard RANK/WORLD (with slurm/array.sbatch: "
            "SHARDS=WORLD sbatch --array=3,7 ..., where tasks are ranks)",
        )
    return Shard(task - first, count)


def announcement(shard: Shard, wanted: str, own: int, listed: int) -> str:
    """Return the line on a *shard* for the console: the number of *listed* videos that are its *own*, and the
    reason."""
    why = "" if wanted else ", as this is a task of a Slurm array (--shard 0/1 does all videos)"
    return f"shard {shard}: {own} of {listed} videos{why}"


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        message = f"{name} is {text!r} and should be a number, as Slurm sets it. Name the shard with --shard RANK/WORLD"
        raise InputError("bad_setting", message)
    return int(text)
