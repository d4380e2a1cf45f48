"""``sieve.json``: every frame with its faces and its scene, in the form of Sieve's active speaker detection
(github.com/sieve-community/fast-asd, with ``return_scene_data``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.outputs.files import atomic_path, json_text
from pipeline.types import GRID_FPS, ScoredTracks

FRAMES_AT_ONCE = 100
"""Frames that are held as JSON at the same time."""

MOST_FACES = 5
"""Faces of a frame that are listed, the largest first: ``max_num_faces`` of the original."""

SCORE_DIGITS = 4


def write_sieve(folder: Path, tracks: ScoredTracks, size_px: tuple[int, int], most_faces: int = MOST_FACES) -> Path:
    """Writes ``sieve.json`` into *folder*: a JSON array with one frame of the 25 fps grid to a line, so that it can be
    read line by line too.

    A frame is ``{frame_number, faces, related_scene}``; frames without a face are there. A face is ``{x1, y1, x2, y2,
    speaking_score, active}``: whole source pixels inside the picture, the speaker model's logit, and whether that is
    above 0. ``related_scene`` is ``{start_seconds, end_seconds, start_frame, end_frame, start_timecode, end_timecode,
    scene_number}``: ``end_frame`` is the scene's last one, ``end_seconds`` where the next scene begins, and scenes are
    counted from 0.

    Args:
        folder: made when missing.
        tracks: faces and scores.
        size_px: width and height of the picture.
        most_faces: of a frame; the smaller ones are left out.
    """
    path = folder / "sieve.json"
    frames = _frames(tracks, size_px, most_faces)
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write("[")
        lead = "\n"
        while batch := list(islice(frames, FRAMES_AT_ONCE)):
            file.write(lead + ",\n".join(json_text(frame) for frame in batch))
            lead = ",\n"
        file.write("\n]\n")
    return path


def _frames(tracks: ScoredTracks, size_px: tuple[int, int], most_faces: int) -> Iterator[dict[str, Any]]:
    order = np.argsort(tracks.frame, kind="stable")
    bounds = np.searchsorted(tracks.frame[order], np.arange(tracks.frame_count + 1))
    for number, (start, stop) in enumerate(pairwise([*tracks.shot_starts.tolist(), tracks.frame_count])):
        scene = _scene(number, start, stop)
        for frame in range(start, stop):
            rows = order[bounds[frame] : bounds[frame + 1]]
            yield {
                "frame_number": frame,
                "faces": _faces(tracks, rows, size_px)[:most_faces],
                "related_scene": scene,
            }


def _faces(tracks: ScoredTracks, rows: np.ndarray, size_px: tuple[int, int]) -> list[dict[str, Any]]:
    """The faces of *rows*, the largest first."""
    low = np.clip(tracks.box_px[rows], 0, np.array([*size_px, *size_px], np.float32)).astype(int).tolist()
    faces = [_face(box, float(logit)) for box, logit in zip(low, tracks.logit[rows], strict=True)]
    return sorted(faces, key=lambda face: (face["x1"] - face["x2"]) * (face["y2"] - face["y1"]))


def _face(box: Sequence[int], logit: float) -> dict[str, Any]:
    x1, y1, x2, y2 = box
    return {
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "speaking_score": round(logit, SCORE_DIGITS),
        "active": logit > 0,
    }


def _scene(number: int, start: int, stop: int) -> dict[str, Any]:
    return {
        "start_seconds": start / GRID_FPS,
        "end_seconds": stop / GRID_FPS,
        "start_frame": start,
        "end_frame": stop - 1,
        "start_timecode": _timecode(start),
        "end_timecode": _timecode(stop),
        "scene_number": number,
    }


def _timecode(frame: int) -> str:
    """``00:01:02.040``, exact: a grid frame is 40 ms."""
    seconds, part = divmod(frame, GRID_FPS)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{part * 1000 // GRID_FPS:03d}"
