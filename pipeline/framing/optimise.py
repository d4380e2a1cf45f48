"""The camera's path through one run, along one axis: still where a still window serves, else a convex programme.

The path is a quadratic B-spline, so that its speed is continuous and its acceleration is constant between knots. A
linear programme (HiGHS) chooses its control points. It minimises the acceleration, in a convex function of three
straight pieces in place of the square, which leaves a camera still that need not move; then the way, and the distance
from the best place. The constraints give way in this order: the dead zone, the limits on speed and acceleration, and
last the face inside the window, which only a face faster than any camera breaks.

All lengths here are in widths of the window. Idea: Grundmann, Kwatra, Essa: Auto-Directed Video Stabilization with
Robust L1 Optimal Camera Paths, 2011.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import block_array, coo_array, csr_array, eye_array

from pipeline.framing.options import Preset
from pipeline.framing.windows import Bounds
from pipeline.types import GRID_FPS

KNOT_FRAMES = 5
"""Distance of the knots: 0.2 s. Between two of them the acceleration is constant."""

PIECE_FRAMES = 1500
"""Longest stretch whose path is decided at a time: one minute."""

LOOK_AHEAD_FRAMES = 200
"""Frames after such a stretch that are decided with it, and then once more with the next."""

ACCELERATION_PIECES = ((0.25, 0.5), (0.25, 1.5), (0.5, 3.5))
"""Length of each piece, in shares of the limit, and its cost: slopes of the square at their middles, times 2."""

TRAVEL_COST = 0.3
"""Of a width travelled."""

OFFSET_COST = 0.05
"""Of a width away from the best place, for a second: a camera that is off the middle by much moves after some time."""

CALM_COST, LIMIT_COST, INSIDE_COST = 20.0, 300.0, 3e4
"""Of a width beyond the dead zone, beyond the limits, and of the face outside, for a second."""

BROKEN = 1e-6
"""Excess that is no rounding of the solver."""

LIMITS_SHARE = 0.98
"""Share of the limits that the programme uses: the rest is for rounding."""


@dataclass(frozen=True, slots=True)
class AxisPath:
    """Places of the window's middle along one axis."""

    place: np.ndarray
    """(n,) float64: on each frame."""
    is_fast: bool
    """The face is so fast that the camera broke its limits on speed or acceleration."""


