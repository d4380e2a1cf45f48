"""Contact sheets, one per person: faces over time side by side, so that a wrong identity is seen at a glance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.outputs.files import atomic_path
from pipeline.outputs.pages import clock
from pipeline.results import SHEET_NAME, SHEETS
from pipeline.types import GRID_FPS, ScoredTracks

MAX_FACES, MIN_FACES = 24, 6
"""Faces on a sheet; fewer than the most where a video has many persons."""

MAX_PERSONS = 60
"""Most sheets of a video: the persons longest in view get one."""

MAX_PICTURES = 240
"""Most faces of a whole video: each costs a seek and up to one group of pictures of decoding, half a second at
1080p."""

COLUMNS = 6
FACE_PX, LABEL_PX, TITLE_PX, EDGE_PX = 144, 22, 34, 6
"""Sides of a face, of the line below it, of the line on top and of the space between, in pixels."""

MARGIN = 0.35
"""Margin around a box as a share of its longer side: hair and chin tell people apart."""

BACK_BGR, INK_BGR, DIM_BGR = (34, 30, 28), (240, 240, 240), (170, 170, 170)
QUALITY = 85

Pictures = Callable[[Sequence[int]], Iterable[tuple[int, np.ndarray]]]
"""Function that yields (frame, (H, W, 3) uint8 BGR picture in source pixels) for grid frames, ascending; it may skip
some."""


def write_contact_sheets(
    folder: Path, tracks: ScoredTracks, pictures: Pictures, speakers: Mapping[int, int] | None = None
) -> dict[int, Path]:
    """Write ``persons/person_000.jpg`` and so on, one for each person, in place of those of an earlier run.

    Args:
        folder: folder of the video's results.
        tracks: faces, boxes in source pixels.
        pictures: function that yields the wanted frames.
        speakers: speaker number of the persons that speak, for the title.

    Returns:
        The sheet of each person; those without a face that could be read have none.
    """
    home = folder / SHEETS
    if home.is_dir():
        for path in home.iterdir():
            if SHEET_NAME.fullmatch(path.name):
                path.unlink()
    chosen = chosen_rows(tracks)
    wanted: dict[int, list[tuple[int, int]]] = {}
    for person, rows in chosen.items():
        for row in rows:
            wanted.setdefault(int(tracks.frame[row]), []).append((person, row))
    faces: dict[int, list[tuple[int, np.ndarray]]] = {}
    for frame, picture in pictures(sorted(wanted)):
        for person, row in wanted[frame]:
            faces.setdefault(person, []).append((row, face_of(picture, tracks.box_px[row])))
    written = {}
    for person, found in sorted(faces.items()):
        path = home / f"person_{person:03d}.jpg"
        title = title_of(tracks, person, (speakers or {}).get(person))
        labels = [f"{clock(tracks.frame[row] / GRID_FPS, 1)}  #{tracks.track[row]}" for row, _ in found]
        _done, encoded = cv2.imencode(
            ".jpg", sheet([face for _, face in found], labels, title), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        )
        with atomic_path(path) as partial:
            partial.write_bytes(encoded.tobytes())
        written[person] = path
    return written


def chosen_rows(tracks: ScoredTracks) -> dict[int, list[int]]:
    """Return the rows of *tracks* whose faces are shown, per person, in order of time: spread evenly over the time in
    view."""
    persons, counts = np.unique(tracks.person, return_counts=True)
    longest = np.argsort(-counts, kind="stable")[:MAX_PERSONS]
    most = min(max(MAX_PICTURES // max(len(longest), 1), MIN_FACES), MAX_FACES)
    chosen = {}
    for person in sorted(persons[longest].tolist()):
        rows = np.flatnonzero(tracks.person == person)
        rows = rows[np.argsort(tracks.frame[rows], kind="stable")]
        count = min(most, len(rows))
        at = ((np.arange(count) + 0.5) * len(rows) / count).astype(int)
        chosen[person] = rows[at].tolist()
    return chosen


def face_of(picture: np.ndarray, box_px: np.ndarray) -> np.ndarray:
    """Cut the square around *box_px*, (4,) x1, y1, x2, y2: (FACE_PX, FACE_PX, 3) uint8, black beyond the picture."""
    x1, y1, x2, y2 = (float(value) for value in box_px)
    half = max(x2 - x1, y2 - y1, 2.0) * (0.5 + MARGIN)
    left, top = (x1 + x2) / 2 - half, (y1 + y2) / 2 - half
    scale = FACE_PX / (2 * half)
    height, width = picture.shape[:2]
    inside = [max(int(left), 0), max(int(top), 0), min(int(left + 2 * half) + 1, width)]
    inside.append(min(int(top + 2 * half) + 1, height))
    face = np.zeros((FACE_PX, FACE_PX, 3), np.uint8)
    if inside[2] <= inside[0] or inside[3] <= inside[1]:
        return face
    part = picture[inside[1] : inside[3], inside[0] : inside[2]]
    # Area interpolation has no border handling in warpAffine: shrink first, then place.
    if scale < 1:
        size = max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1)
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        placed, shift = 1.0, ((inside[0] - left) * scale, (inside[1] - top) * scale)
    else:
        placed, shift = scale, ((inside[0] - left) * scale, (inside[1] - top) * scale)
    matrix = np.array([[placed, 0, shift[0]], [0, placed, shift[1]]], np.float32)
    return cv2.warpAffine(part, matrix, (FACE_PX, FACE_PX), flags=cv2.INTER_LINEAR)


def title_of(tracks: ScoredTracks, person: int, speaker: int | None) -> str:
    """Return number, speaker, time in view and number of tracks of a person."""
    rows = tracks.person == person
    count = len(np.unique(tracks.track[rows]))
    who = f"Person {person}" + (f", speaker {speaker}" if speaker is not None else "")
    view = clock(int(rows.sum()) / GRID_FPS)
    return f"{who}: {view} in view, {count} track{'s' if count != 1 else ''} (#)"


def sheet(faces: Sequence[np.ndarray], labels: Sequence[str], title: str) -> np.ndarray:
    """Draw *faces* in rows of `COLUMNS`, each with its label below, under *title*: (H, W, 3) uint8 BGR.

    Only ASCII can be drawn; other letters become question marks.
    """
    columns = COLUMNS
    rows = -(-len(faces) // columns)
    cell, line = FACE_PX + EDGE_PX, FACE_PX + LABEL_PX + EDGE_PX
    picture = np.empty((TITLE_PX + rows * line, columns * cell + EDGE_PX, 3), np.uint8)
    picture[:] = BACK_BGR
    _write(picture, title, (EDGE_PX + 2, 23), 0.6, INK_BGR)
    for i, (face, label) in enumerate(zip(faces, labels, strict=True)):
        left, top = EDGE_PX + i % columns * cell, TITLE_PX + i // columns * line
        picture[top : top + FACE_PX, left : left + FACE_PX] = face
        _write(picture, label, (left + 2, top + FACE_PX + 15), 0.42, DIM_BGR)
    return picture


def _write(picture: np.ndarray, text: str, at: tuple[int, int], size: float, colour: tuple[int, int, int]) -> None:
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(picture, plain, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
