"""Ranges that the user gives: the parts of a video that are wanted, as CSV, JSON, SubRip or CMX3600 edit decision list.

    CSV   columns start, end and name in any order below a header with these names; without a header start, end[, name]
    JSON  [{"start": 12.5, "end": "1:02.25", "name": "opening"}, ...], also as {"clips": [...]}; other names are ignored
    SRT   the span of each cue; its text does not count
    EDL   source in and out of each event of the picture; ``FROM CLIP NAME`` names it

Times are seconds, ``M:SS``, ``H:MM:SS`` (both with decimals) or SMPTE ``HH:MM:SS:FF`` at the source's rate, with ``;``
before the frames where frame numbers are dropped. They count from the first video frame, those of SubRip from the start
of the file, where players begin to count.

The files come from outside. Whatever is in them, the result is ranges or an `InputError` with the place.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from pipeline.errors import InputError

SUFFIXES = (".csv", ".json", ".srt", ".edl")
"""Kinds of files, by the ends of their names."""

MAX_BYTES = 2 * 2**20
"""Greater files are refused before they are read. A fingerprint counts the whole of such a file."""

MAX_RANGES = 2000
"""Most ranges of one file: each becomes a video."""

MAX_NAME = 200
"""Most characters of a name that are kept."""

LATEST_S = 1_000_000
"""Times beyond eleven days are a mistake of unit."""

ANY_RATE = Fraction(1000)
"""Rate at which each time code is one, for a check of a file before its video is opened."""

SEPARATORS = ";\t,"
"""Between columns of a CSV: the first of these that its first line has."""

_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_CLOCK = re.compile(r"(?:([0-9]{1,3}):)?([0-9]{1,3}):([0-9]{2}(?:[.,][0-9]{1,9})?)")
_TIMECODE = re.compile(r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})([:;])([0-9]{1,3})")
_EVENT = re.compile(
    r"[0-9]+\s+(\S+)\s+(\S+)\s+[A-Z][A-Z0-9]*(?:\s+[0-9]+)?"  # number, reel, track, transition and its length
    r"((?:\s+[0-9]{1,2}(?:[:;.][0-9]{2,3}){3}){4})\s*"  # source in and out, record in and out
)
_LOOKS_LIKE_EVENT = re.compile(r"[0-9]+\s+\S+\s+\S+\s+[CDKW]")
_CLIP_NAME = re.compile(r"\*\s*FROM CLIP NAME:\s*(.*)", re.IGNORECASE)

_BLACK = "BL"
"""Reel of an event that shows no source."""


@dataclass(frozen=True, slots=True)
class GivenRange:
    """A part of a video, as the user gives it."""

    start_s: float
    """Start in seconds after the first video frame; may lie before it."""
    end_s: float
    """After the start."""
    name: str
    """Empty where it has none."""
    place: str
    """Place in the file, for people."""


def read_ranges(path: Path, rate: Fraction, lead_s: float = 0.0) -> tuple[GivenRange, ...]:
    """Read the ranges of a file, in its order.

    Args:
        path: its ending tells its kind.
        rate: frames a second of the source, for time codes.
        lead_s: seconds from the start of the file to the first video frame, for SubRip.

    Raises:
        InputError: ``bad_ranges`` with file, place and what would be right.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError("bad_ranges", f"cannot be read: {reason}", path) from error
    if len(content) > MAX_BYTES:
        raise InputError("bad_ranges", f"is larger than {MAX_BYTES} bytes: no list of ranges is", path)
    try:
        return parse_ranges(content, path.suffix.lower(), rate, lead_s)
    except InputError as error:
        raise InputError(error.reason_code, error.message, path) from error


