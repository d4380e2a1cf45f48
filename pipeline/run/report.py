"""``run.json``: the result of every video of a run. It is rewritten after each, whole or not at all.

Its fields are described in ``run.schema.json`` beside this file.
"""

from __future__ import annotations

import contextlib
import functools
import json
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from pipeline.errors import InputError
from pipeline.outputs.clips_list import ClipsList, write_clips_list
from pipeline.outputs.files import json_text, write_json
from pipeline.outputs.index_page import write_index
from pipeline.outputs.own_manifest import summary_of
from pipeline.sources.shard import WHOLE, Shard, list_digest
from pipeline.types import ModelChoice, VideoResult

SCHEMA_VERSION = 2

MAX_BYTES = 256 * 2**20
"""Largest run file that is read: a video takes less than a thousand bytes."""

GOOD = ("done", "partial", "skipped")
"""Statuses of videos that need not be looked at again."""

WRITE_EVERY_S = 5.0
WRITE_SHARE = 0.05
OFTEN = 100
"""Results after which the file is no longer rewritten for each, only from time to time: it grows with them."""


class RunReport:
    """Collect the results of a run.

    Args:
        folder: where ``run.json`` and ``clips.jsonl`` go.
        source: what the user gave: a folder or a file.
        videos: every video that lies in it, in the order of the run.
        shard: which of them this run is about; the files of a shard have names of their own.
        shown: returns the name of a path in the files: paths in a mirror stand for URLs.
    """

    def __init__(
        self,
        folder: Path,
        source: Path,
        videos: Sequence[Path],
        shard: Shard = WHOLE,
        shown: Callable[[Path], str] = str,
    ) -> None:
        self.path = folder / shard.name_of("run.json")
        self.clips_path = folder / shard.name_of("clips.jsonl")
        self.index_path = folder / shard.name_of("index.html")
        self._source, self._shown = source, shown
        self._videos = shard.of(videos)
        self._shard = None if shard.world == 1 else _shard_line(shard, videos, source)
        self._host = platform.node()
        self._results: dict[Path, VideoResult] = {}
        self._models: Sequence[ModelChoice] = ()
        self._queues: dict[str, Any] = {}
        self._error: InputError | None = None
        self._peak_bytes = 0
        self._clips_list = _clips_list_of(self.path)
        self._begun_s = time.monotonic()
        self._seconds: float | None = None
        self._write_again_s = 0.0

    @property
    def results(self) -> list[VideoResult]:
        """Return the results so far, in the order of the run."""
        return [self._results[path] for path in self._videos if path in self._results]

    def set_models(self, models: Sequence[ModelChoice]) -> None:
        """Set the models that the run uses."""
        self._models = models

    def set_queues(self, queues: dict[str, Any]) -> None:
        """Set the peak and the bound of each queue."""
        self._queues = queues

    def set_error(self, error: InputError) -> None:
        """Set the reason why nothing was started."""
        self._error = error

    def set_peak_memory(self, peak_bytes: int) -> None:
        """Raise the peak memory of all processes of the run together to *peak_bytes*."""
        self._peak_bytes = max(self._peak_bytes, peak_bytes)

    def set_made(self, host: str, seconds: float) -> None:
        """Set machine and wall time of a run that was made elsewhere or before this report was begun."""
        self._host, self._seconds = host, seconds

    def take(self, results: Iterable[VideoResult]) -> None:
        """Take results without writing them."""
        self._results |= {result.path: result for result in results}

    def add(self, result: VideoResult) -> None:
        """Take one result and rewrite the file.

        In a long run, and for videos that an earlier run finished, it is rewritten at most every `WRITE_EVERY_S` and
        for at most `WRITE_SHARE` of the time.

        A file that cannot be written now (a full disk) does not end the run: `close` tries again.
        """
        self._results[result.path] = result
        now_s = time.monotonic()
        is_news = result.status != "skipped" and len(self._results) <= OFTEN
        if now_s > self._write_again_s or is_news:
            with contextlib.suppress(OSError):
                self.write()
            took_s = time.monotonic() - now_s
            self._write_again_s = now_s + max(WRITE_EVERY_S, took_s / WRITE_SHARE)

    def close(self) -> None:
        """Write the last ``run.json``, ``clips.jsonl``, ``index.html``; videos without a result are ``interrupted``."""
        for path in self._videos:
            if path not in self._results:
                message = "the run ended before this video was done; run the same command again"
                self._results[path] = VideoResult(path, "interrupted", "interrupted", message)
        for result in self.results:
            if result.manifest is not None:
                self._results[result.path] = _if_manifest_holds(result, result.manifest)
        self.write()
        self._of_good_manifests(self._write_clips_list)
        self.write()
        self._of_good_manifests(self._write_index)

    def _of_good_manifests(self, write: Callable[[Sequence[Path]], None]) -> None:
        """Call *write* with the manifests of the run; fail each video whose manifest turns out to be invalid."""
        while True:
            results = {result.manifest: result for result in self.results if result.manifest is not None}
            try:
                write(list(results))
                return
            except InputError as error:
                result = results.get(error.path) if isinstance(error.path, Path) else None
                if result is None:
                    raise
                self._results[result.path] = _lost(result, error)
                self.write()

    def _write_clips_list(self, manifests: Sequence[Path]) -> None:
        self._clips_list = write_clips_list(self.clips_path, manifests, self._clips_list)

    def _write_index(self, manifests: Sequence[Path]) -> None:
        content = self._content()
        for line, result in zip(content["videos"], self.results, strict=True):
            line["manifest"] = str(result.manifest) if result.manifest else None  # as the page knows it
        write_index(self.path.parent, content, manifests, self.index_path.name)

    def write(self) -> None:
        """Write ``run.json`` with the results so far."""
        write_json(self.path, self._content())

    def _content(self) -> dict[str, Any]:
        error = self._error
        return {
            "schema_version": SCHEMA_VERSION,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "source": self._shown(self._source),
            "host": self._host,
            "shard": self._shard,
            "seconds": round(time.monotonic() - self._begun_s if self._seconds is None else self._seconds, 3),
            "reason_code": error.reason_code if error else "",
            "message": str(error) if error else "",
            "models": [
                {"job": model.role, "name": model.name, "stands_in_for": model.stands_in_for, "why": model.why}
                for model in self._models
            ],
            "queues": self._queues,
            "peak_memory_mb": round(self._peak_bytes / 1e6) if self._peak_bytes else None,
            "videos": [_line(result, self._shown) for result in self.results],
            **({} if self._clips_list is None else {"clips_list": self._clips_list.json()}),
        }


