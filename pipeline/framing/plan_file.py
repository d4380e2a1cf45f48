"""``reframe.json``: the plan of an upright video as a file that people read and edit.

Its fields are described in ``reframe.schema.json`` beside this file.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from pipeline.errors import InputError
from pipeline.framing.plan import CameraPath, FramingPlan, Panel, Run
from pipeline.outputs.files import json_text, write_text
from pipeline.types import GRID_FPS

VERSION = 1
"""Version of the fields; it rises when one changes its meaning or goes away."""

MAX_BYTES = 64 * 2**20
"""Size above which a file is refused before it is read: a plan in which the camera never rests takes 5 MB an hour."""

TIME_DIGITS = 6
FRAME_DIGITS = 4
"""Decimals of seconds in the file and of grid frames in the plan: the one holds the other exactly."""

BEYOND_PX = 0.5
"""Distance by which a window may reach over the edge of the picture: it is rounding."""

MOST_ENLARGED = 128
"""Pixels of the upright video that a pixel of the source becomes at most, unless its whole picture is smaller: beyond
that nothing can be made out, and drawing takes ever more memory."""

KEY_REACH_FRAMES = 1.5
"""Frames before the first and after the last frame of its run up to which a key may lie."""

REFRAMED = ("follow", "pair", "split")
"""Modes that fill the upright picture with persons."""


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan, and what it was made for."""

    plan: FramingPlan
    source_name: str
    """Name of the source's file."""
    frame_count: int
    """Grid frames of the source."""
    fingerprint: str = ""
    """Of the settings and inputs that it was made of; empty where nobody noted it."""


def summary_of(plan: FramingPlan) -> dict[str, Any]:
    """Return the shares of the time in 0..1 by mode and by tier, and ``reframed_share``: that of upright crops of
    persons. A picture that is wide all the time is not reframed."""
    frames = plan.runs[-1].stop - plan.runs[0].first

    def shares(names: Sequence[str]) -> dict[str, float]:
        totals: dict[str, int] = {}
        for run, name in zip(plan.runs, names, strict=True):
            totals[name] = totals.get(name, 0) + run.stop - run.first
        return {name: round(total / frames, 4) for name, total in sorted(totals.items())}

    modes = [run.mode for run in plan.runs]
    reframed = sum(run.stop - run.first for run in plan.runs if run.mode in REFRAMED)
    return {
        "reframed_share": round(reframed / frames, 4),
        "mode_share": shares(modes),
        "tier_share": shares([run.tier for run in plan.runs]),
    }


def plan_text(file: PlanFile) -> str:
    """Return the content of the file: a line for each run, and for each key of a camera."""
    plan = file.plan
    head = {
        "version": VERSION,
        **({"fingerprint": file.fingerprint} if file.fingerprint else {}),
        "source": {"name": file.source_name, "size_px": list(plan.picture_px), "frame_count": file.frame_count},
        "size_px": list(plan.size_px),
        "content_px": list(plan.content_px),
        "background": plan.background,
        "notes": list(plan.notes),
        "summary": summary_of(plan),
    }
    lines = [f" {json_text(name)}: {json_text(value)}," for name, value in head.items()]
    runs = ",\n".join(_run_text(run) for run in plan.runs)
    return "{\n" + "\n".join(lines) + '\n "runs": [\n' + runs + "\n ]\n}\n"


def write_plan(path: Path, file: PlanFile) -> None:
    """Write the plan to *path*, whole or not at all."""
    write_text(path, plan_text(file))


def read_plan(path: Path) -> PlanFile:
    """Read a plan that may have been edited.

    Raises:
        InputError: ``unreadable``, or ``bad_plan`` with the place, the fault, and what would be right.
    """
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise InputError("bad_plan", f"has {size} bytes; at most {MAX_BYTES} are read", path)
        data = path.read_bytes()
    except OSError as error:
        raise InputError("unreadable", f"cannot be read: {error.strerror or error}", path) from error
    try:
        return parse_plan(data)
    except InputError as error:
        raise InputError(error.reason_code, error.message, path) from error