def parse_ranges(content: bytes, suffix: str, rate: Fraction, lead_s: float = 0.0) -> tuple[GivenRange, ...]:
    """Return the ranges in the bytes of a file whose name ends with *suffix*. See `read_ranges`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _refuse(f"line {line}", "is no text in UTF-8")
    readers = {".csv": _read_csv, ".json": _read_json, ".srt": _read_srt, ".edl": _read_edl}
    if suffix not in readers:
        _refuse("", f"has a name that ends with {suffix or 'nothing'!r}; expected {', '.join(SUFFIXES)}")
    found: list[GivenRange] = []
    for each in readers[suffix](text, rate):
        if not each.start_s < each.end_s:
            _refuse(each.place, f"expected an end after the start, {each.start_s:g} s, got {each.end_s:g} s")
        if len(found) == MAX_RANGES:
            _refuse(each.place, f"more than {MAX_RANGES} ranges")
        shift_s = lead_s if suffix == ".srt" else 0.0
        name = " ".join(each.name.split())[:MAX_NAME]
        found.append(GivenRange(each.start_s - shift_s, each.end_s - shift_s, name, each.place))
    if not found:
        _refuse("", "holds no range")
    return tuple(found)


def _read_csv(text: str, rate: Fraction) -> Iterator[GivenRange]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = next((each for each in SEPARATORS if each in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: list[str] | None = None
    try:
        for row in reader:
            cells, place = [cell.strip() for cell in row], f"line {reader.line_num}"
            if not any(cells):
                continue
            if columns is None:
                names = [cell.lower() for cell in cells]
                columns = names if "start" in names or "end" in names else ["start", "end", "name"]
                if missing := [name for name in ("start", "end") if columns.count(name) != 1]:
                    _refuse(place, f"expected one column {missing[0]!r} in the header")
                if columns is names:
                    continue
            values = dict(zip(columns, cells, strict=False))
            if "start" not in values or "end" not in values:
                _refuse(place, f"expected the columns {', '.join(columns)}, got {len(cells)}")
            start_s, end_s = (_time(values[name], rate, place) for name in ("start", "end"))
            yield GivenRange(start_s, end_s, values.get("name", ""), place)
    except csv.Error as error:
        _refuse(f"line {reader.line_num}", str(error))


def _read_json(text: str, rate: Fraction) -> Iterator[GivenRange]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        _refuse("", f"is not JSON: {str(error)[:200]}")
    home = ""
    if isinstance(content, dict):
        content, home = content.get("clips"), "clips"
    if not isinstance(content, list):
        _refuse(home, 'expected a list of {"start": ..., "end": ...}, or {"clips": [...]} with it')
    for number, entry in enumerate(content):
        place = f"{home}[{number}]"
        if not isinstance(entry, dict):
            _refuse(place, 'expected {"start": ..., "end": ...}')
        name = entry.get("name") or ""
        if not isinstance(name, str):
            _refuse(f"{place}.name", "expected text")
        start_s, end_s = (_json_time(entry, key, rate, place) for key in ("start", "end"))
        yield GivenRange(start_s, end_s, name, place)


def _json_time(entry: dict[str, Any], key: str, rate: Fraction, place: str) -> float:
    value, place = entry.get(key), f"{place}.{key}"
    if isinstance(value, str):
        return _time(value.strip(), rate, place)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LATEST_S:
        _refuse(place, f"expected {_times()}, got {str(value)[:40]}")
    return float(value)


def _read_srt(text: str, rate: Fraction) -> Iterator[GivenRange]:
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        sides = line.split("-->")
        if len(sides) != 2 or not re.search(r"[0-9]\s*$", sides[0]):
            continue
        place = f"line {number}"
        ends = [side.split()[0] if side.split() else "" for side in sides]
        start_s, end_s = (_time(end, rate, place) for end in ends)
        yield GivenRange(start_s, end_s, "", place)


def _read_edl(text: str, rate: Fraction) -> Iterator[GivenRange]:
    dropping = False
    seen: set[tuple[float, float]] = set()
    waiting: GivenRange | None = None
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line, place = line.strip(), f"line {number}"
        if line.upper().startswith("FCM:"):
            dropping = "NON" not in line.upper()
        elif (named := _CLIP_NAME.fullmatch(line)) and waiting is not None:
            stem = re.sub(r"\.[A-Za-z0-9]{2,4}$", "", named[1])
            waiting = GivenRange(waiting.start_s, waiting.end_s, stem, waiting.place)
        elif event := _EVENT.fullmatch(line):
            reel, track, codes = event.groups()
            start_s, end_s = (_timecode(code, rate, place, dropping) for code in codes.split()[:2])
            shows = "V" in track.upper() or track.upper() == "B"
            if reel.upper() == _BLACK or not shows or start_s == end_s or (start_s, end_s) in seen:
                continue
            if waiting is not None:
                yield waiting
            seen.add((start_s, end_s))
            waiting = GivenRange(start_s, end_s, "", place)
        elif _LOOKS_LIKE_EVENT.match(line):
            _refuse(place, "expected four time codes HH:MM:SS:FF after the transition of the event")
    if waiting is not None:
        yield waiting


def _time(text: str, rate: Fraction, place: str) -> float:
    """Return seconds of a time in any of the notations."""
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    elif clock := _CLOCK.fullmatch(text):
        hours, minutes, rest = int(clock[1] or 0), int(clock[2]), float(clock[3].replace(",", "."))
        if rest >= 60 or (clock[1] and minutes >= 60):
            _refuse(place, f"expected minutes and seconds below 60, got {text}")
        seconds = hours * 3600 + minutes * 60 + rest
    elif _TIMECODE.fullmatch(text):
        return _timecode(text, rate, place)
    else:
        _refuse(place, f"expected {_times()}, got {text[:40]!r}")
    if seconds > LATEST_S:
        _refuse(place, f"expected seconds up to {LATEST_S}, got {text[:40]}")
    return seconds


def _timecode(text: str, rate: Fraction, place: str, dropping: bool = False) -> float:
    """Return seconds of an SMPTE time code (SMPTE 12M). Where numbers are dropped, each minute lacks its first two
    numbers for every 30 frames, but for each tenth minute."""
    code = _TIMECODE.fullmatch(text)
    whole = round(rate)
    if code is None or int(code[2]) >= 60 or int(code[3]) >= 60 or int(code[5]) >= whole:
        _refuse(place, f"expected a time code HH:MM:SS:FF with frames below {whole}, got {text[:40]!r}")
    hours, minutes, seconds, frames = (int(code[part]) for part in (1, 2, 3, 5))
    minutes += 60 * hours
    count = (minutes * 60 + seconds) * whole + frames
    if (dropping or code[4] == ";") and whole % 30 == 0:
        count -= whole // 15 * (minutes - minutes // 10)
    return float(count / rate)


def _times() -> str:
    return "seconds, M:SS, H:MM:SS or HH:MM:SS:FF"


def _refuse(place: str, message: str) -> NoReturn:
    raise InputError("bad_ranges", f"{place}: {message}" if place else message)
