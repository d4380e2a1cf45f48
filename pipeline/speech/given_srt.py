"""Reader of the user's SubRip subtitles: faults are mended where possible, and noted with the line of the file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pysubs2
from pysubs2.time import TIMESTAMP

from pipeline.errors import InputError
from pipeline.speech.repairs import Repairs

LONGEST_CUE = 10_000
"""Most characters of one subtitle: patterns that look for styles in it take the square of its length."""

READ_S_PER_LETTER = 0.08
"""Time that a cue without a usable end gets for each letter, as far as the next cue leaves it room."""

MIN_CUE_S = 0.5

LONGEST_TO_NEXT_S = 7.0
"""Most seconds to the next cue for a cue without a usable end to last until then: few subtitles are shown longer."""

LONGEST_EXCHANGED_S = 20.0
"""Longest cue after its times are exchanged: in a longer one, one of the two is wrong in itself."""

_ARROW = re.compile(r"\d\s*-->\s*[\d-]")
"""Pattern that marks a line of times."""

_LOOSE = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,:](\d{1,3}))?")
"""Pattern of a time that may lack its hours or milliseconds, or have them behind another sign."""

_OPEN = re.compile(r"\s*(\d{1,3}:\d{1,2}:\d{1,2}(?:[.,:]\d{1,3})?)\s*(?:[-\u2013\u2014]*>|\u2192)?\s*")
"""Pattern of a line of times that lacks the second time."""

_BEFORE_ZERO = re.compile(r"(?<![-\d])-\s*(?=\d+:)[\d:.,]+")
"""Pattern of a time before the beginning."""

_ZERO = "00:00:00,000"

_ZOOM_TAG = re.compile(r"<\s*/?\s*zoom\b(?:[^<>\\\n]*>|(?:\s*=\s*[^\s<>\\]*)?)", re.IGNORECASE)
"""Pattern of a tag for the camera; one without an end reaches to the next space."""

_NUMBER = re.compile(r"\s*\d*\s*")
"""Pattern of the line above the times of a cue: its number, or nothing."""


@dataclass(frozen=True, slots=True)
class GivenCue:
    """Subtitle of the file, its times in order."""

    line: int
    """Line of its times in the file, from 1."""
    start_s: float
    end_s: float
    text: str
    """Text without styles and tags."""
    zoom_tags: tuple[str, ...] = ()
    """Tags of `pipeline.framing.zoom` in the cue, such as ``<zoom=1.25>``; those without an end, too."""


def read_srt(text: str, repairs: Repairs) -> Iterator[GivenCue]:
    """Read the cues of a SubRip file, in its order.

    Times in loose form are read, those before the beginning as the beginning. A cue that ends before it begins has the
    two exchanged where that fits between its neighbours, else it gets the time to the next cue, as does one that has no
    end. Cues whose times cannot be read are left out.

    Args:
        text: content of the file.
        repairs: collects what is mended or left out.

    Raises:
        InputError: ``bad_transcript``: a cue is longer than any subtitle.
    """
    mended, lines, open_lines = _mended(text, repairs)
    _check_lengths(mended, lines)
    cues = list(pysubs2.SSAFile.from_string(mended, format_="srt"))
    tags = _zoom_tags(mended, len(cues))
    places = lines if len(lines) == len(cues) else list(range(1, len(cues) + 1))
    starts_s = [cue.start / 1000 for cue in cues]
    for number, (cue, line) in enumerate(zip(cues, places, strict=True)):
        start_s, end_s = starts_s[number], cue.end / 1000
        before_s = starts_s[number - 1] if number else 0.0
        after_s = starts_s[number + 1] if number + 1 < len(cues) else math.inf
        if line in open_lines:
            end_s = end_of(start_s, after_s, len(cue.plaintext))
            repairs.add(f"line {line}", f"the cue has no end; it was given {start_s:g} to {end_s:g} s")
        elif end_s < start_s:
            span = _in_order(start_s, end_s, before_s, after_s, len(cue.plaintext))
            how = "the two were exchanged" if span == (end_s, start_s) else f"it was given {span[0]:g} to {span[1]:g} s"
            repairs.add(f"line {line}", f"the cue ends at {end_s:g} s, before it begins at {start_s:g} s; {how}")
            start_s, end_s = span
        text = _ZOOM_TAG.sub("", cue.plaintext) if tags[number] else cue.plaintext
        yield GivenCue(line, start_s, end_s, text, tags[number])


def _zoom_tags(mended: str, count: int) -> list[tuple[str, ...]]:
    """Return the tags for the camera in each of *count* cues."""
    if not _ZOOM_TAG.search(mended):
        return [()] * count
    cues = pysubs2.SSAFile.from_string(mended, format_="srt", keep_unknown_html_tags=True)
    return [tuple(_ZOOM_TAG.findall(cue.text)) for cue in cues]


def end_of(start_s: float, after_s: float, letters: int) -> float:
    """Return the end of a cue of which only the start is known.

    Args:
        start_s: its start.
        after_s: start of the next one; infinity without one.
        letters: number of letters of its text.
    """
    if start_s < after_s <= start_s + LONGEST_TO_NEXT_S:
        return after_s
    return start_s + min(max(MIN_CUE_S, READ_S_PER_LETTER * letters), LONGEST_TO_NEXT_S)


def _in_order(start_s: float, end_s: float, before_s: float, after_s: float, letters: int) -> tuple[float, float]:
    """Return the times of a cue that ends before it begins: exchanged where that fits between its neighbours, or where
    nothing else does."""
    is_cue = start_s - end_s <= LONGEST_EXCHANGED_S
    if is_cue and ((before_s <= end_s and start_s <= after_s) or after_s <= start_s):
        return end_s, start_s
    return start_s, end_of(start_s, after_s, letters)


def _mended(text: str, repairs: Repairs) -> tuple[str, list[int], set[int]]:
    """Return the text with every line of times as pysubs2 reads it, the number of each of these lines, and the numbers
    of those that have no end."""
    lines = re.split(r"\r\n|\r|\n", text)
    found: list[int] = []
    without_end: set[int] = set()
    dropping = False
    for index, line in enumerate(lines):
        follows_number = not index or _NUMBER.fullmatch(lines[index - 1])
        open_time = _OPEN.fullmatch(line) if follows_number else None
        if open_time is not None:
            line = f"{open_time[1]} --> {open_time[1]}"
            without_end.add(index + 1)
        has_times = len(TIMESTAMP.findall(line)) == 2
        if not has_times and not _ARROW.search(line):
            dropping = dropping and bool(line.strip())
            if dropping:
                lines[index] = ""
            continue
        dropping = False
        shown = line.strip()[:60]
        if has_times:
            if _BEFORE_ZERO.search(line):
                line = _BEFORE_ZERO.sub(_ZERO, line)
                repairs.add(f"line {index + 1}", f"{shown!r} was read as {line.strip()[:60]}")
            lines[index] = line
            found.append(index + 1)
        elif not follows_number:
            lines[index] = line.replace("-->", "->")  # spoken text
        elif (times := _loose(line)) is not None:
            if open_time is None:
                repairs.add(f"line {index + 1}", f"{shown!r} was read as {times}")
            lines[index] = times
            found.append(index + 1)
        else:
            repairs.add(f"line {index + 1}", f"{shown!r} holds no times; its cue was left out")
            lines[index], dropping = "", True
            if index:
                lines[index - 1] = ""
    return "\n".join(lines), found, without_end


def _loose(line: str) -> str | None:
    """Return a line of times in SubRip's own form; None where it holds no two times."""
    sides = line.split("-->")
    times = [_LOOSE.search(side) for side in sides]
    if len(sides) != 2 or times[0] is None or times[1] is None or "-" in sides[1].strip()[:1]:
        return None
    told = []
    for time in times:
        assert time is not None
        hours, minutes, seconds = (int(part or 0) for part in time.groups()[:3])
        told.append(f"{hours:02d}:{minutes:02d}:{seconds:02d},{(time[4] or '0').ljust(3, '0')}")
    return " --> ".join(told)


def _check_lengths(text: str, lines: list[int]) -> None:
    """Refuse a cue that is too long to be one."""
    at, length, begins = 0, 0, set(lines)
    for number, line in enumerate(text.split("\n"), 1):
        if number in begins:
            at, length = number, 0
        elif at:
            length += len(line) + 1
            if length > LONGEST_CUE:
                raise InputError("bad_transcript", f"line {at}: the cue has more than {LONGEST_CUE} characters")
