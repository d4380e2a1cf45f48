"""Faces that the user gives: lines ``frame,x1,y1,x2,y2,conf``, as Sieve's detector takes them (``face_boxes`` of
github.com/sieve-community/fast-asd).

The file comes from outside. Whatever is in it, the result is boxes on frames or an `InputError` that names the line.
"""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NoReturn, TextIO

import numpy as np

from pipeline.errors import InputError
from pipeline.types import GRID_FPS, Probe
from pipeline.vision.given_faces import WIDEST_STEP, GivenFaces, placed, spans_of
from pipeline.vision.scenes import first_showing

MAX_BYTES = 256 * 2**20
"""Greater files are refused before they are read: a box takes about 40 bytes."""

LONGEST_LINE = 20_000
"""Characters of a line: `MAX_FACES` take less."""

MAX_LINES = MAX_BOXES = 5_000_000
"""Two faces on every frame of a day at 25 a second."""

MAX_FACES = 100
"""On one frame."""

LAST_FRAME = 10**8
"""Greater numbers are no frame of any video that is taken."""

PAST_THE_END_S = 1
"""Frames beyond the end by less than this are left out: programs differ in how they count the last ones of a file."""

OUTSIDE_SHARE = 0.5
"""Share of its own side, or of the picture's, by which a box may reach outside the picture."""

MIN_SIDE_PX = 1.0

SOURCE, GRID = "frame", "grid_frame"
"""First column of the header: numbers count the file's own pictures, or frames of the 25 fps grid."""

SIEVES_NAME = "frame_number"
"""Name of the first column with Sieve's detector; it means `SOURCE`."""

EDGES = ("x1", "y1", "x2", "y2")

CONFIDENCE = ("conf", "confidence", "score")
"""Names of the last column; it may be left out."""


def read_face_boxes(
    path: Path,
    probe: Probe,
    times: Callable[[Probe], Sequence[Fraction]],
    threshold: float | None = None,
) -> GivenFaces:
    """Read the faces in *path*.

    A line is a frame and a face on it. A frame with several faces has several lines, or one line with further groups of
    five values. A line with nothing but a frame says that it has no face. So does a frame that is not listed, unless
    the list leaves out frames at regular steps: faces are interpolated between the listed ones then.

    A first line with the names of the columns may be there. Numbers of frames count the pictures of the file from 0,
    each with its own time, whatever the rate; with ``grid_frame`` in the place of ``frame`` in that first line they
    count frames of the 25 fps grid, as in ``tracks.npz``.

    Args:
        path: the list.
        probe: the video.
        times: gives when each picture of the video comes on screen, in seconds after the first; asked where it matters.
        threshold: faces with a lower ``conf`` are left out; None: all are taken.

    Raises:
        InputError: ``bad_face_boxes`` naming file and line; or as *times*.
    """
    path = Path(path)
    listed = _read(path, probe, threshold)
    of, boxes = np.array(listed.of, np.int64), np.array(listed.edges, np.float32).reshape(-1, 4)
    if listed.counts == GRID:
        last = round(probe.duration_s * GRID_FPS) or _frames_until(times(probe))
        _check_end(listed, last, GRID_FPS, path)
        faces = placed({frame: (frame, frame + 1) for frame in listed.lines}, of, boxes)
    else:
        at_s = times(probe)
        _check_end(listed, len(at_s), probe.rate, path)
        faces = placed(spans_of(sorted(listed.lines), at_s, probe.rate), of, boxes)
    if faces.step > WIDEST_STEP:
        text = f"its frames are {faces.step} frames of 25 a second apart, and at most {WIDEST_STEP} can be bridged"
        raise InputError("bad_face_boxes", f"{text}. List more of them", path)
    return faces


@dataclass(slots=True)
class _Listed:
    """The content of the lines."""

    counts: str = SOURCE
    """Unit of the numbers of frames: `SOURCE` or `GRID`."""
    lines: dict[int, int] = field(default_factory=dict)
    """Every frame that is named, and the first line that names it."""
    of: array[int] = field(default_factory=lambda: array("q"))
    """Frame of each box."""
    edges: array[float] = field(default_factory=lambda: array("f"))
    """Four to a box."""


def _frames_until(at_s: Sequence[Fraction]) -> int:
    """Return the number of grid frames up to the last of these times."""
    return first_showing(at_s[-1]) + 1 if at_s else 0


def _check_end(listed: _Listed, count: int, rate: Fraction | int, path: Path) -> None:
    """Refuse frames that lie clearly beyond the end of a video with *count* frames, of which a second has *rate*."""
    late = next((frame for frame in listed.lines if frame >= count + PAST_THE_END_S * rate), None)
    if late is None:
        return
    if listed.counts == GRID:
        text = f"grid frame {late} is beyond the end of the video, which has {count} at 25 a second"
    else:
        text = f"frame {late} is beyond the end of the video, which has {count}. Is it the list of another video? "
        text += f"A list by the grid of 25 frames a second has {GRID!r} as the name of its first column"
    _refuse(path, listed.lines[late], text)


