"""``run.json``: how every video of a run ended, written anew after each, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.outputs.clips_list import write_clips_list
from pipeline.outputs.files import write_json
from pipeline.outputs.index_page import write_index
from pipeline.outputs.manifest import read_manifest
from pipeline.types import ModelChoice, VideoResult

SCHEMA_VERSION = 1

WRITE_EVERY_S = 5.0
OFTEN = 100
"""The whole file is written anew after each of the first results, then only from time to time: it grows with them."""


class RunReport:
    """Collects the results of a run.

    Args:
        folder: where ``run.json`` and ``clips.jsonl`` go.
        source: what the user gave: a folder or a file.
        videos: every video of the run, in its order.
    """

    def __init__(self, folder: Path, source: Path, videos: Sequence[Path]) -> None:
        self.path = folder / "run.json"
        self.clips_path = folder / "clips.jsonl"
        self._source = source
        self._videos = list(videos)
        self._results: dict[Path, VideoResult] = {}
        self._models: Sequence[ModelChoice] = ()
        self._queues: dict[str, Any] = {}
        self._error: InputError | None = None
        self._peak_bytes = 0
        self._begun_s = time.monotonic()
        self._written_s = 0.0

    @property
    def results(self) -> list[VideoResult]:
        """The results so far, in the order of the run."""
        return [self._results[path] for path in self._videos if path in self._results]

    def set_models(self, models: Sequence[ModelChoice]) -> None:
        """Which models the run uses."""
        self._models = models

    def set_queues(self, queues: dict[str, Any]) -> None:
        """How full each queue got, beside its bound."""
        self._queues = queues

    def set_error(self, error: InputError) -> None:
        """Why nothing was started."""
        self._error = error

    def set_peak_memory(self, peak_bytes: int) -> None:
        """The most memory that all processes of the run took together."""
        self._peak_bytes = max(self._peak_bytes, peak_bytes)

    def add(self, result: VideoResult) -> None:
        """Takes one result and writes the file anew, not more often than `WRITE_EVERY_S` in a long run.

        A file that cannot be written now (a full disk) does not end the run: `close` tries again.
        """
        self._results[result.path] = result
        now_s = time.monotonic()
        if now_s - self._written_s > WRITE_EVERY_S or len(self._results) <= OFTEN:
            self._written_s = now_s
            with contextlib.suppress(OSError):
                self.write()

    def close(self) -> None:
        """Writes ``run.json`` a last time (what has no result: ``interrupted``), ``clips.jsonl`` and ``index.html``."""
        for path in self._videos:
            if path not in self._results:
                message = "the run ended before this video was done; run the same command again"
                self._results[path] = VideoResult(path, "interrupted", "interrupted", message)
        for result in self.results:
            if result.manifest is not None:
                self._results[result.path] = _if_manifest_holds(result, result.manifest)
        self.write()
        manifests = [result.manifest for result in self.results if result.manifest is not None]
        write_clips_list(self.clips_path, manifests)
        write_index(self.path.parent, self._content(), ((path, json.loads(path.read_bytes())) for path in manifests))

    def write(self) -> None:
        """Writes ``run.json`` with what is known now."""
        write_json(self.path, self._content())

    def _content(self) -> dict[str, Any]:
        error = self._error
        return {
            "schema_version": SCHEMA_VERSION,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "source": str(self._source),
            "seconds": round(time.monotonic() - self._begun_s, 3),
            "reason_code": error.reason_code if error else "",
            "message": str(error) if error else "",
            "models": [
                {"job": model.job, "name": model.name, "stands_in_for": model.stands_in_for, "why": model.why}
                for model in self._models
            ],
            "queues": self._queues,
            "peak_memory_mb": round(self._peak_bytes / 1e6) if self._peak_bytes else None,
            "videos": [_line(result) for result in self.results],
        }


def _if_manifest_holds(result: VideoResult, manifest: Path) -> VideoResult:
    """*result*, or a failure where somebody took its manifest away or changed it while the run went on."""
    try:
        read_manifest(manifest)
    except InputError as error:
        return VideoResult(result.path, "failed", "manifest_lost", f"{error}. Run it again", result.seconds)
    return result


def _line(result: VideoResult) -> dict[str, Any]:
    return {
        "path": str(result.path),
        "status": result.status,
        "reason_code": result.reason_code,
        "message": result.message,
        "seconds": round(result.seconds, 3),
        "video_seconds": round(result.duration_s, 3),
        "stand_ins": list(result.stand_ins),
        "clips": result.clip_count,
        "manifest": str(result.manifest) if result.manifest else None,
        "timings": {stage: [round(at_s, 3) for at_s in span] for stage, span in result.timings.items()},
        **json.loads(json.dumps(dict(result.details))),
    }