def parse_plan(data: bytes | str) -> PlanFile:
    """Return the plan in the bytes of a file.

    Raises:
        InputError: ``bad_plan`` with the place, the fault, and what would be right.
    """
    try:
        content = json.loads(data, parse_constant=_not_a_number, parse_float=_finite, parse_int=_whole)
        error = best_match(_validator().iter_errors(content))
    except (ValueError, RecursionError) as error:
        raise InputError("bad_plan", f"is not JSON: {str(error)[:300]}") from error
    if error is not None:
        _refuse(error.json_path.removeprefix("$").removeprefix("."), error.message[:300])
    source = content["source"]
    plan = _Reader(content).plan()
    return PlanFile(plan, source["name"], source["frame_count"], content.get("fingerprint", ""))


def _run_text(run: Run) -> str:
    head = {
        "start_s": _seconds(run.first),
        "end_s": _seconds(run.stop),
        "mode": run.mode,
        "speaker": run.speaker,
        "tier": run.tier,
        "begin": run.begin,
        "reason": run.reason,
    }
    panels = []
    for panel in run.panels:
        rows = zip(panel.path.frame.tolist(), panel.path.window.tolist(), strict=True)
        keys = [json_text([_seconds(frame), *map(_short, window)]) for frame, window in rows]
        gap = "\n    " if len(keys) > 1 else ""
        listed = ",".join(gap + key for key in keys)
        panels.append(f'{{"persons": {json_text(list(panel.persons))}, "keys": [{listed}]}}')
    listed = ",".join(f"\n   {panel}" for panel in panels)
    return f'  {json_text(head)[:-1]}, "panels": [{listed}]}}'


def _seconds(frame: float) -> int | float:
    return _short(round(frame / GRID_FPS, TIME_DIGITS))


def _short(number: float) -> int | float:
    """Return whole numbers without their point."""
    return int(number) if number == int(number) else number


