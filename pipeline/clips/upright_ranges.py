"""Upright videos of ranges: which there are, their names, and the list of them that is left beside them.

A range whose video lies there already, made of the same, is not made again: the list is written after each.
"""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.framing.plan import FramingPlan
from pipeline.framing.ranges import RangeRules, RefusedRange, SnappedRange, part_of_plan, snap_ranges
from pipeline.outputs.files import write_json
from pipeline.results import RANGE_NAME, RANGES, RANGES_LIST, remove_ranges
from pipeline.sources.ranges import GivenRange
from pipeline.types import GRID_FPS, Excerpt, Probe, Sentence

VERSION = 1
"""Version of the list's fields; it rises when one changes its meaning or goes away."""

PADDING_S = 0.12
"""Silence kept before the first word and after the last: that of clips, and the lead of the camera before a turn."""

MAX_NAME = 60
"""Most letters of a range's name in the name of its file."""

MAX_NAME_BYTES = 200
"""Most bytes of them: file systems take names of 255."""

CAPTIONS_SUFFIX = ".ass"

SHOWN = 8
"""Notes on ranges that are listed one by one; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Notes for people on an upright video that was written."""

    notes: tuple[str, ...]
    """On the video: its sound is encoded anew."""
    remarks: tuple[str, ...] = ()
    """On its captions."""


Render = Callable[[Probe, FramingPlan, Path, Path, Callable[[float], None]], Rendered]
"""Writes the upright video of a part of a source by its plan, and its captions, to two paths; tells the seconds
done."""


def reframe_ranges(
    probe: Probe,
    plan: FramingPlan,
    sentences: Sequence[Sentence] | None,
    ranges: Sequence[GivenRange],
    folder: Path,
    render: Render,
    *,
    shot_starts: Sequence[int] = (),
    min_length_s: float = 0.0,
    max_length_s: float = 0.0,
    captions: bool = False,
    fingerprint: str = "",
    anew: bool = False,
    on_seconds: Callable[[float, float], None] = lambda done_s, total_s: None,
) -> tuple[str, ...]:
    """Write an upright video of each range into the *folder* of a video's results, and the list of them.

    Args:
        probe: the source.
        plan: framing of all of it, or of the excerpt.
        sentences: all of it; None where nothing can be heard in it.
        ranges: as the user gives them.
        folder: of the video's results.
        render: writes one video.
        shot_starts: first grid frames of the source's shots.
        min_length_s, max_length_s: lengths allowed; 0: no limit.
        captions: True where *render* leaves captions beside each video.
        fingerprint: of what the videos are made of.
        anew: make them all, whatever lies there.
        on_seconds: told the seconds that are done, and all.

    Returns:
        Notes for people.

    Raises:
        InputError: the source cannot be read.
        ToolError: ffmpeg failed.
    """
    first, stop = plan.runs[0].first, plan.runs[-1].stop
    changes = [*shot_starts, *(run.first for run in plan.runs)]
    rules = RangeRules(PADDING_S, min_length_s, max_length_s)
    snapped = snap_ranges(ranges, sentences, first=first, stop=stop, changes=changes, rules=rules)
    entries = [_entry(number, each, captions) for number, each in enumerate(snapped, 1)]
    home = folder / RANGES
    kept = [] if anew else _made_already(home, fingerprint, entries)
    remove_ranges(folder, {name for entry in kept for name in _files(entry)})
    total_s = sum(each.stop - each.first for each in snapped if isinstance(each, SnappedRange)) / GRID_FPS
    done, done_s, remarks = {entry["number"] for entry in kept}, 0.0, dict[str, None]()

    def write_list() -> None:
        listed = [each for each in entries if "file" not in each or each["number"] in done]
        write_json(home / RANGES_LIST, {"version": VERSION, "fingerprint": fingerprint, "ranges": listed})

    write_list()
    for entry, each in zip(entries, snapped, strict=True):
        if not isinstance(each, SnappedRange):
            continue
        if entry["number"] not in done:
            part = dataclasses.replace(probe, excerpt=Excerpt(each.first, each.stop))
            path = home / entry["file"]
            made = render(
                part,
                part_of_plan(plan, each.first, each.stop),
                path,
                path.with_suffix(CAPTIONS_SUFFIX),
                lambda seconds, before_s=done_s: on_seconds(min(before_s + seconds, total_s), total_s),
            )
            remarks |= dict.fromkeys(made.remarks)
            done.add(entry["number"])
            write_list()
        done_s += (each.stop - each.first) / GRID_FPS
        on_seconds(done_s, total_s)
    return (*_notes(snapped), *(f"{RANGES}/: {remark}" for remark in remarks))


