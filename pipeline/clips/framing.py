"""The camera of a face clip: a square around the face that moves smoothly and stays inside the picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from pipeline.types import ScoredTracks

PLACE_SIGMA_FRAMES = 3.0
"""Low-pass of the path: 0.12 s. Takes out the trembling of the detector (some hertz) and still follows a nod."""

SIZE_SIGMA_FRAMES = 10.0
"""Low-pass of the size: 0.4 s. A camera that breathes is seen before one that moves."""

LEAST_MARGIN = 0.05
"""What stays around the box, in half sides, when a sudden move is faster than the smooth path, or when the margin
that is wanted is wider than the picture."""


def face_windows(
    tracks: ScoredTracks,
    speaking: Sequence[int],
    first_frame: int,
    frame_count: int,
    *,
    picture_px: tuple[int, int],
    scale: float,
    smooth_frames: int,
) -> tuple[np.ndarray, np.ndarray]:
    """What the camera shows on each frame of a clip.

    Where the face is not in view, the window moves straight from where the face was to where it comes back, or holds;
    never across a shot cut. It is moved into the picture; where it is too large for it, the margin around the face
    gives way, and only a face that fills the picture makes it reach over the edge.

    Args:
        tracks: the faces of the video.
        speaking: tracks of the speaker, the one that holds most of the sentence first. At least one of them must be
            in view near the clip.
        first_frame: of the clip.
        frame_count: frames of the clip.
        picture_px: width and height of the picture.
        scale: margin around the face, in half sides.
        smooth_frames: window of the median that takes out outliers; odd.

    Returns:
        (F, 4) float32 x1, y1, x2, y2 in source pixels, square to within rounding; and (F,) bool, whether the face is
        in view.
    """
    context = smooth_frames + round(4 * SIZE_SIGMA_FRAMES)
    first, stop = max(first_frame - context, 0), first_frame + frame_count + context
    path = np.full((stop - first, 3), np.nan)
    for track in speaking:
        rows = tracks.rows(track)
        near = (tracks.frame[rows] >= first) & (tracks.frame[rows] < stop)
        if not near.any():
            continue
        at = tracks.frame[rows][near] - first
        free = np.isnan(path[at, 0])
        path[at[free]] = _smooth_path(tracks.box_px[rows][near], min(picture_px) / 2, scale, smooth_frames)[free]
    seen = np.isfinite(path[:, 0])
    if not seen.any():
        raise ValueError(f"face_windows: no track of {list(speaking)} is near frames {first_frame} and after")
    path = _filled(path, seen, tracks.shot_starts - first)
    wanted = slice(first_frame - first, first_frame - first + frame_count)
    return _inside(path[wanted], picture_px).astype(np.float32), seen[wanted]


def _smooth_path(boxes_px: np.ndarray, room_px: float, scale: float, smooth_frames: int) -> np.ndarray:
    """(n, 3) float64 centre x, centre y and half side of the window around the boxes of one track.

    *room_px* is half the shorter side of the picture.
    """
    boxes = median_filter(boxes_px.astype(np.float64), size=(smooth_frames, 1), mode="nearest")
    low, high = boxes[:, :2], boxes[:, 2:]
    centre = _low_pass((low + high) / 2, PLACE_SIGMA_FRAMES)
    half = _low_pass((high - low).max(axis=1, keepdims=True) / 2, SIZE_SIGMA_FRAMES)
    reach = np.maximum(centre - low, high - centre).max(axis=1, keepdims=True)
    wanted = np.minimum(half * (1 + scale), room_px)
    return np.hstack([centre, np.maximum(wanted, reach * (1 + min(scale, LEAST_MARGIN)))])


def _low_pass(values: np.ndarray, sigma_frames: float) -> np.ndarray:
    """(n, k) smoothed along time. The ends are continued by their point reflection: a steady move stays steady."""
    pad = min(round(4 * sigma_frames), len(values) - 1)
    wide = np.pad(values, ((pad, pad), (0, 0)), mode="reflect", reflect_type="odd") if pad else values
    smooth = gaussian_filter1d(wide, sigma_frames, axis=0, mode="nearest")
    return smooth[pad : pad + len(values)]


def _filled(path: np.ndarray, seen: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """*path* with its gaps filled: inside a shot straight from face to face, elsewhere as at the nearest face."""
    frames = np.arange(len(path))
    known = frames[seen]
    after = np.searchsorted(known, frames).clip(0, len(known) - 1)
    before = (after - 1).clip(0)
    nearer_before = np.abs(frames - known[before]) <= np.abs(frames - known[after])
    out = path[np.where(nearer_before, known[before], known[after])]
    edges = [0, *cuts[(cuts > 0) & (cuts < len(path))].tolist(), len(path)]
    for begin, end in pairwise(edges):
        inside = known[(known >= begin) & (known < end)]
        if len(inside):
            for column in range(path.shape[1]):
                out[begin:end, column] = np.interp(frames[begin:end], inside, path[inside, column])
    return out


def _inside(path: np.ndarray, picture_px: tuple[int, int]) -> np.ndarray:
    """(F, 4) windows of the path, moved into the picture as far as they fit."""
    side = 2 * path[:, 2]
    corners = []
    for axis, length in enumerate(picture_px):
        room = length - side
        corners.append(np.clip(path[:, axis] - path[:, 2], np.minimum(room, 0), np.maximum(room, 0)))
    left, top = corners
    return np.stack([left, top, left + side, top + side], axis=1)
