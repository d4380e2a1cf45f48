"""Merge the shards of a run into one run: ``python -m pipeline.merge_runs FOLDER``, when every shard has ended.

Reads ``run.shard-RANK-of-WORLD.json`` of every shard in the folder and writes ``run.json``, ``clips.jsonl`` and
``index.html`` as one run over the whole list would have; the shards' own files stay. Exit codes: 0 all videos are done,
1 some failed or were interrupted, 2 the shards do not make up one run: nothing was written.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.outputs.files import remove_abandoned
from pipeline.outputs.own_manifest import read_own_manifest
from pipeline.run.report import GOOD, RunReport, read_run, results_of
from pipeline.sources.shard import RUN_FILES, SHARDS_FILE, Shard, list_digest
from pipeline.types import ModelChoice, VideoResult

OK, SOME_BAD, NOT_ONE_RUN = 0, 1, 2

RUN = RUN_FILES[0]


@dataclass(frozen=True, slots=True)
class ShardRun:
    """The run file of one shard."""

    path: Path
    shard: Shard
    content: Mapping[str, Any]
    results: Sequence[VideoResult]
    """Results of the shard's videos, in its order."""

    @property
    def length(self) -> int:
        """Return the number of videos that the shard must have."""
        return len(range(self.shard.rank, self.content["shard"]["videos_in_all"], self.shard.world))

    @property
    def span_s(self) -> tuple[float, float]:
        """Return start and end of the shard's run, in seconds since 1970."""
        ended_s = datetime.fromisoformat(self.content["created_at"]).timestamp()
        return ended_s - self.content["seconds"], ended_s


def merge(folder: Path, say: Callable[[str], None]) -> list[VideoResult]:
    """Write the run that the shards in *folder* make up.

    Args:
        folder: of the shards' run files.
        say: gets each remark on how the shards differ.

    Returns:
        The result of every video, in the order of the whole list.

    Raises:
        InputError: ``not_one_run`` when a shard is missing or does not fit the others, ``bad_run_file`` or
            ``unreadable`` for a file: says what to do, and nothing was written.
        OSError: the results cannot be written.
    """
    folder = folder.absolute()
    runs = shard_runs(folder)
    results = whole_list(runs, folder)
    for line in differences(runs):
        say(line)
    source = Path(runs[0].content["source"])
    remove_abandoned(folder, RUN_FILES)
    report = RunReport(folder, source, [result.path for result in results])
    report.take(results)
    report.set_models([_model(*key) for key in _models(runs)])
    report.set_queues(_greatest_queues(run.content["queues"] for run in runs))
    report.set_peak_memory(round(max(run.content["peak_memory_mb"] or 0 for run in runs) * 1e6))
    report.set_made(", ".join(dict.fromkeys(run.content["host"] for run in runs)), _covered_s(runs))
    report.close()
    return report.results


def shard_runs(folder: Path) -> list[ShardRun]:
    """Read the shards' run files in *folder*: all of one division, by rank.

    Raises:
        InputError: as `merge`.
    """
    try:
        named = {path: SHARDS_FILE.fullmatch(path.name) for path in sorted(folder.iterdir())}
    except OSError as error:
        message = f"cannot be read: {error.strerror}. Name the folder that holds the shards' run files"
        raise InputError("unreadable", message, folder) from error
    worlds = {path: int(match[3]) for path, match in named.items() if match and path.name.startswith("run.")}
    if not worlds:
        message = "there is no run.shard-RANK-of-WORLD.json here. Name the folder that the shards' runs wrote into"
        raise InputError("not_one_run", message, folder)
    if len(set(worlds.values())) > 1:
        counts = " and ".join(str(world) for world in sorted(set(worlds.values())))
        message = f"there are run files of {counts} shards. Delete those of the division that no longer counts"
        raise InputError("not_one_run", message, folder)
    return sorted((_shard_run(path) for path in worlds), key=lambda run: run.shard.rank)


