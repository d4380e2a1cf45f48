"""One worker of a cluster, whatever engine runs it: it is given a video, does its stage, and says how that went.

Paths come in and small values go out. What a stage makes lies in the folder of the video when the worker answers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from config import Config
from pipeline.clips.worker import FinishedVideo, finished_of
from pipeline.executors.base import extras_note
from pipeline.executors.local.messages import Alive, Failed, Progress
from pipeline.executors.remote_stages import at_hand
from pipeline.executors.runtime import hear, see
from pipeline.executors.work_dir import root_of, temporary_files_in, work_dir
from pipeline.outputs.kept import MANIFEST, put_in_place, remove_partial
from pipeline.settings import as_list
from pipeline.stages import Models, Prepared, Stages, VideoJob, describe

KINDS = ("vision", "speech", "mux")
"""The workers that together do a video."""

NOT_READY = "not_ready"
"""Reason code of a worker whose models cannot be loaded: the video is not to blame."""

TELL_EVERY_S = 2.0
"""Progress goes over the network."""


@dataclass(frozen=True, slots=True)
class Order:
    """One stage of one video."""

    job: int
    video: VideoJob
    prepared: Prepared | None = None
    """For mux, unless an earlier run has done vision and speech."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """For mux: seconds that the stages before took."""
    finished: FinishedVideo | None = None
    """For mux: the clips are cut, and what is asked for beside them is to be written."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A worker has begun an order."""

    job: int
    kind: str
    machine: str
    """What the engine knows it by."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a worker can work."""

    machine: str
    fault: str
    """Why not; empty when it can."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage of a video ended, when it did not fail."""

    prepared: Prepared
    """Without its sound, which lies on one machine only."""
    spans: Mapping[str, tuple[float, float]]
    """When each stage began and ended, on ``time.time``."""
    notes: tuple[str, ...] = ()
    finished: FinishedVideo | None = None
    """From mux."""


class Workplace:
    """The models of one worker, and its folder for temporary files.

    Args:
        kind: ``vision``, ``speech`` or ``mux``.
        config: settings, with every ``auto`` resolved.
        models: of the run.
        stages: what is run.
        threads: of the decoder.
        tell: is told `Alive` and `Progress` while work goes on.
    """

    def __init__(
        self,
        kind: str,
        config: Config,
        models: Models,
        stages: Stages,
        threads: int,
        tell: Callable[[Alive | Progress], None],
    ) -> None:
        self._kind, self._config, self._models, self._stages = kind, config, models, stages
        self._threads, self._tell = threads, tell
        self._told_s = 0.0
        self._open = contextlib.ExitStack()
        self.fault = ""
        """Why its models could not be loaded."""
        try:
            root = root_of(config.WORK_DIR)
            root.mkdir(parents=True, exist_ok=True)
            self._folder = self._open.enter_context(work_dir(root))
            self._open.enter_context(temporary_files_in(self._folder))
            self._network: Any = self._load()
        except Exception as error:
            self.fault = describe(error)[1]

    def do(self, order: Order) -> Outcome | Failed:
        """Does this worker's stage of a video."""
        if self.fault:
            return Failed(order.job, NOT_READY, self.fault, "")
        try:
            with at_hand(order.video, order.prepared, self._folder) as (video, prepared):
                here = dataclasses.replace(order, video=video, prepared=prepared)
                outcome = {"vision": self._see, "speech": self._hear, "mux": self._finish}[self._kind](here)
            if outcome.finished is None:
                return outcome
            finished = dataclasses.replace(outcome.finished, manifest=order.video.folder / MANIFEST)
            return dataclasses.replace(outcome, finished=finished)
        except Exception as error:
            code, message = describe(error)
            return Failed(order.job, code, message, "".join(traceback.format_exception(error)))

    def close(self) -> None:
        """Removes its temporary files."""
        self._open.close()

    def _load(self) -> Any:
        if self._kind == "vision":
            return self._stages.load_vision(self._config, self._models, as_list(self._config.VISION_DEVICE)[0])
        if self._kind == "speech":
            return self._stages.load_speech(self._config, self._models, as_list(self._config.WHISPER_DEVICE)[0])
        return None

    def _see(self, order: Order) -> Outcome:
        with self._sound_of(order) as (prepared, began_s):
            middle_s = time.time()
            pending, notes = see(
                self._stages,
                self._network,
                self._config,
                order.video,
                prepared,
                self._progress(order, "vision"),
                self._threads,
                ahead=True,
            )
            put_in_place(pending, "vision")
            spans = {"decode": (began_s, middle_s), "vision": (middle_s, time.time())}
            return Outcome(_without_sound(prepared), spans, notes)

    def _hear(self, order: Order) -> Outcome:
        with self._sound_of(order) as (prepared, _):
            began_s = time.time()
            pending = hear(self._stages, self._network, order.video, prepared, self._progress(order, "speech"))
            put_in_place(pending, "speech")
            return Outcome(_without_sound(prepared), {"speech": (began_s, time.time())})

    def _finish(self, order: Order) -> Outcome:
        """Clips and manifest, or what is asked for beside them."""
        video, models, config = order.video, self._models, self._config
        prepared = order.prepared or self._stages.prepare(video, None, config, self._pulse(order.job))
        began_s = time.time()
        remove_partial(video.folder)
        if order.finished is not None:
            try:
                self._stages.extras(video, prepared, models, config, self._progress(order, "extras"))
            except Exception as error:
                return Outcome(prepared, {}, (extras_note(describe(error)[1]),), order.finished)
            return Outcome(prepared, {"extras": (began_s, time.time())}, (), order.finished)
        if "clips" in video.kept:
            return Outcome(prepared, {}, (), finished_of(video.folder / MANIFEST))
        finished = self._stages.finish(video, prepared, models, config, order.timings, self._progress(order, "clips"))
        return Outcome(prepared, {"mux": (began_s, time.time())}, (), finished)

    @contextlib.contextmanager
    def _sound_of(self, order: Order) -> Iterator[tuple[Prepared, float]]:
        """The video with its sound on this machine, and when that was begun; the sound goes at the end."""
        sound = self._folder / f"{order.job}.pcm"
        began_s = time.time()
        try:
            yield self._stages.prepare(order.video, sound, self._config, self._pulse(order.job)), began_s
        finally:
            sound.unlink(missing_ok=True)

    def _pulse(self, job: int) -> Callable[[float], None]:
        return lambda _: self._say(Alive(job), False)

    def _progress(self, order: Order, stage: str) -> Callable[[float, float], None]:
        return lambda done, total: self._say(Progress(order.job, stage, done, total), done >= total)

    def _say(self, message: Alive | Progress, at_once: bool) -> None:
        if at_once or time.monotonic() - self._told_s >= TELL_EVERY_S:
            self._told_s = time.monotonic()
            self._tell(message)


def _without_sound(prepared: Prepared) -> Prepared:
    return dataclasses.replace(prepared, sound=None)
