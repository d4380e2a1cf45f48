"""What every executor does: videos in, one result for each out, in whatever place the stages run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pipeline.clips.results import forget_attempt, recover, remove_results
from pipeline.clips.worker import FinishedVideo
from pipeline.executors.events import Event
from pipeline.outputs.failure import ends_results, write_failure
from pipeline.outputs.kept import MANIFEST
from pipeline.stages import Models, Prepared, VideoJob
from pipeline.types import Losses, VideoResult
from pipeline.wording import counted


class Listener(Protocol):
    """Is told how a run goes; called in the parent process only."""

    def on_progress(self, video: VideoJob, stage: str, done: float, total: float) -> None:
        """How far a stage of a video is: seconds of video for decode, vision and speech, clips for clips."""
        ...

    def on_event(self, event: Event) -> None:
        """Something happened that people may want to read."""
        ...

    def on_result(self, video: VideoJob, result: VideoResult) -> None:
        """A video has ended."""
        ...


class Executor(Protocol):
    """Runs the stages over videos."""

    def run(self, videos: Sequence[VideoJob], listener: Listener) -> None:
        """Works until every video has a result.

        Raises:
            PipelineError: the models cannot be loaded; nothing was started.
            KeyboardInterrupt: it was interrupted; what is finished is kept.
        """
        ...

    def interrupt(self) -> None:
        """Begins no more videos, and gives those in flight ``GRACE_S`` to end. Called in a signal handler."""
        ...

    @property
    def peak_bytes(self) -> int:
        """The most memory that all processes of the run were seen to take together; 0 where nobody looked."""
        ...

    def queues(self) -> Mapping[str, Mapping[str, int]]:
        """For each queue its ``bound`` and the ``peak`` that it reached."""
        ...


def stand_ins(models: Models) -> tuple[str, ...]:
    """``job: model`` for each model that stands in for another."""
    return tuple(f"{model.job}: {model.name}" for model in models if model.stands_in_for)


def done(
    video: VideoJob,
    prepared: Prepared,
    finished: FinishedVideo,
    models: Models,
    begun_s: float,
    timings: Mapping[str, Sequence[float]],
    notes: Sequence[str] = (),
) -> VideoResult:
    """The result of a video that went through every stage; *begun_s* on ``time.monotonic``.

    It is ``partial`` when something of it could not be read. *notes*, what people should know of the work, end its
    message and are ``notes`` among its details.
    """
    code, lost = _lost(finished.losses)
    notes = [video.told(note) for note in (*finished.notes, *notes)]
    made = f"{counted(finished.clip_count, 'clip')}, {counted(finished.dropped_count, 'sentence')} without one"
    details: dict[str, Any] = {"notes": notes} if notes else {}
    if video.kept:
        details["kept"] = sorted(video.kept)
    return VideoResult(
        path=video.path,
        status="partial" if lost else "done",
        reason_code=code,
        message="; ".join([made, *lost, *notes]),
        seconds=time.monotonic() - begun_s,
        stand_ins=stand_ins(video.models or models),
        clip_count=finished.clip_count,
        manifest=finished.manifest,
        duration_s=prepared.probe.counted_s(finished.frame_count),
        timings=timings,
        details=details,
    )


def extras_note(text: str) -> str:
    """What is noted of a video whose clips are there, and not what was asked for beside them; *text* says why."""
    return f"what was asked for beside the clips could not be written: {text}"


def _lost(losses: Losses) -> tuple[str, list[str]]:
    """Reason code and words for what could not be read of a video."""
    said = []
    if losses.missing_s:
        said.append(f"the last {losses.missing_s:.1f} s of its picture are missing")
    if losses.picture_packets:
        said.append(f"{losses.picture_packets} packets of its picture could not be decoded")
    if losses.sound_packets:
        said.append(f"{losses.sound_packets} packets of its sound could not be decoded")
    return ("truncated" if losses.missing_s else "damaged" if said else ""), said


def failed(video: VideoJob, code: str, message: str, trace: str, begun_s: float) -> VideoResult:
    """Return the result of a video that cannot be done. What looks like a bug keeps its traceback.

    Finished results of an earlier run stay, unless the file itself is to blame: then they go, and a note for later runs
    is left.
    """
    details: dict[str, Any] = {"traceback": trace} if code == "internal_error" else {}
    result = VideoResult(video.path, "failed", code, video.told(message), time.monotonic() - begun_s, details=details)
    try:
        if ends_results(code, video.marks):
            recover(video.folder)
            remove_results(video.folder)
        else:
            forget_attempt(video.folder)
        write_failure(video.folder, video.marks, result)
    except OSError as error:
        details["left_behind"] = str(error)
    return with_earlier(result, video.folder)


def with_earlier(result: VideoResult, folder: Path) -> VideoResult:
    """Return the *result* of a video that failed, which says so where results of an earlier state lie in *folder*."""
    if result.status != "failed" or not (folder / MANIFEST).is_file():
        return result
    text = f"{result.message}; the results of an earlier run are kept as they are"
    return dataclasses.replace(result, message=text, details={**result.details, "earlier_results": True})