def _read(path: Path, probe: Probe, threshold: float | None) -> _Listed:
    listed = _Listed()
    faces_on: dict[int, int] = {}
    for number, (line, cells) in enumerate(_rows(path)):
        if number == 0 and _is_header(cells):
            listed.counts = _counts(cells, path, line)
            continue
        if number > MAX_LINES:
            _refuse(path, line, f"more than {MAX_LINES} lines")
        cells = cells if cells[-1] else cells[:-1]  # some programs end a line with a comma
        frame = _frame(cells[0], path, line)
        listed.lines.setdefault(frame, line)
        width = 4 if len(cells) == 5 else 5
        if (len(cells) - 1) % width:
            text = f"expected a frame and five values to a face ({','.join(EDGES)},conf), got {len(cells)} values"
            _refuse(path, line, text)
        for at in range(1, len(cells), width):
            values = [_number(cell, path, line) for cell in cells[at : at + width]]
            _check_box(values[:4], probe, path, line)
            if threshold is not None and width == 5 and values[4] < threshold:
                continue
            faces_on[frame] = faces_on.get(frame, 0) + 1
            if faces_on[frame] > MAX_FACES:
                _refuse(path, line, f"more than {MAX_FACES} faces on frame {frame}")
            if len(listed.of) == MAX_BOXES:
                _refuse(path, line, f"more than {MAX_BOXES} faces")
            listed.of.append(frame)
            listed.edges.extend(values[:4])
    return listed


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Return the line number and stripped cells of every row that is not empty."""
    line = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if (size := path.stat().st_size) > MAX_BYTES:
                raise InputError("bad_face_boxes", f"has {size} bytes; at most {MAX_BYTES} are read", path)
            reader = csv.reader(_lines(file, path), strict=True)
            for row in reader:
                line = reader.line_num
                if any(cells := [cell.strip() for cell in row]):
                    yield line, cells
    except csv.Error as error:
        _refuse(path, line + 1, str(error))
    except UnicodeDecodeError:
        _refuse(path, line + 1, "is no text in UTF-8, here or soon after")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError("bad_face_boxes", f"cannot be read: {reason}", path) from error


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            _refuse(path, number, f"is longer than {LONGEST_LINE} characters")
        yield line


def _is_header(cells: Sequence[str]) -> bool:
    return not any(letter.isdigit() for letter in cells[0])


def _counts(cells: Sequence[str], path: Path, line: int) -> str:
    """Return `SOURCE` or `GRID`, as the header says."""
    names = tuple(cell.lower() for cell in cells if cell)
    names = (SOURCE, *names[1:]) if names[:1] == (SIEVES_NAME,) else names
    if (
        names[:1] in ((SOURCE,), (GRID,))
        and names[1:5] == EDGES
        and names[5:] in ((), *((name,) for name in CONFIDENCE))
    ):
        return names[0]
    columns = ",".join((*EDGES, CONFIDENCE[0]))
    _refuse(path, line, f"expected the columns {SOURCE},{columns} or {GRID},{columns}, got {','.join(cells)[:80]!r}")


def _frame(text: str, path: Path, line: int) -> int:
    value = _number(text, path, line)
    if not value.is_integer() or not 0 <= value <= LAST_FRAME:
        _refuse(path, line, f"expected the number of a frame, from 0 on, got {text[:40]!r}")
    return int(value)


def _number(text: str, path: Path, line: int) -> float:
    try:
        value = float(text) if len(text) <= 40 and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        _refuse(path, line, f"expected a number, got {text[:40]!r}")
    return value


def _check_box(box: Sequence[float], probe: Probe, path: Path, line: int) -> None:
    x1, y1, x2, y2 = box
    if x2 <= x1 or y2 <= y1:
        _refuse(path, line, f"the box ends at {x2:g},{y2:g}, before it begins at {x1:g},{y1:g}")
    width, height = x2 - x1, y2 - y1
    if width < MIN_SIDE_PX or height < MIN_SIDE_PX:
        _refuse(path, line, f"the box has {width:g}x{height:g} pixels. Boxes are in pixels, not parts of the picture")
    outside = max(-x1, x2 - probe.width_px) / min(width, probe.width_px)
    outside = max(outside, max(-y1, y2 - probe.height_px) / min(height, probe.height_px))
    if outside > OUTSIDE_SHARE:
        size = f"{probe.width_px}x{probe.height_px}"
        _refuse(path, line, f"the box {x1:g},{y1:g},{x2:g},{y2:g} lies outside the picture, which is shown at {size}")


def _refuse(path: Path, line: int, message: str) -> NoReturn:
    raise InputError("bad_face_boxes", f"line {line}: {message}", path)
