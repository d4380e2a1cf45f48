"""Zooms that the user asks for by tags in the cues of his subtitles: ``<zoom>`` and ``<zoom=1.25>``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.speech.given import read_text
from pipeline.speech.given_srt import read_srt
from pipeline.speech.repairs import Repairs

DEFAULT_FACTOR = 1.1
"""Factor of ``<zoom>``: that of ClipPeak, from which the tag comes."""

MAX_FACTOR = 4.0

JOINED_S = 0.6
"""Pause between two zooms of the same factor in which the camera stays: it could only go out and in again."""

_TAG = re.compile(r"<\s*(/?)\s*zoom\s*(=?)\s*([^<>]*?)\s*(>?)", re.IGNORECASE)
"""Pattern of a tag as `pipeline.speech.given_srt` hands it out: a value is what follows the sign of equality."""


@dataclass(frozen=True, slots=True)
class Zoom:
    """Zoom of one cue. Times are seconds after the first video frame."""

    start_s: float
    end_s: float
    factor: float
    """Above 1: how many times the picture is enlarged."""


@dataclass(frozen=True, slots=True)
class ZoomTags:
    """Zooms of a file, and what is wrong with its other tags."""

    zooms: tuple[Zoom, ...] = ()
    """In order of time; none overlaps another."""
    notes: tuple[str, ...] = ()


def zooms_of(path: Path | None, container_start_s: float = 0.0) -> ZoomTags:
    """Return the zooms that the cues of a SubRip file ask for; none of other files.

    Of several good tags of a cue the first counts. Wrong ones are left out, and noted.

    Args:
        path: the user's own transcript; None where there is none.
        container_start_s: start of the video's container, from which subtitles count, after the first video frame.

    Raises:
        InputError: ``bad_transcript``: the file cannot be read.
    """
    if path is None or path.suffix.lower() != ".srt":
        return ZoomTags()
    found: list[Zoom] = []
    wrong = Repairs()
    for cue in read_srt(read_text(path), Repairs()):
        factors = [factor_of(tag) for tag in cue.zoom_tags if not tag.lstrip("< ").startswith("/")]
        for tag, factor in zip(cue.zoom_tags, factors, strict=False):
            if factor is None:
                wanted = f"a factor above 1 and up to {MAX_FACTOR:g}, such as <zoom=1.25>"
                wrong.add(f"line {cue.line}", f"{tag[:40]!r}: expected {wanted}; the tag was left out")
        good = [factor for factor in factors if factor is not None]
        if good and cue.end_s > cue.start_s:
            found.append(Zoom(cue.start_s + container_start_s, cue.end_s + container_start_s, good[0]))
    return ZoomTags(_apart(found), wrong.notes(path.name))


def factor_of(tag: str) -> float | None:
    """Return the factor of an opening tag; None where it is wrong."""
    match = _TAG.fullmatch(tag.strip())
    if match is None or not match[4] or bool(match[2]) != bool(match[3]):
        return None
    if not match[2]:
        return DEFAULT_FACTOR
    text = match[3].strip("\"' ").replace(",", ".").lower()
    percent = text.endswith("%")
    try:
        factor = float(text.rstrip("%x ")) / (100 if percent else 1)
    except ValueError:
        return None
    return factor if math.isfinite(factor) and 1 < factor <= MAX_FACTOR else None


def _apart(zooms: list[Zoom]) -> tuple[Zoom, ...]:
    """Return the zooms in order of time. One ends where the next begins; neighbours of one factor are one."""
    done: list[Zoom] = []
    for zoom in sorted(zooms, key=lambda each: each.start_s):
        last = done[-1] if done else None
        if last is not None and last.factor == zoom.factor and zoom.start_s - last.end_s < JOINED_S:
            done[-1] = Zoom(last.start_s, max(last.end_s, zoom.end_s), zoom.factor)
            continue
        if last is not None and last.end_s > zoom.start_s:
            done[-1] = Zoom(last.start_s, zoom.start_s, last.factor)
        done.append(zoom)
    return tuple(zoom for zoom in done if zoom.end_s > zoom.start_s)
