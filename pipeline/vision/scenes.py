"""Shots that the user gives: the table that PySceneDetect's ``list-scenes`` writes, in the place of a shot detector.

The file comes from outside. Whatever is in it, the result is a list of frames or an `InputError` that names the line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

import numpy as np

from pipeline.errors import InputError
from pipeline.types import GRID_FPS

MAX_BYTES = 16 * 2**20
"""Greater files are refused before they are read: a scene takes about 100 bytes."""

MAX_SCENES = 150_000
"""A day of scenes of half a second."""

LATEST_S = 1_000_000
"""Times beyond eleven days are a mistake of unit."""

ROUNDING_S = Fraction(1, 1000)
"""Times in the file are rounded to this: neighbours may overlap by it."""

FIRST_COLUMN, START_COLUMN, END_COLUMN = "Scene Number", "Start Time (seconds)", "End Time (seconds)"
"""Of the header, as PySceneDetect 0.5 to 0.7 name them."""

SEPARATORS = ",;\t|"
"""Between columns: the usual one, and what else people give ``--col-separator``."""

_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


class GivenShots:
    """Shots whose first frames are given, with the interface of `pipeline.vision.shots.ShotFinder`.

    Args:
        starts: first grid frame of each shot, ascending.
    """

    lag = 0
    """A cut is known as soon as its frame has been pushed."""

    def __init__(self, starts: Iterable[int]) -> None:
        self._starts = frozenset(starts) - {0}

    def push(self, frame: int, picture: np.ndarray) -> list[int]:
        """Return the frame of this picture if a shot begins with it."""
        return [frame] if frame in self._starts else []

    def finish(self) -> list[int]:
        """Return nothing: every shot was told with its first picture."""
        return []


def read_scenes(path: Path, duration_s: float = 0.0) -> tuple[int, ...]:
    """Read the first grid frame of each shot; the first is 0.

    Cuts are taken by their time in seconds, which is measured from the first video frame: frame numbers of the file
    count the source's frames, which are no clock. A scene begins with the first frame of the 25 fps grid that shows it,
    those that none shows are left out. Where scenes were dropped from the list, what lies between two others is a shot
    of its own; a list without scenes is one shot. Scenes are never split, however long.

    Args:
        path: as ``scenedetect ... list-scenes`` of PySceneDetect 0.7 writes it, with or without the line of cuts above
            the header.
        duration_s: length of the video; 0 where it is not known.

    Raises:
        InputError: ``bad_scenes`` naming file and line; or most scenes begin after the end of the video.
    """
    path = Path(path)
    spans = _spans(_read_text(path), path)
    late = sum(start_s >= duration_s for start_s, _ in spans)
    if duration_s and late > len(spans) / 2:
        text = f"{late} of its {len(spans)} scenes begin after the end of the video at {duration_s:.1f} s"
        raise InputError("bad_scenes", f"{text}. Is it the list of another video?", path)
    edges_s = [edge for span in spans for edge in span][:-1]  # the end of the last is the end of the video
    return (0, *sorted({frame for edge_s in edges_s if (frame := first_showing(edge_s))}))


def first_showing(time_s: Fraction) -> int:
    """Return the first grid frame whose middle is not before *time_s*: the frame to which `pipeline.media.decode` gives
    the picture of that time."""
    return int(-((1 - 2 * time_s * GRID_FPS) // 2))


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError("bad_scenes", f"cannot be read: {reason}", path) from error
    if len(content) > MAX_BYTES:
        raise InputError("bad_scenes", f"is larger than {MAX_BYTES} bytes: no list of scenes is", path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(path, content.count(b"\n", 0, error.start) + 1, "is no text in UTF-8")


def _spans(text: str, path: Path) -> list[tuple[Fraction, Fraction]]:
    """Return the start and end of each scene in seconds, in order of time."""
    rows = _rows(text, path)
    header = _header(rows, path)
    start, end = header.index(START_COLUMN), header.index(END_COLUMN)
    spans: list[tuple[Fraction, Fraction]] = []
    for line, row in rows:
        if not any(row):
            continue
        if len(row) != len(header):
            _refuse(path, line, f"expected {len(header)} columns, got {len(row)}")
        span = _seconds(row[start], path, line), _seconds(row[end], path, line)
        if span[1] < span[0]:
            _refuse(path, line, f"the scene ends at {row[end]} s, before it begins at {row[start]} s")
        if spans and span[0] < spans[-1][1] - ROUNDING_S:
            before = float(spans[-1][1])
            _refuse(path, line, f"the scene begins at {row[start]} s, before the one above it ends at {before:g} s")
        if spans and span[0] < spans[-1][1]:
            span = spans[-1][1], max(span[1], spans[-1][1])
        if len(spans) == MAX_SCENES:
            _refuse(path, line, f"more than {MAX_SCENES} scenes")
        spans.append(span)
    return spans


def _rows(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Return the line number and stripped cells of every row."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        for row in reader:
            yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        _refuse(path, reader.line_num, str(error))


def _separator(text: str) -> str:
    """Return the character after the name of the first column; a comma where it can part no columns."""
    after = text.find(FIRST_COLUMN) + len(FIRST_COLUMN)
    found = text[after : after + 1].strip('"') if after >= len(FIRST_COLUMN) else ""
    return found if found and found in SEPARATORS else ","


def _header(rows: Iterator[tuple[int, list[str]]], path: Path) -> Sequence[str]:
    """Return the names of the columns: in the first row, or in the second below the list of cuts."""
    line = 0
    for line, row in rows:
        if row[:1] == [FIRST_COLUMN]:
            missing = [name for name in (START_COLUMN, END_COLUMN) if row.count(name) != 1]
            if missing:
                _refuse(path, line, f"expected one column {missing[0]!r} in the header")
            return row
        if line > 1:
            break
    _refuse(path, max(line, 1), f"expected a header that begins with {FIRST_COLUMN!r}, as list-scenes writes it")


def _seconds(text: str, path: Path, line: int) -> Fraction:
    if not _SECONDS.fullmatch(text) or (value := Fraction(text)) > LATEST_S:
        _refuse(path, line, f"expected seconds from 0 to {LATEST_S}, got {text[:40]!r}")
    return value


def _refuse(path: Path, line: int, message: str) -> NoReturn:
    raise InputError("bad_scenes", f"line {line}: {message}", path)
