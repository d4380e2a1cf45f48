"""What a run shows while it works: a bar for each stage on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TextIO

from tqdm import tqdm

from pipeline.run_report import RunReport
from pipeline.stages import VideoJob
from pipeline.types import VideoResult

STAGES = {"decode": "s", "vision": "s", "speech": "s", "clips": "clips"}
"""The bars in their order, with what they count: seconds of video, or clips."""


class ConsoleListener:
    """Draws the progress of a run, in the parent process only, and passes results on to the report.

    Args:
        videos: how many there are.
        report: gets every result.
        stream: where to draw.
    """

    def __init__(self, videos: int, report: RunReport, stream: TextIO = sys.stderr) -> None:
        self._videos, self._report, self._stream = videos, report, stream
        self._ended = 0
        self._known: dict[str, dict[VideoJob, tuple[float, float]]] = {stage: {} for stage in STAGES}
        self._bars: dict[str, tqdm] = {}
        if stream.isatty():
            form = "{desc:<8}{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} {unit} [{elapsed}<{remaining}]"
            for stage, unit in STAGES.items():
                self._bars[stage] = tqdm(desc=stage, unit=unit, total=0, file=stream, bar_format=form)

    def on_progress(self, video: VideoJob, stage: str, done: float, total: float) -> None:
        """Moves the bar of *stage*; without bars, says when the stage of a video is done."""
        known = self._known[stage]
        before = known.get(video)
        known[video] = (done, total)
        if stage in self._bars:
            bar = self._bars[stage]
            bar.total = sum(each for _, each in known.values())
            bar.n = min(sum(each for each, _ in known.values()), bar.total)
            bar.refresh()
        elif done >= total and (before is None or before[0] < before[1]):
            amount = f"{total:.0f} {STAGES[stage]}" if stage == "clips" else f"{total:.1f} s of video"
            print(f"{stage:<7} {video.path.name}: {amount} done", file=self._stream, flush=True)

    def on_result(self, result: VideoResult) -> None:
        """Says how a video ended and writes it to the report."""
        self._report.add(result)
        self._ended += 1
        reason = f" ({result.reason_code})" if result.reason_code else ""
        line = f"[{self._ended}/{self._videos}] {result.path.name}: {result.status}{reason}: {result.message}"
        if self._bars:
            tqdm.write(line, file=self._stream)
        else:
            print(line, file=self._stream, flush=True)

    def close(self) -> None:
        """Leaves the bars as they are."""
        for bar in self._bars.values():
            bar.close()
