"""Summary of a run for people: a count of videos by status, a table of them, and the speed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pipeline.types import ModelChoice, VideoResult
from pipeline.wording import counted

MAX_ROWS = 20
"""Rows of the table; a longer list is in ``run.json``."""

ORDER = ("failed", "interrupted", "partial", "done", "skipped")
"""Statuses in the order in which people want to see them."""


def summary(results: Sequence[VideoResult], seconds: float) -> str:
    """Return a few lines for people.

    Args:
        results: of every video.
        seconds: wall time of the run.
    """
    counts = Counter(result.status for result in results)
    said = ", ".join(f"{counts[status]} {status}" for status in reversed(ORDER) if counts[status])
    clips = sum(result.clip_count for result in results if "clips" not in result.details.get("kept", ()))
    head = f"{counted(len(results), 'video')}: {said or 'nothing to do'}; {counted(clips, 'new clip')}"
    lines = [head, *_table(results)]
    length_s = sum(result.duration_s for result in results)
    if length_s and seconds:
        lines.append(f"{_time(length_s)} of video in {_time(seconds)}: {length_s / seconds:.2f} times real time")
    return "\n".join(lines)


def models_used(models: Sequence[ModelChoice], vision_device: str, speech_device: str) -> str:
    """Return a line for people with each job's model and device, and a second one where stand-ins were used.

    Args:
        models: of the run.
        vision_device: device of the networks that see, or several.
        speech_device: device of the recogniser, or several.
    """
    used = [
        f"{model.role} {model.name}" + (f" (stands in for {model.stands_in_for})" if model.stands_in_for else "")
        for model in models
    ]
    lines = [f"Models: {', '.join(used)}; pictures on {vision_device}, words on {speech_device}"]
    missing = [model.stands_in_for for model in models if model.stands_in_for]
    if missing:
        lines.append(f"To fetch the real models: python -m pipeline.weights fetch {' '.join(missing)}")
    return "\n".join(lines)


def _table(results: Sequence[VideoResult]) -> list[str]:
    rows = sorted(results, key=lambda result: ORDER.index(result.status))
    shown = rows[:MAX_ROWS]
    if not shown:
        return []
    width = min(max(len(_name(result)) for result in shown), 40)
    lines = [f"  {'status':<11} {'video':<{width}} {'length':>8} {'took':>8} {'clips':>5}  reason"]
    for result in shown:
        name = _name(result)
        name = name if len(name) <= width else f"{name[: width - 1]}…"
        length = _time(result.duration_s) if result.duration_s else "-"
        took = _time(result.seconds) if result.seconds else "-"
        line = f"  {result.status:<11} {name:<{width}} {length:>8} {took:>8} {result.clip_count:>5}  {_reason(result)}"
        lines.append(line.rstrip())
    if len(rows) > len(shown):
        lines.append(f"  and {len(rows) - len(shown)} more")
    return lines


def _name(result: VideoResult) -> str:
    return " ".join(result.path.name.split())


def _reason(result: VideoResult) -> str:
    if result.status not in ("failed", "partial"):
        return ""
    return " ".join(f"{result.reason_code}: {result.message}".split())


def _time(seconds: float) -> str:
    """Format seconds as ``12.3 s``, ``4:05`` or ``1:02:03``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
