"""Events of a run, one line each: for the console, as JSON, and in the log of each video."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.outputs.files import json_text
from pipeline.results import LOG
from pipeline.stage import VideoJob

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    name: str
    """Short and stable, for programs: ``begun``, ``stage_done``, ``again``, ``worker_died``, ``not_ready``,
    ``elsewhere``, ``no_audio``, ``stopping``, ``memory``, ``storage``, or how a video ended: ``done``, ``partial``,
    ``skipped``, ``failed``."""
    message: str
    """The same for people."""
    video: VideoJob | None = None
    stage: str = ""
    """The name of a stage, or ``decode``; empty where it is about all of them."""
    level: Level = "info"
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    """Numbers and codes, for programs."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __str__(self) -> str:
        about = f"{self.video.path.name}: " if self.video else ""
        mark = "" if self.level == "info" else f"{self.level}: "
        return _one_line(f"{self.at.astimezone():%H:%M:%S} {self.stage or 'run':<6} {about}{mark}{self.message}")

    def json(self) -> str:
        """The event as one line of JSON."""
        content = {
            "time": self.at.isoformat(timespec="milliseconds"),
            "level": self.level,
            "event": self.name,
            "video": self.video.display_path if self.video else None,
            "stage": self.stage or None,
            "message": self.message,
            **self.more,
        }
        return json_text(content)


def stage_done(video: VideoJob, stage: str, length_s: float, took_s: float) -> Event:
    """A stage has done *length_s* seconds of *video* in *took_s*."""
    text = f"{length_s:.1f} s of video done in {took_s:.1f} s"
    more = {"seconds": round(took_s, 3), "video_seconds": round(length_s, 3)}
    return Event("stage_done", text, video, stage, more=more)


def begun_again(video: VideoJob, stage: str, why: str, **more: Any) -> Event:
    """Return the event that a stage whose worker was lost is begun again; *why* says what happened to the worker."""
    return Event("again", f"{why}; its {stage} is begun again", video, stage, level="warning", more=more)


def write_to_log(event: Event) -> None:
    """Adds *event* to the log of its video, if that has one: a log that cannot be written must not end a run."""
    if event.video is None:
        return
    path = event.video.folder / LOG
    stage = event.stage or "video"
    line = f"{event.at.isoformat(timespec='seconds')} {stage:<6} {event.level:<7} {_one_line(event.message)}\n"
    if path.exists():
        with contextlib.suppress(OSError), path.open("ab") as file:
            file.write(line.encode("utf-8", "backslashreplace"))


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))