def ranges_whole(folder: Path) -> bool:
    """Return True where every video of the list in the *folder* of a video's results lies there."""
    home = folder / RANGES
    content = _read_list(home)
    if content is None:
        return False
    return all((home / name).is_file() for entry in content["ranges"] for name in _files(entry))


def _files(entry: dict[str, Any]) -> list[str]:
    """Return the names of a range's files."""
    return [entry[kind] for kind in ("file", "captions") if kind in entry]


def _entry(number: int, each: SnappedRange | RefusedRange, captions: bool) -> dict[str, Any]:
    """Return the range for the list."""
    given = each.given
    entry: dict[str, Any] = {
        "number": number,
        "name": given.name,
        "place": given.place,
        "given": [round(given.start_s, 6), round(given.end_s, 6)],
    }
    if isinstance(each, RefusedRange):
        return {**entry, "reason_code": each.reason_code, "message": each.message}
    name = _file_name(number, given.name)
    if captions:
        entry["captions"] = str(Path(name).with_suffix(CAPTIONS_SUFFIX))
    note = {"note": each.note} if each.note else {}
    return {**entry, "start": each.first / GRID_FPS, "end": each.stop / GRID_FPS, "file": name, **note}


def _made_already(home: Path, fingerprint: str, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those of *entries* whose videos an earlier attempt has made of the same."""
    content = _read_list(home)
    if content is None or not fingerprint or content.get("fingerprint") != fingerprint:
        return []
    listed = content["ranges"]
    made = [entry for entry in entries if "file" in entry and entry in listed]
    return [entry for entry in made if all((home / name).is_file() for name in _files(entry))]


def _read_list(home: Path) -> dict[str, Any] | None:
    """Return the content of the list in a folder; None where there is none of ours."""
    try:
        content = json.loads((home / RANGES_LIST).read_bytes())
        files = [name for entry in content["ranges"] for name in _files(entry)]
        ours = content["version"] == VERSION and all(RANGE_NAME.fullmatch(name) for name in files)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return content if ours else None


def _file_name(number: int, name: str) -> str:
    """Return the name of a range's file: letters, digits and ``-`` of its own name behind its number."""
    kept = "".join(char if _is_plain(char) else "_" for char in unicodedata.normalize("NFC", name)[:MAX_NAME])
    plain = "_".join(filter(None, kept.split("_"))).encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    return f"{number:03d}_{plain}.mp4" if plain else f"{number:03d}.mp4"


def _is_plain(char: str) -> bool:
    """Return True for letters, their marks, digits and ``-``."""
    return char == "-" or unicodedata.category(char)[0] in "LMN"


def _notes(snapped: Sequence[SnappedRange | RefusedRange]) -> Iterator[str]:
    """Yield remarks for people: how many ranges there are, and those that gave nothing or something else."""
    made = sum(isinstance(each, SnappedRange) for each in snapped)
    yield f"{RANGES}/: {made} of {len(snapped)} ranges were written"
    told = [text for number, each in enumerate(snapped, 1) if (text := _note(number, each))]
    yield from told[:SHOWN]
    if len(told) > SHOWN:
        yield f"{len(told) - SHOWN} more ranges were changed or left out: {RANGES}/{RANGES_LIST} says why"


def _note(number: int, each: SnappedRange | RefusedRange) -> str:
    named = f"range {number} ({', '.join(filter(None, [each.given.name, each.given.place]))})"
    if isinstance(each, RefusedRange):
        return f"{named} gives nothing: {each.message}"
    return f"{named}: {each.note}" if each.note else ""
