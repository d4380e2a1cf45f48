"""``scene.pckl``, ``faces.pckl``, ``tracks.pckl`` and ``scores.pckl``, as the demo of TalkNet-ASD leaves them in its
folder ``pywork`` (github.com/TaoRuijie/TalkNet-ASD; embeddings as github.com/iburenko/TalkNet-ASD adds them).

The files are pickles because their readers expect that. They are written here and never read: nothing in the product
loads a pickle.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.outputs.files import atomic_path
from pipeline.types import GRID_FPS, ScoredTracks

PROTOCOL = 4
"""Protocol of the pickles: readable from Python 3.4 on."""

SCORE_DIGITS = 1
"""Digits after the point to which the demo rounds its scores."""

CONFIDENCE = np.float64(1.0)
"""Confidence of every face in ``faces.pckl``: the detector's own is not kept beyond detection. Readers that ask for at
least 0.9, the demo's threshold, take all."""

EMBEDDING_SIZE = 512
"""Numbers in the embedding of a face: those of ``InceptionResnetV1``."""


def write_talknet(
    folder: Path,
    tracks: ScoredTracks,
    smooth: Callable[[np.ndarray], np.ndarray],
    embeddings: Sequence[np.ndarray] | None = None,
) -> tuple[Path, ...]:
    """Write the four files into *folder*. Frames are those of the 25 fps grid, boxes are in source pixels.

    ======== ============================================================================================
    scene    list of pairs of PySceneDetect's ``FrameTimecode`` at 25 fps: first frame of a shot, and of the next
    faces    list with a list for each frame, of ``{frame: int, bbox: [x1, y1, x2, y2], conf: float64}``
    tracks   list of ``{track: {frame: (n,) int64, bbox: (n, 4) float64}, proc_track: {x, y, s: (n,) float64}}``,
             and ``embeddings: (n, 512) float64`` where they are given
    scores   list of (n,) float64, rounded to 0.1: the speaker model's logits, one to a frame of the track
    ======== ============================================================================================

    Two things differ from the demo, because they are not kept. ``faces`` has the boxes of the tracks:
    those between two detections are interpolated, faces that became no track are not there, and ``conf`` is 1. A track
    of ``scores`` is never shorter than its track, as it may be in the demo, since the last part of a second is scored
    here too.

    Args:
        folder: made when missing.
        tracks: faces and scores.
        smooth: function from (n, 4) boxes of a track to (n, 3) centre x, centre y and half side: the path that its
            crops followed, which becomes ``proc_track``. The product's is the demo's median over 13 frames, except at
            both ends of a track, where the demo pads with zeros and so bends the path towards the corner of the
            picture.
        embeddings: for each track in ascending order of its number, (n, 512) of its n frames.

    Returns:
        The files.

    Raises:
        ValueError: embeddings have another number or shape.
    """
    content = {
        "scene.pckl": _scenes(tracks),
        "faces.pckl": _faces(tracks),
        "tracks.pckl": _tracks(tracks, smooth, embeddings),
        "scores.pckl": [_score(tracks, track) for track in tracks.track_ids.tolist()],
    }
    for name, value in content.items():
        with atomic_path(folder / name) as partial, partial.open("wb") as file:
            pickle.dump(value, file, protocol=PROTOCOL)
    return tuple(folder / name for name in content)


def _scenes(tracks: ScoredTracks) -> list[tuple[Any, Any]]:
    # PySceneDetect starts ffmpeg when it is imported, to see whether there is one: not at our import.
    from scenedetect import FrameTimecode

    edges = [FrameTimecode(edge, float(GRID_FPS)) for edge in [*tracks.shot_starts.tolist(), tracks.frame_count]]
    return list(pairwise(edges))


def _faces(tracks: ScoredTracks) -> list[list[dict[str, Any]]]:
    """Return for each frame its faces, in order of their tracks."""
    faces: list[list[dict[str, Any]]] = [[] for _ in range(tracks.frame_count)]
    boxes = tracks.box_px.astype(np.float64)
    for frame, box in zip(tracks.frame.tolist(), boxes, strict=True):
        faces[frame].append({"frame": frame, "bbox": box.tolist(), "conf": CONFIDENCE})
    return faces


def _tracks(
    tracks: ScoredTracks, smooth: Callable[[np.ndarray], np.ndarray], embeddings: Sequence[np.ndarray] | None
) -> list[dict[str, Any]]:
    ids = tracks.track_ids.tolist()
    if embeddings is not None and len(embeddings) != len(ids):
        raise ValueError(f"write_talknet: expected embeddings of {len(ids)} tracks, got {len(embeddings)}")
    out: list[dict[str, Any]] = []
    for number, track in enumerate(ids):
        rows = tracks.rows(track)
        boxes = tracks.box_px[rows].astype(np.float64)
        x, y, half = (np.ascontiguousarray(column) for column in np.asarray(smooth(boxes), np.float64).T)
        entry: dict[str, Any] = {
            "track": {"frame": tracks.frame[rows].astype(np.int64), "bbox": boxes},
            "proc_track": {"x": x, "y": y, "s": half},
        }
        if embeddings is not None:
            entry["embeddings"] = _embeddings_of(embeddings[number], len(boxes))
        out.append(entry)
    return out


def _embeddings_of(vectors: np.ndarray, count: int) -> np.ndarray:
    if vectors.shape != (count, EMBEDDING_SIZE):
        raise ValueError(f"write_talknet: expected embeddings of ({count}, {EMBEDDING_SIZE}), got {vectors.shape}")
    return vectors.astype(np.float64)


def _score(tracks: ScoredTracks, track: int) -> np.ndarray:
    return np.round(tracks.logit[tracks.rows(track)].astype(np.float64), SCORE_DIGITS) + 0.0  # no minus zero