def _shard_run(path: Path) -> ShardRun:
    content = read_run(path)
    line = content["shard"]
    if line is None or line["rank"] >= line["world"] or path.name != Shard(line["rank"], line["world"]).name_of(RUN):
        said = "no shard" if line is None else f"shard {line['rank']}/{line['world']}"
        raise InputError("bad_run_file", f"is that of {said} by its content. Run the shard of its name again", path)
    places = [content["source"], *(video[key] or "" for video in content["videos"] for key in ("path", "manifest"))]
    if any("://" in place for place in places):
        message = "tells of videos or results on a storage, and only those in folders are merged. Once all shards have"
        advice = "ended, the same command with --shard 0/1 skips what they did and writes run.json"
        raise InputError("not_one_run", f"{message} {advice}", path)
    return ShardRun(path, Shard(line["rank"], line["world"]), content, results_of(content))


def whole_list(runs: Sequence[ShardRun], folder: Path) -> list[VideoResult]:
    """Return the results of all videos of the list, in its order.

    Args:
        runs: of one division, by rank.
        folder: where they were found, for messages.

    Raises:
        InputError: ``not_one_run``: a shard is missing, was not finished, or saw another list of videos.
    """
    _check_begun(runs)
    world = runs[0].shard.world
    missing = sorted(set(range(world)) - {run.shard.rank for run in runs})
    if missing:
        message = f"of {world} shards these have no run file: {ranges(missing)}"
        raise InputError("not_one_run", f"{message}. {_again(missing, world, folder)}", folder)
    _check_lists(runs, folder)
    for run in runs:
        if len(run.results) != run.length:
            message = f"has {len(run.results)} of the {run.length} videos of shard {run.shard}: its run has not ended"
            advice = _again([run.shard.rank], world, folder)
            raise InputError("not_one_run", f"{message}, or was killed. {advice}", run.path)
    count = runs[0].content["shard"]["videos_in_all"]
    results = [runs[number % world].results[number // world] for number in range(count)]
    try:
        digest = list_digest([result.path for result in results], Path(runs[0].content["source"]))
    except ValueError:
        digest = ""
    if digest != runs[0].content["shard"]["list_digest"]:
        message = "the shards' videos, put together, are not the list that they were taken from: a file was changed"
        raise InputError("not_one_run", f"{message}. {_again(range(world), world, folder)}", folder)
    return results


def _check_begun(runs: Sequence[ShardRun]) -> None:
    for run in runs:
        if run.content["reason_code"]:
            message = f"shard {run.shard} was not begun: {run.content['message']}. Mend that and run it again"
            raise InputError("not_one_run", message, run.path)


def _check_lists(runs: Sequence[ShardRun], folder: Path) -> None:
    """Refuse shards of different sources or lists. Those that do not agree with the latest one are to be redone."""
    last = max(runs, key=lambda run: run.span_s[1])
    for what, key in (("folders", _source), ("lists of videos", _list)):
        others = [run.shard.rank for run in runs if key(run) != key(last)]
        if others:
            seen = ", ".join(dict.fromkeys(key(run)[0] for run in runs))
            message = f"the shards worked on different {what} ({seen}); shard {last.shard} is the newest"
            hint = "" if key is _source else ": files came or went between the runs"
            raise InputError("not_one_run", f"{message}{hint}. {_again(others, last.shard.world, folder)}", folder)


def _source(run: ShardRun) -> tuple[str, ...]:
    return (run.content["source"],)


def _list(run: ShardRun) -> tuple[str, ...]:
    line = run.content["shard"]
    return f"{line['videos_in_all']} videos", line["list_digest"]


def _again(ranks: Sequence[int], world: int, folder: Path) -> str:
    """Return advice on how to run the shards of these *ranks*."""
    flag = f"--shard {ranks[0]}/{world}" + (" and so on" if len(ranks) > 1 else "")
    return (
        f"Run the command whose results are in {folder} with {flag} (Slurm: "
        f"SHARDS={world} sbatch --array={ranges(ranks)} slurm/array.sbatch ...), then merge again"
    )


def ranges(numbers: Sequence[int]) -> str:
    """Write rising numbers the way Slurm does.

    >>> ranges([0, 3, 4, 5, 9])
    '0,3-5,9'
    """
    groups: list[list[int]] = []
    for number in numbers:
        if groups and groups[-1][-1] == number - 1:
            groups[-1][1:] = [number]
        else:
            groups.append([number])
    return ",".join("-".join(map(str, group)) for group in groups)


def differences(runs: Sequence[ShardRun]) -> list[str]:
    """Return a line for each model, and each setting that results depend on, in which the shards of a run differ."""
    names: dict[str, list[str]] = {}
    for job, name, *_ in _models(runs):
        names.setdefault(job, []).append(name)
    several = {job: ", ".join(each) for job, each in names.items() if len(each) > 1}
    lines = [f"not all shards had the same model of {job}: {each}" for job, each in several.items()]
    settings: dict[str, dict[str, str]] = {}
    for run in runs:
        manifest = next(filter(None, (_manifest(result) for result in run.results)), None)
        for name, value in (manifest["settings"] if manifest else {}).items():
            settings.setdefault(name, {}).setdefault(str(value), str(run.shard))
    for name, values in settings.items():
        if len(values) > 1:
            said = ", ".join(f"{value} in shard {shard}" for value, shard in values.items())
            lines.append(f"not all shards had the same {name}: {said}")
    return lines


def _manifest(result: VideoResult) -> dict[str, Any] | None:
    """Read the manifest of a video; None where it is missing or cannot be read, which the report says."""
    try:
        return read_own_manifest(result.manifest) if result.manifest else None
    except InputError:
        return None


def _models(runs: Iterable[ShardRun]) -> list[tuple[str, str, str | None, str]]:
    """Return every model of any shard once, in order of appearance: job, name, the one it stands in for, and why."""
    keys = ("job", "name", "stands_in_for", "why")
    return list(dict.fromkeys(tuple(model[key] for key in keys) for run in runs for model in run.content["models"]))


def _model(job: str, name: str, stands_in_for: str | None, why: str) -> ModelChoice:
    return ModelChoice(job, name, None, stands_in_for=stands_in_for, why=why)


def _greatest_queues(queues: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    """Return the greatest value over all shards of each number of each queue."""
    greatest: dict[str, dict[str, int]] = {}
    for shards in queues:
        for name, numbers in shards.items():
            known = greatest.setdefault(name, {})
            for key, value in numbers.items():
                known[key] = max(value, known.get(key, 0))
    return greatest


def _covered_s(runs: Iterable[ShardRun]) -> float:
    """Return the seconds in which at least one shard ran; shards may run side by side or one after the other."""
    covered_s, until_s = 0.0, float("-inf")
    for began_s, ended_s in sorted(run.span_s for run in runs):
        covered_s += max(ended_s - max(began_s, until_s), 0.0)
        until_s = max(until_s, ended_s)
    return covered_s


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.merge_runs", description="Make one run of the shards of a run."
    )
    parser.add_argument("folder", type=Path, help="where the shards' run files are: the output folder of their runs")
    folder: Path = parser.parse_args(argv).folder
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be valid text
    try:
        results = merge(folder, lambda line: print(line, file=sys.stderr))
    except InputError as error:
        print(f"merge_runs: {error}", file=sys.stderr)
        return NOT_ONE_RUN
    except OSError as error:
        print(f"merge_runs: {error.filename or folder} cannot be written: {error.strerror}", file=sys.stderr)
        return NOT_ONE_RUN
    counts = Counter(result.status for result in results)
    said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    print(f"{len(results)} videos: {said or 'nothing to do'}. Every video: {folder / RUN}")
    return OK if all(result.status in GOOD for result in results) else SOME_BAD


if __name__ == "__main__":
    sys.exit(main())
