"""The display of a run at work: bars on a terminal, plain lines elsewhere, or JSON."""

from __future__ import annotations

import sys
import threading
from typing import TextIO

from tqdm import tqdm

from pipeline.executors.events import Event, Level, write_to_log
from pipeline.graph import GRAPH
from pipeline.run.report import RunReport
from pipeline.stage import DECODE, VideoJob
from pipeline.types import VideoResult

UNITS = {DECODE: "s"} | {stage.name: stage.unit for stage in GRAPH.stages}
"""The bars in their order, with what they count: seconds of video, or clips."""

ALWAYS = (DECODE, *(stage.name for stage in GRAPH.required if stage.feeds or stage is GRAPH.final))
"""Bars that show from the beginning; the others show once they are used."""

QUIET = frozenset({"begun", "stage_done", "done", "partial"})
"""Events that need no line of their own beside the bars."""


class ConsoleListener:
    """Show the progress of a run, in the parent process only; pass results on to the report and each video's log.

    Any thread may call it.

    Args:
        videos: how many there are.
        report: gets every result.
        as_json: a JSON object for each event, and no bars.
        stream: where to show it; standard error by default.
    """

    def __init__(self, videos: int, report: RunReport, as_json: bool = False, stream: TextIO | None = None) -> None:
        self._videos, self._report, self._as_json = videos, report, as_json
        self._stream: TextIO = stream or sys.stderr
        self._ended = 0
        self._lock = threading.RLock()
        self._known: dict[str, dict[int, tuple[float, float]]] = {stage: {} for stage in UNITS}
        self._past = dict.fromkeys(UNITS, 0.0)
        self._bars: dict[str, tqdm] = {}
        if self._stream.isatty() and not as_json:
            self._bars = {stage: self._new_bar(stage) for stage in ALWAYS}

    def on_progress(self, video: VideoJob, stage: str, done: float, total: float) -> None:
        """Move the bar of *stage*."""
        with self._lock:
            self._move(video, stage, done, total)

    def _move(self, video: VideoJob, stage: str, done: float, total: float) -> None:
        if self._bars:
            if stage not in self._bars:
                self._bars[stage] = self._new_bar(stage)
            known, bar = self._known.setdefault(stage, {}), self._bars[stage]
            known[video.number] = (done, total)
            bar.total = self._past.get(stage, 0.0) + sum(each for _, each in known.values())
            bar.n = min(self._past.get(stage, 0.0) + sum(each for each, _ in known.values()), bar.total)
            bar.refresh()

    def _new_bar(self, stage: str) -> tqdm:
        form = "{desc:<8}{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} {unit} [{elapsed}<{remaining}]"
        return tqdm(desc=stage, unit=UNITS.get(stage, "s"), total=0, file=self._stream, bar_format=form)

    def on_event(self, event: Event) -> None:
        """Show an event, and write it to the log of its video."""
        with self._lock:
            self._show(event)

    def _show(self, event: Event) -> None:
        write_to_log(event)
        if self._as_json:
            print(event.json(), file=self._stream, flush=True)
        elif self._bars:
            if event.name not in QUIET:
                tqdm.write(sayable(str(event), self._stream), file=self._stream)
        else:
            print(sayable(str(event), self._stream), file=self._stream, flush=True)

    def on_result(self, video: VideoJob, result: VideoResult) -> None:
        """Show the end of a video, and write it to the report."""
        with self._lock:
            self._end(video, result)

    def _end(self, video: VideoJob, result: VideoResult) -> None:
        self._report.add(result)
        self._ended += 1
        for stage, known in self._known.items():
            self._past[stage] = self._past.get(stage, 0.0) + known.pop(video.number, (0.0, 0.0))[1]
        level: Level = "error" if result.status == "failed" else "warning" if result.status == "partial" else "info"
        reason = f" ({result.reason_code})" if result.reason_code else ""
        text = f"[{self._ended}/{self._videos}] {result.status}{reason}: {result.message}"
        more = {
            "status": result.status,
            "reason_code": result.reason_code,
            "seconds": round(result.seconds, 3),
            "clips": result.clip_count,
            "ended": self._ended,
            "videos": self._videos,
        }
        self.on_event(Event(result.status, text, video, level=level, more=more))

    def close(self) -> None:
        """Close the bars, leaving them as they are."""
        for bar in self._bars.values():
            bar.close()


def sayable(text: str, stream: TextIO) -> str:
    """Return *text* with characters that *stream* cannot write escaped: file names need not be valid text."""
    coding = stream.encoding or "utf-8"
    return text.encode(coding, "backslashreplace").decode(coding)
