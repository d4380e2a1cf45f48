"""The interface of executors: videos in, one result for each out, wherever the stages run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pipeline.executors.events import Event
from pipeline.executors.scheduler import Ended
from pipeline.outputs.failure import NO_AUDIO, ends_results, remove_ended, write_failure
from pipeline.outputs.own_manifest import finished_of
from pipeline.results import MANIFEST, forget_attempt, recover, remove_partial
from pipeline.soundless import outcome
from pipeline.stage import Graph, Models, NoSound, OpenedVideo, VideoJob
from pipeline.types import FinishedVideo, Losses, VideoResult
from pipeline.wording import counted

START_WITHIN_S = 600.0
"""Time that a worker gets to load its models, if ``HANG_S`` is not longer."""


class Listener(Protocol):
    """Is told how a run goes; called in the parent process only."""

    def on_progress(self, video: VideoJob, stage: str, done: float, total: float) -> None:
        """Show the progress of a stage of a video: done and total, in the stage's unit."""
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
    """Return ``role: model`` for each model that stands in for another."""
    return tuple(f"{model.role}: {model.name}" for model in models if model.stands_in_for)


@dataclass(slots=True)
class Attempt:
    """One video in work."""

    video: VideoJob
    begun_s: float
    """When it was begun, on ``time.monotonic``."""
    opened: OpenedVideo | None = None
    """Its source, once somebody has opened it and said so."""
    timings: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """Begin and end of each stage, in seconds after the start of the run."""


def kept_summary(graph: Graph, video: VideoJob) -> FinishedVideo | None:
    """Return the summary of the final stage of a video whose earlier results are whole; None where it must be run.

    Raises:
        InputError: they have gone or were changed meanwhile.
    """
    return finished_of(video.folder / MANIFEST) if graph.final.name in video.kept else None


def result_of(attempt: Attempt, ended: Ended, models: Models) -> VideoResult:
    """Return the result of a video that has ended, and leave nothing half written in its folder.

    Args:
        attempt: the video.
        ended: how it ended.
        models: of the run.
    """
    video, begun_s, left_behind = attempt.video, attempt.begun_s, ""
    try:
        remove_partial(video.folder)
    except OSError as error:
        left_behind = str(error)
    if ended.failure is not None:
        failure = ended.failure
        result = failed(video, failure.reason_code, failure.message, failure.traceback, begun_s)
    elif video.no_sound is not None:
        result = _done_without_sound(attempt, video.no_sound, ended, models)
    elif isinstance(ended.summary, FinishedVideo):
        result = _done(attempt, ended.summary, ended.notes, models)
    else:
        got = type(ended.summary).__name__
        text = f"a bug in the program: it ended with {got} as its summary"
        result = failed(video, "internal_error", text, "", begun_s)
    if left_behind:
        result = dataclasses.replace(result, details={"left_behind": left_behind, **result.details})
    return result


def _done(attempt: Attempt, finished: FinishedVideo, notes: Sequence[str], models: Models) -> VideoResult:
    """Return the result of a video that went through every stage: ``partial`` when something could not be read.

    Notes for people end its message, and are ``notes`` among its details.
    """
    video, opened = attempt.video, attempt.opened
    code, lost = _lost(finished.losses)
    notes = [video.with_urls(note) for note in (*finished.notes, *notes)]
    made = f"{counted(finished.clip_count, 'clip')}, {counted(finished.dropped_count, 'sentence')} without one"
    return VideoResult(
        path=video.path,
        status="partial" if lost else "done",
        reason_code=code,
        message="; ".join([made, *lost, *notes]),
        seconds=time.monotonic() - attempt.begun_s,
        stand_ins=stand_ins(video.models or models),
        clip_count=finished.clip_count,
        manifest=finished.manifest,
        duration_s=opened.probe.counted_s(finished.frame_count) if opened is not None else 0.0,
        timings=attempt.timings,
        details=_details(video, notes),
    )


def _done_without_sound(attempt: Attempt, no_sound: NoSound, ended: Ended, models: Models) -> VideoResult:
    """Return the result of a video without sound: ``partial`` where some output that needs none could be made."""
    video, opened = attempt.video, attempt.opened
    made = [name for name in no_sound.outputs if name not in ended.dropped]
    notes = [video.with_urls(note) for note in ended.notes]
    return VideoResult(
        path=video.path,
        status="partial" if made else "failed",
        reason_code=NO_AUDIO,
        message="; ".join([outcome(no_sound, made), *notes]),
        seconds=time.monotonic() - attempt.begun_s,
        stand_ins=stand_ins(models if video.models is None else video.models),
        duration_s=opened.probe.length_s if opened is not None else 0.0,
        timings=attempt.timings,
        details={"made": made, "not_made": list(no_sound.missing), **_details(video, notes)},
    )


def _details(video: VideoJob, notes: Sequence[str]) -> dict[str, Any]:
    details: dict[str, Any] = {"notes": list(notes)} if notes else {}
    if video.kept:
        details["kept"] = sorted(video.kept)
    return details


def _lost(losses: Losses) -> tuple[str, list[str]]:
    """Return a reason code, and a few words each, for what could not be read of a video."""
    said = losses.described
    return ("truncated" if losses.missing_s else "damaged" if said else ""), said


def failed(video: VideoJob, code: str, message: str, trace: str, begun_s: float) -> VideoResult:
    """Return the result of a video that cannot be done. What looks like a bug keeps its traceback.

    Finished results of an earlier run stay, unless the file itself is to blame: then they go, and a note for later runs
    is left.
    """
    details: dict[str, Any] = {"traceback": trace} if code == "internal_error" else {}
    result = VideoResult(
        video.path, "failed", code, video.with_urls(message), time.monotonic() - begun_s, details=details
    )
    try:
        if ends_results(code, video.prints):
            recover(video.folder)
            remove_ended(video.folder, code)
        elif video.no_sound is None:
            forget_attempt(video.folder)
        write_failure(video.folder, video.prints, result)
    except OSError as error:
        details["left_behind"] = str(error)
    return with_earlier(result, video.folder)


def with_earlier(result: VideoResult, folder: Path) -> VideoResult:
    """Return the *result* of a video that failed, which says so where results of an earlier state lie in *folder*."""
    if result.status != "failed" or not (folder / MANIFEST).is_file():
        return result
    text = f"{result.message}; the results of an earlier run are kept as they are"
    return dataclasses.replace(result, message=text, details={**result.details, "earlier_results": True})