def axis_path(bounds: Bounds, width_px: float, preset: Preset) -> AxisPath:
    """Return the path along one axis.

    Args:
        bounds: places of the window's middle on each frame, in pixels.
        width_px: of the window.
        preset: limits of the camera.
    """
    still = still_place(bounds)
    count = len(bounds.target)
    if still is not None:
        return AxisPath(np.full(count, still), False)
    origin = float(np.median(bounds.target))
    scaled = Bounds(*((each - origin) / width_px for each in (bounds.target, bounds.inside, bounds.calm)))
    places, is_fast = np.empty(count), False
    knots = math.ceil((count - 1) / KNOT_FRAMES)
    at, fixed = 0, None
    while at < knots:
        last = min(at + (PIECE_FRAMES + LOOK_AHEAD_FRAMES) // KNOT_FRAMES, knots)
        kept = last if last == knots else at + PIECE_FRAMES // KNOT_FRAMES
        controls, broken = _solve(_part(scaled, at, last), last - at, fixed, preset, kept - at)
        is_fast |= broken
        frames = np.arange(at * KNOT_FRAMES, min(kept * KNOT_FRAMES, count - 1) + 1)
        places[frames] = _spline(len(frames), kept - at) @ controls[: kept - at + 2]
        fixed = controls[kept - at : kept - at + 2]
        at = kept
    # A face that leaps from one frame to the next is faster than any spline.
    places = np.clip(places * width_px + origin, bounds.inside[:, 0], bounds.inside[:, 1])
    return AxisPath(places, is_fast)


def still_place(bounds: Bounds) -> float | None:
    """Return the place of a window that serves all frames of a run without moving; None where there is none."""
    low = float(max(bounds.calm[:, 0].max(), bounds.inside[:, 0].max()))
    high = float(min(bounds.calm[:, 1].min(), bounds.inside[:, 1].min()))
    if low > high:
        return None
    return float(np.clip(np.median(bounds.target), low, high))


def _part(bounds: Bounds, at: int, last: int) -> Bounds:
    frames = slice(at * KNOT_FRAMES, last * KNOT_FRAMES + 1)
    return Bounds(bounds.target[frames], bounds.inside[frames], bounds.calm[frames])


def _spline(frames: int, segments: int) -> csr_array:
    """Return (frames, segments + 2) weights of the control points on each frame from the first knot on."""
    place = np.arange(frames) / KNOT_FRAMES
    segment = np.minimum(place.astype(int), segments - 1)
    part = place - segment
    weights = np.stack([(1 - part) ** 2 / 2, 0.5 + part - part**2, part**2 / 2], axis=1)
    columns = segment[:, None] + np.arange(3)
    rows = np.repeat(np.arange(frames), 3)
    return csr_array(coo_array((weights.ravel(), (rows, columns.ravel())), (frames, segments + 2)))


def _solve(
    bounds: Bounds, segments: int, fixed: np.ndarray | None, preset: Preset, kept: int
) -> tuple[np.ndarray, bool]:
    """Return (segments + 2,) control points; and True where the limits are broken in the first *kept* segments.

    Args:
        bounds: on each frame from the first knot on, in widths.
        segments: between the knots.
        fixed: (2,) control points with which it begins, of the stretch before; None for the first.
        preset: limits of the camera.
    """
    frames, points = len(bounds.target), segments + 2
    step_s = KNOT_FRAMES / GRID_FPS
    spline = _spline(frames, segments)
    segment_of = np.minimum(np.arange(frames) // KNOT_FRAMES, segments - 1)
    shared = csr_array(coo_array((np.ones(frames), (np.arange(frames), segment_of)), (frames, segments)))
    knots = spline[::KNOT_FRAMES]
    speed = (eye_array(points - 1, points, k=1) - eye_array(points - 1, points)) / step_s
    slope = (
        eye_array(segments, points, k=2) - 2 * eye_array(segments, points, k=1) + eye_array(segments, points)
    ) / step_s**2
    max_speed, max_slope = preset.max_speed * LIMITS_SHARE, preset.max_acceleration * LIMITS_SHARE
    one_knot, one_speed, one_segment = eye_array(knots.shape[0]), eye_array(points - 1), eye_array(segments)
    pieces = len(ACCELERATION_PIECES)

    # Columns: control points; distance from the best place; speed; pieces of the acceleration; what is broken of the
    # dead zone, of the limits on acceleration and speed, and of the window.
    costs = np.concatenate(
        [
            np.zeros(points),
            np.full(knots.shape[0], OFFSET_COST * step_s),
            np.full(points - 1, TRAVEL_COST * step_s),
            *(np.full(segments, cost * step_s) for _, cost in ACCELERATION_PIECES),
            np.full(segments, CALM_COST * step_s),
            np.full(segments, LIMIT_COST * step_s),
            np.full(points - 1, LIMIT_COST * step_s),
            np.full(segments, INSIDE_COST * step_s),
        ]
    )
    most = np.concatenate(
        [
            np.full(points, np.inf),
            np.full(knots.shape[0], np.inf),
            np.full(points - 1, max_speed),
            *(np.full(segments, share * max_slope) for share, _ in ACCELERATION_PIECES),
            np.full(3 * segments + points - 1, np.inf),
        ]
    )
    least = np.zeros(len(costs))
    least[:points] = -np.inf
    if fixed is not None:
        least[:2] = most[:2] = fixed
    rows, limits = [], []
    for sign in (1.0, -1.0):
        side = 1 if sign > 0 else 0
        rows += [
            [sign * spline, None, None, *[None] * pieces, None, None, None, -shared],
            [sign * spline, None, None, *[None] * pieces, -shared, None, None, None],
            [sign * knots, -one_knot, None, *[None] * pieces, None, None, None, None],
            [sign * speed, None, -one_speed, *[None] * pieces, None, None, -one_speed, None],
            [sign * slope, None, None, *[-one_segment] * pieces, None, -one_segment, None, None],
        ]
        limits += [sign * bounds.inside[:, side], sign * bounds.calm[:, side], sign * bounds.target[::KNOT_FRAMES]]
        limits += [np.zeros(points - 1), np.zeros(segments)]
    result = linprog(
        costs,
        A_ub=csr_array(block_array(rows)),
        b_ub=np.concatenate(limits),
        bounds=np.stack([least, most], axis=1),
        method="highs",
    )
    if result.x is None:
        raise ValueError(f"camera path: {result.message}")
    slopes, speeds, outside = np.split(result.x[-(2 * segments + points - 1) :], [segments, segments + points - 1])
    broken = max(slopes[:kept].max(), speeds[: kept + 1].max(), outside[:kept].max())
    return result.x[:points], bool(broken > BROKEN)