def _if_manifest_holds(result: VideoResult, manifest: Path) -> VideoResult:
    """Return *result*, or a failure where its manifest was deleted or changed while the run went on."""
    try:
        summary_of(manifest)
    except InputError as error:
        return _lost(result, error)
    return result


def _lost(result: VideoResult, error: InputError) -> VideoResult:
    advice = "Run it again" if error.reason_code == "unreadable" else "Delete that file and run it again"
    return VideoResult(result.path, "failed", "manifest_lost", f"{error}. {advice}", result.seconds)


def _clips_list_of(path: Path) -> ClipsList | None:
    """Return the facts about the list of clips in an earlier run's ``run.json``; None where it has none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        return ClipsList.of_json(json.loads(path.read_bytes())["clips_list"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def read_run(path: Path) -> dict[str, Any]:
    """Read the content of a ``run.json``, or of that of a shard.

    Raises:
        InputError: ``unreadable`` when the file cannot be opened, ``bad_run_file`` when it does not fit the schema or
            is greater than `MAX_BYTES`.
    """
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise InputError("bad_run_file", f"has {size} bytes; at most {MAX_BYTES} are read", path)
        content = json.loads(path.read_bytes())
        json_text(content)  # refuses what is no number
        misfit = best_match(_validator().iter_errors(content))
        if misfit is None:
            datetime.fromisoformat(content["created_at"])
    except OSError as error:
        raise InputError("unreadable", f"cannot be read: {error.strerror or error}", path) from error
    except (ValueError, RecursionError) as error:
        raise InputError("bad_run_file", f"is not the JSON that a run writes: {error}", path) from error
    if misfit is not None:
        raise InputError("bad_run_file", f"{misfit.json_path}: {misfit.message[:500]}", path)
    return content


def results_of(run: Mapping[str, Any]) -> list[VideoResult]:
    """Return the results that the lines of a run file stand for: the inverse of what `RunReport` writes."""
    return [_result(line) for line in run["videos"]]


@functools.cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(Path(__file__).with_name("run.schema.json").read_bytes()))


def _shard_line(shard: Shard, videos: Sequence[Path], source: Path) -> dict[str, Any]:
    return {
        "rank": shard.rank,
        "world": shard.world,
        "videos_in_all": len(videos),
        "list_digest": list_digest(videos, source),
    }


def _line(result: VideoResult, shown: Callable[[Path], str] = str) -> dict[str, Any]:
    return {
        "path": shown(result.path),
        "status": result.status,
        "reason_code": result.reason_code,
        "message": result.message,
        "seconds": round(result.seconds, 3),
        "video_seconds": round(result.duration_s, 3),
        "stand_ins": list(result.stand_ins),
        "clips": result.clip_count,
        "manifest": shown(result.manifest) if result.manifest else None,
        "timings": {stage: [round(at_s, 3) for at_s in span] for stage, span in result.timings.items()},
        **json.loads(json.dumps(dict(result.details))),
    }


def _result(line: Mapping[str, Any]) -> VideoResult:
    return VideoResult(
        path=Path(line["path"]),
        status=line["status"],
        reason_code=line["reason_code"],
        message=line["message"],
        seconds=line["seconds"],
        stand_ins=tuple(line["stand_ins"]),
        clip_count=line["clips"],
        manifest=Path(line["manifest"]) if line["manifest"] else None,
        duration_s=line["video_seconds"],
        timings=line["timings"],
        details={name: value for name, value in line.items() if name not in _OWN_FIELDS},
    )


_OWN_FIELDS = frozenset(_line(VideoResult(Path(), "done")))
"""Fields of every line; the others are details."""