class _Reader:
    """Builds the plan from content that fits the schema, and checks what no schema can."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content
        self._frame_count: int = content["source"]["frame_count"]

    def plan(self) -> FramingPlan:
        content = self._content
        picture, size, edges = (
            tuple(values)
            for values in (
                content["source"]["size_px"],
                content["size_px"],
                content["content_px"],
            )
        )
        for place, side in enumerate(size):
            if side % 2:
                _refuse(f"size_px[{place}]", f"expected an even number, such as {side + 1}, got {side}")
        x1, y1, x2, y2 = edges
        if not (x1 < x2 <= picture[0] and y1 < y2 <= picture[1]):
            wanted = f"x1 < x2 up to {picture[0]} and y1 < y2 up to {picture[1]}"
            _refuse("content_px", f"expected {wanted}, got {list(edges)}")
        # A plan of one run knows the sizes of its panels before there are runs.
        shell = FramingPlan(picture, size, edges, content["background"], (_SHELL,))
        runs: list[Run] = []
        for number, entry in enumerate(content["runs"]):
            runs.append(self._run(entry, f"runs[{number}]", runs[-1] if runs else None, shell))
        return FramingPlan(picture, size, edges, content["background"], tuple(runs), tuple(content.get("notes", ())))

    def _run(self, entry: Mapping[str, Any], place: str, before: Run | None, shell: FramingPlan) -> Run:
        first, stop = (round(entry[name] * GRID_FPS) for name in ("start_s", "end_s"))
        if before is not None and first != before.stop:
            fault = "overlaps" if first < before.stop else "leaves a gap after"
            wanted = f"expected {_seconds(before.stop):g}, the end of the run before"
            _refuse(f"{place}.start_s", f"{entry['start_s']:g} {fault} it; {wanted}")
        if stop <= first:
            least = _seconds(first + 1)
            _refuse(
                f"{place}.end_s", f"expected {least:g} or later: a run lasts 0.04 s at least, got {entry['end_s']:g}"
            )
        if stop > self._frame_count:
            end_s = _seconds(self._frame_count)
            _refuse(f"{place}.end_s", f"expected {end_s:g} at most, the end of the video, got {entry['end_s']:g}")
        mode, panels = entry["mode"], entry["panels"]
        wanted = 2 if mode == "split" else 1
        if len(panels) != wanted:
            _refuse(f"{place}.panels", f"{mode} has {wanted} of them, got {len(panels)}")
        shown = tuple(
            self._panel(panel, f"{place}.panels[{number}]", (first, stop), mode, shell)
            for number, panel in enumerate(panels)
        )
        tier, begin = entry.get("tier", "none"), entry.get("begin", "turn" if before else "start")
        return Run(first, stop, mode, shown, begin, tier, entry.get("speaker"), entry.get("reason", ""))

    def _panel(
        self, entry: Mapping[str, Any], place: str, span: tuple[int, int], mode: Any, shell: FramingPlan
    ) -> Panel:
        frames: list[float] = []
        first_s, last_s = (
            (edge + reach) / GRID_FPS
            for edge, reach in zip(span, (-KEY_REACH_FRAMES, KEY_REACH_FRAMES - 1), strict=True)
        )
        for number, (time_s, x, y, height) in enumerate(entry["keys"]):
            at = f"{place}.keys[{number}]"
            if not first_s <= time_s <= last_s:
                run = f"{_seconds(span[0]):g} to {_seconds(span[1] - 1):g}"
                _refuse(f"{at}[0]", f"expected a time in the run, {run} s, got {time_s:g}")
            frame = round(time_s * GRID_FPS, FRAME_DIGITS)
            if frames and frame <= frames[-1]:
                _refuse(f"{at}[0]", f"expected a time after that of the key before, got {time_s:g}")
            frames.append(frame)
            _check_window(at, (x, y, height), mode, shell)
        window = np.array([key[1:] for key in entry["keys"]], np.float64)
        return Panel(tuple(entry.get("persons", ())), CameraPath(np.array(frames), window))


def _check_window(place: str, window: tuple[float, float, float], mode: Any, shell: FramingPlan) -> None:
    """Refuse a window that is larger than the picture, next to nothing, or reaches over the picture's edge."""
    x1, y1, x2, y2 = shell.content_px
    width, height = shell.panel_size_px(mode)
    # A wide picture has the content's shape but for rounding to even sides.
    aspect = (x2 - x1) / (y2 - y1) if mode == "wide" else width / height
    most = min(y2 - y1, (x2 - x1) / aspect)
    least = min(height / MOST_ENLARGED, most)
    if not least <= window[2] <= most + BEYOND_PX:
        _refuse(f"{place}[3]", f"expected a height of {least:g} to {most:g}, the largest window, got {window[2]:g}")
    for axis, (low, high, length) in enumerate(((x1, x2, window[2] * aspect), (y1, y2, window[2]))):
        low, high = low + length / 2, max(high - length / 2, low + length / 2)
        if not low - BEYOND_PX <= window[axis] <= high + BEYOND_PX:
            wanted = f"{low:.6g} to {high:.6g}" if high - low > 2 * BEYOND_PX else f"{low:.6g}"
            name = "xy"[axis]
            _refuse(
                f"{place}[{axis + 1}]", f"expected {name} {wanted}, so that the window is inside, got {window[axis]:g}"
            )


_SHELL = Run(0, 1, "centre", (Panel((), CameraPath(np.zeros(1), np.zeros((1, 3)))),), "start", "none", None, "")


def _refuse(place: str, message: str) -> NoReturn:
    raise InputError("bad_plan", f"{place}: {message}" if place else message)


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    """Parse a number of the file; refuse those beyond the range of a float."""
    number = float(text)
    return number if math.isfinite(number) else _not_a_number(text)


def _whole(text: str) -> int:
    """Parse a whole number of the file; refuse those that no float holds."""
    return int(text) if re.fullmatch(r"-?\d{1,15}", text) else _not_a_number(text[:40])


@functools.cache
def _validator() -> Draft202012Validator:
    schema = json.loads(Path(__file__).with_name("reframe.schema.json").read_bytes())
    return Draft202012Validator(schema)
