"""The camera: a window around the face that moves smoothly, never cuts the face and stays inside the picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, median_filter

from pipeline.framing.styles import Style
from pipeline.types import ScoredTracks

MIN_MARGIN = 0.05
"""Margin that stays around the box, in half sides, when a sudden move is faster than the smooth path, or when the
wanted margin is wider than the picture."""


def face_windows(
    tracks: ScoredTracks,
    speaking: Sequence[int],
    first_frame: int,
    frame_count: int,
    *,
    picture_px: tuple[int, int],
    size_px: tuple[int, int],
    style: Style,
    scale: float,
    smooth_frames: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the window that the camera shows on each grid frame of a clip.

    Where the face is not in view, the window moves smoothly from where the face was to where it comes back, or holds;
    never across a shot cut. A shot of the clip in which the face is never in view is shown as `whole_window`. The
    window is moved into the picture; where it is too large for it, the margin around the face gives way, then its ears.
    Only a face that is higher than the picture is wide makes it reach over the edge: chin and forehead are never cut.

    Args:
        tracks: the faces of the video.
        speaking: tracks of the speaker, the one that holds most of the sentence first.
        first_frame: of the clip.
        frame_count: frames of the clip.
        picture_px: width and height of the picture.
        size_px: width and height of the clip: the shape of the window.
        style: how the face is framed.
        scale: margin around the face, in half sides.
        smooth_frames: window of the median that takes out outliers; odd.

    Returns:
        (F, 4) float32 x1, y1, x2, y2 in source pixels, of the shape of *size_px* to within rounding; and (F,) bool,
        whether the face is in view.
    """
    context = smooth_frames + round(4 * style.size_sigma_frames)
    stop_frame = first_frame + frame_count
    out = np.tile(whole_window(picture_px, size_px), (frame_count, 1))
    seen = np.zeros(frame_count, bool)
    for begin, end in pairwise(_edges(tracks.shot_starts, first_frame, stop_frame)):
        low, high = _shot_around(tracks.shot_starts, begin, begin - context, end + context)
        boxes, near = _boxes(tracks, speaking, low, high)
        here = near[begin - low : end - low]
        seen[begin - first_frame : end - first_frame] = here
        if here.any():
            path = _held(boxes, near, picture_px, size_px, style, scale, smooth_frames)
            windows = _inside(path[begin - low : end - low], picture_px, size_px[0] / size_px[1])
            out[begin - first_frame : end - first_frame] = windows
    return out.astype(np.float32), seen


def whole_window(picture_px: tuple[int, int], size_px: tuple[int, int]) -> np.ndarray:
    """Return (4,) float64: the smallest window of the shape of *size_px* around the whole picture, centred on it."""
    picture = np.array(picture_px, np.float64)
    size = np.array(size_px, np.float64)
    half = size * (picture / size).max() / 2
    return np.concatenate([picture / 2 - half, picture / 2 + half])


def _edges(shot_starts: np.ndarray, first: int, stop: int) -> list[int]:
    """Return *first*, the shot cuts after it and before *stop*, and *stop*."""
    return [first, *shot_starts[(shot_starts > first) & (shot_starts < stop)].tolist(), stop]


def _shot_around(shot_starts: np.ndarray, frame: int, low: int, high: int) -> tuple[int, int]:
    """Return the part of ``[low, high)`` that lies in the shot of *frame*."""
    i = int(np.searchsorted(shot_starts, frame, side="right"))
    begin = int(shot_starts[i - 1]) if i else 0
    end = int(shot_starts[i]) if i < len(shot_starts) else high
    return max(low, begin, 0), min(high, end)


