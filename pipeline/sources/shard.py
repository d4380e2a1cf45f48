"""Shard of a list of videos that this run does, by the settings or by the place of this task in a Slurm array."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.errors import InputError
from pipeline.sources.discover import WHOLE, Shard

TASK, COUNT = "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"
FIRST, LAST = "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX"
"""Variables that Slurm sets for every task of an array."""


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
