"""What every executor does: videos in, one result for each out, in whatever place the stages run."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pipeline.clips.worker import FinishedVideo
from pipeline.stages import Models, VideoJob
from pipeline.types import VideoResult

log = logging.getLogger("lipgen")


class Listener(Protocol):
    """Is told how a run goes; called in the parent process only."""

    def on_progress(self, video: VideoJob, stage: str, done: float, total: float) -> None:
        """How far a stage of a video is: seconds of video for decode, vision and speech, clips for clips."""
        ...

    def on_result(self, result: VideoResult) -> None:
        """A video has ended."""
        ...


class Executor(Protocol):
    """Runs the stages over videos."""

    def run(self, videos: Sequence[VideoJob], listener: Listener) -> None:
        """Works until every video has a result.

        Raises:
            PipelineError: the models cannot be loaded; nothing was started.
            KeyboardInterrupt: the user stopped it; what is finished is kept.
        """
        ...

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """For each queue its ``bound`` and the ``peak`` that it reached."""
        ...


def stand_ins(models: Models) -> tuple[str, ...]:
    """``job: model`` for each model that stands in for another."""
    return tuple(f"{model.job}: {model.name}" for model in models if model.stands_in_for)


def done(
    video: VideoJob,
    finished: FinishedVideo,
    models: Models,
    begun_s: float,
    timings: Mapping[str, Sequence[float]],
    notes: Sequence[str] = (),
) -> VideoResult:
    """The result of a video that went through every stage; *begun_s* on ``time.monotonic``.

    *notes*, what people should know of the work, end its message and are ``notes`` among its details.
    """
    return VideoResult(
        path=video.path,
        status="done",
        message="; ".join([f"{finished.clip_count} clips, {finished.dropped_count} sentences without one", *notes]),
        seconds=time.monotonic() - begun_s,
        stand_ins=stand_ins(video.models or models),
        clip_count=finished.clip_count,
        manifest=finished.manifest,
        timings=timings,
        details={"notes": list(notes)} if notes else {},
    )


def failed(video: VideoJob, code: str, message: str, trace: str, begun_s: float) -> VideoResult:
    """The result of a video that cannot be done. What looks like a bug keeps its traceback."""
    details: dict[str, Any] = {"traceback": trace} if code == "internal_error" else {}
    return VideoResult(video.path, "failed", code, message, time.monotonic() - begun_s, details=details)


def remove_old_manifest(folder: Path) -> None:
    """A failed video has no manifest, not even that of an earlier run with other settings."""
    (folder / "output" / "manifest.json").unlink(missing_ok=True)