def _boxes(tracks: ScoredTracks, speaking: Sequence[int], low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 4) float64: box of the first of *speaking* in view on each of ``[low, high)``; (n,) bool: one is."""
    boxes = np.zeros((high - low, 4))
    near = np.zeros(high - low, bool)
    for track in speaking:
        rows = tracks.rows(track)
        at = tracks.frame[rows] - low
        free = (at >= 0) & (at < len(near))
        free[free] = ~near[at[free]]
        boxes[at[free]] = tracks.box_px[rows][free]
        near[at[free]] = True
    return boxes, near


def _held(
    boxes_px: np.ndarray,
    near: np.ndarray,
    picture_px: tuple[int, int],
    size_px: tuple[int, int],
    style: Style,
    scale: float,
    smooth_frames: int,
) -> np.ndarray:
    """Return the (n, 3) path through one shot. Gaps are interpolated linearly, then smoothed; the ends hold still."""
    frames = np.flatnonzero(near)
    first, last = int(frames[0]), int(frames[-1])
    between = np.arange(first, last + 1)
    whole = np.stack([np.interp(between, frames, boxes_px[frames, column]) for column in range(4)], axis=1)
    path = _smooth_path(whole, picture_px, size_px, style, scale, smooth_frames)
    return path[np.clip(np.arange(len(near)) - first, 0, last - first)]


def _smooth_path(
    boxes_px: np.ndarray,
    picture_px: tuple[int, int],
    size_px: tuple[int, int],
    style: Style,
    scale: float,
    smooth_frames: int,
) -> np.ndarray:
    """Return (n, 3) float64: centre x, centre y and half height of the window around boxes of consecutive frames."""
    aspect = size_px[0] / size_px[1]
    room = min(picture_px[1], picture_px[0] / aspect) / 2
    least = min(size_px[1] / 2 / style.most_enlarged, room)
    boxes = median_filter(boxes_px, size=(smooth_frames, 1), mode="nearest")
    low, high = boxes[:, :2], boxes[:, 2:]
    centre = _low_pass((low + high) / 2, style.place_sigma_frames)
    face = _low_pass((high - low).max(axis=1, keepdims=True) / 2, style.size_sigma_frames)[:, 0]
    wanted = np.clip(face * (1 + scale), least, room)

    low, high = np.clip(low, 0, picture_px), np.clip(high, 0, picture_px)
    reach_x, reach_y = np.maximum(centre - low, high - centre).T
    margin = 1 + min(scale, MIN_MARGIN)
    reach_y = np.minimum(np.minimum(reach_y * margin, np.maximum(reach_y, room)), picture_px[1] / 2)
    reach = np.maximum(np.minimum(reach_x * margin / aspect, room), reach_y)
    half = wanted + _envelope(np.maximum(reach - wanted, 0), style.place_sigma_frames)
    lift = np.clip(half - _envelope(reach_y, style.place_sigma_frames), 0, style.lift * half)
    return np.stack([centre[:, 0], centre[:, 1] + lift, half], axis=1)


def _low_pass(values: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Smooth (n, k) values along time. The ends are padded by point reflection: a steady move stays steady."""
    pad = min(round(4 * sigma_frames), len(values) - 1)
    wide = np.pad(values, ((pad, pad), (0, 0)), mode="reflect", reflect_type="odd") if pad else values
    smooth = gaussian_filter1d(wide, sigma_frames, axis=0, mode="nearest")
    return smooth[pad : pad + len(values)]


def _envelope(values: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Return (n,) smooth values nowhere below *values*: their maximum over the low-pass's reach, low-passed."""
    radius = round(2 * sigma_frames)
    highest = maximum_filter1d(values, 2 * radius + 1, mode="nearest")
    return gaussian_filter1d(highest, sigma_frames, mode="nearest", radius=radius)


def _inside(path: np.ndarray, picture_px: tuple[int, int], aspect: float) -> np.ndarray:
    """Return (F, 4) windows of the path, moved into the picture as far as they fit."""
    edges = []
    for axis, (length, share) in enumerate(zip(picture_px, (aspect, 1.0), strict=True)):
        half = path[:, 2] * share
        room = length - 2 * half
        low = np.clip(path[:, axis] - half, np.minimum(room, 0), np.maximum(room, 0))
        edges.append((low, low + 2 * half))
    (left, right), (top, bottom) = edges
    return np.stack([left, top, right, bottom], axis=1)
