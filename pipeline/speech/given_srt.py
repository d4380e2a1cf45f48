"""SubRip subtitles of the user's: what can be mended in them is, and told with the line of the file."""

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
"""Characters of one subtitle: patterns that look for styles in it take the square of its length."""

READ_S_PER_LETTER = 0.08
"""Time that a cue without a usable end gets for each letter, as far as the next cue leaves it room."""

MIN_CUE_S = 0.5

_ARROW = re.compile(r"\d\s*-->\s*[\d-]")
"""Marks a line of times."""

_LOOSE = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,:](\d{1,3}))?")
"""A time that lacks its hours or its milliseconds, or has them behind another sign."""

_NUMBER = re.compile(r"\s*\d*\s*")
"""The line above the times of a cue: its number, or nothing."""


@dataclass(frozen=True, slots=True)
class GivenCue:
    """One subtitle as the file has it, its times in order."""

    line: int
    """Line of its times in the file, from 1."""
    start_s: float
    end_s: float
    text: str
    """Without styles."""


def read_srt(text: str, repairs: Repairs) -> Iterator[GivenCue]:
    """Read the cues of a SubRip file, in its order.

    Times in loose form are read. A cue that ends before it begins has the two exchanged where that fits between its
    neighbours, else it gets the time to the next cue. Cues whose times cannot be read are left out.

    Args:
        text: of the file.
        repairs: is told what was mended, and what was left out.

    Raises:
        InputError: ``bad_transcript`` when a cue is longer than any subtitle.
    """
    mended, lines = _mended(text, repairs)
    _check_lengths(mended, lines)
    cues = list(pysubs2.SSAFile.from_string(mended, format_="srt"))
    places = lines if len(lines) == len(cues) else list(range(1, len(cues) + 1))
    starts_s = [cue.start / 1000 for cue in cues]
    for number, (cue, line) in enumerate(zip(cues, places, strict=True)):
        start_s, end_s = starts_s[number], cue.end / 1000
        if end_s < start_s:
            before_s = starts_s[number - 1] if number else 0.0
            after_s = starts_s[number + 1] if number + 1 < len(cues) else math.inf
            span = _in_order(start_s, end_s, before_s, after_s, len(cue.plaintext))
            wrong = f"the cue ends at {end_s:g} s, before it begins at {start_s:g} s"
            if span is None:
                repairs.add(f"line {line}", f"{wrong}; it was left out")
                continue
            how = "the two were exchanged" if span == (end_s, start_s) else f"it was given {span[0]:g} to {span[1]:g} s"
            repairs.add(f"line {line}", f"{wrong}; {how}")
            start_s, end_s = span
        yield GivenCue(line, start_s, end_s, cue.plaintext)


def _in_order(
    start_s: float, end_s: float, before_s: float, after_s: float, letters: int
) -> tuple[float, float] | None:
    """Return the times of a cue that ends before it begins; None where there is no room for it."""
    if before_s <= end_s and start_s <= after_s:
        return end_s, start_s
    if after_s > start_s:
        return start_s, min(after_s, start_s + max(MIN_CUE_S, READ_S_PER_LETTER * letters))
    return None


def _mended(text: str, repairs: Repairs) -> tuple[str, list[int]]:
    """Return the text with every line of times as pysubs2 reads it, and the number of each of these lines."""
    lines = re.split(r"\r\n|\r|\n", text)
    found: list[int] = []
    dropping = False
    for index, line in enumerate(lines):
        if not _ARROW.search(line):
            dropping = dropping and bool(line.strip())
            if dropping:
                lines[index] = ""
            continue
        dropping = False
        if len(TIMESTAMP.findall(line)) == 2:
            found.append(index + 1)
        elif index and not _NUMBER.fullmatch(lines[index - 1]):
            lines[index] = line.replace("-->", "->")  # spoken text
        elif (times := _loose(line)) is not None:
            repairs.add(f"line {index + 1}", f"{line.strip()[:60]!r} was read as {times}")
            lines[index] = times
            found.append(index + 1)
        else:
            repairs.add(f"line {index + 1}", f"{line.strip()[:60]!r} holds no times; its cue was left out")
            lines[index], dropping = "", True
            if index:
                lines[index - 1] = ""
    return "\n".join(lines), found


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
