"""``sieve.json``, ``sieve_raw.json`` and ``sieve_cuts.json``: frames with their faces, in the three forms of Sieve's
active speaker detection (github.com/sieve-community/fast-asd).

All are a JSON array with one frame of the 25 fps grid to a line, so that they can be read line by line too. Boxes are
whole source pixels inside the picture. A scene is ``{start_seconds, end_seconds, start_frame, end_frame,
start_timecode, end_timecode, scene_number}``: ``end_frame`` is the scene's last one, ``end_seconds`` where the next
scene begins, and scenes are counted from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.outputs.files import atomic_path, json_text
from pipeline.types import GRID_FPS, ScoredTracks

FRAMES_AT_ONCE = 100
"""Frames that are held as JSON at the same time."""

MAX_FACES = 5
"""Faces of a frame that are listed, the largest first: ``max_num_faces`` of the original."""

SCORE_DIGITS = 4


def write_sieve(folder: Path, tracks: ScoredTracks, size_px: tuple[int, int], most_faces: int = MAX_FACES) -> Path:
    """Write ``sieve.json`` into *folder*: every frame, as the original gives them with ``return_scene_data``.

    A frame is ``{frame_number, faces, related_scene}``; frames without a face are there. A face is ``{x1, y1, x2, y2,
    speaking_score, active}``: the box, the speaker model's logit, and true where that is above 0.

    Args:
        folder: made when missing.
        tracks: faces and scores.
        size_px: width and height of the picture.
        most_faces: most faces of a frame; the smaller ones are left out.
    """
    table = _Table(tracks, size_px)
    frames = (
        _frame(table, frame, scene, most_faces)
        for scene in _scenes(tracks)
        for frame in range(scene["start_frame"], scene["end_frame"] + 1)
    )
    return _write(folder / "sieve.json", frames)


def write_sieve_cuts(folder: Path, tracks: ScoredTracks, size_px: tuple[int, int], most_faces: int = MAX_FACES) -> Path:
    """Write ``sieve_cuts.json`` into *folder*: of ``sieve.json`` the first frame of each scene, as the original gives
    them with ``return_scene_cuts_only``. For arguments see `write_sieve`."""
    table = _Table(tracks, size_px)
    frames = (_frame(table, scene["start_frame"], scene, most_faces) for scene in _scenes(tracks))
    return _write(folder / "sieve_cuts.json", frames)


def write_sieve_raw(folder: Path, tracks: ScoredTracks, size_px: tuple[int, int]) -> Path:
    """Write ``sieve_raw.json`` into *folder*: every frame with all its faces, as the original's TalkNet gives them.

    A frame is ``{frame_number, faces}``; frames without a face are there. A face is ``{track_id, raw_score, x1, y1, x2,
    y2, speaking}``: the ``track`` of ``tracks.npz``, the speaker model's logit, the box, and true where the logit is
    at least 0. Faces of a frame are in order of their tracks. Scores are not smoothed, those of the original are.

    Args:
        folder: made when missing.
        tracks: faces and scores.
        size_px: width and height of the picture.
    """
    table = _Table(tracks, size_px)
    frames = ({"frame_number": frame, "faces": table.raw_faces(frame)} for frame in _frames(tracks))
    return _write(folder / "sieve_raw.json", frames)


def _write(path: Path, frames: Iterator[dict[str, Any]]) -> Path:
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write("[")
        lead = "\n"
        while batch := list(islice(frames, FRAMES_AT_ONCE)):
            file.write(lead + ",\n".join(json_text(frame) for frame in batch))
            lead = ",\n"
        file.write("\n]\n")
    return path


def _frame(table: _Table, frame: int, scene: dict[str, Any], most_faces: int) -> dict[str, Any]:
    return {"frame_number": frame, "faces": table.faces(frame)[:most_faces], "related_scene": scene}


class _Table:
    """Faces of *tracks*, looked up by frame."""

    def __init__(self, tracks: ScoredTracks, size_px: tuple[int, int]) -> None:
        self._tracks = tracks
        self._box_px = np.clip(tracks.box_px, 0, np.array([*size_px, *size_px], np.float32)).astype(int)
        self._order = np.argsort(tracks.frame, kind="stable")
        self._bounds = np.searchsorted(tracks.frame[self._order], np.arange(tracks.frame_count + 1))

    def faces(self, frame: int) -> list[dict[str, Any]]:
        """Return the faces of *frame*, the largest first."""
        faces = [
            {**box, "speaking_score": round(logit, SCORE_DIGITS), "active": logit > 0}
            for _, logit, box in self._rows(frame)
        ]
        return sorted(faces, key=lambda face: (face["x1"] - face["x2"]) * (face["y2"] - face["y1"]))

    def raw_faces(self, frame: int) -> list[dict[str, Any]]:
        """Return the faces of *frame* with their tracks, in order of the tracks."""
        return [
            {"track_id": track, "raw_score": round(logit, SCORE_DIGITS), **box, "speaking": logit >= 0}
            for track, logit, box in sorted(self._rows(frame), key=lambda row: row[0])
        ]

    def _rows(self, frame: int) -> Iterator[tuple[int, float, dict[str, int]]]:
        """Yield track, logit and box of each face of *frame*."""
        for row in self._order[self._bounds[frame] : self._bounds[frame + 1]].tolist():
            x1, y1, x2, y2 = self._box_px[row].tolist()
            box = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
            yield int(self._tracks.track[row]), float(self._tracks.logit[row]), box


def _frames(tracks: ScoredTracks) -> range:
    return range(tracks.first_frame, tracks.frame_count)


def _scenes(tracks: ScoredTracks) -> Iterator[dict[str, Any]]:
    for number, (start, stop) in enumerate(pairwise([*tracks.shot_starts.tolist(), tracks.frame_count])):
        yield {
            "start_seconds": start / GRID_FPS,
            "end_seconds": stop / GRID_FPS,
            "start_frame": start,
            "end_frame": stop - 1,
            "start_timecode": _timecode(start),
            "end_timecode": _timecode(stop),
            "scene_number": number,
        }


def _timecode(frame: int) -> str:
    """Return ``00:01:02.040``, which is exact: a grid frame is 40 ms."""
    seconds, part = divmod(frame, GRID_FPS)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{part * 1000 // GRID_FPS:03d}"
