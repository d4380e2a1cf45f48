"""Cameras of the runs: one path for a run, or for several that follow one another by a pan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from pipeline.framing.drafts import Draft
from pipeline.framing.optimise import AxisPath, axis_path
from pipeline.framing.options import Preset
from pipeline.framing.plan import Begin, CameraPath, Panel, Run
from pipeline.framing.windows import Bounds, WindowShape, bounds_of, eyes_of, union

PAN_WIDTHS = 0.35
"""Distance of two persons, in widths of the window, up to which the camera pans from one to the other."""

PAN_ZOOM = 1.3
"""Ratio of the heights of two windows up to which it does."""

DIGITS = 3
"""Decimals of a pixel of the windows."""

KEY_ERROR_PX = 0.02
"""Distance from the path that the lines between its keys keep."""

BEND_PX = 2e-3
"""Bend of the path on one frame from which the frame is a key."""

FAST = "; faster than the camera's limits"


def runs_of_drafts(
    drafts: Sequence[Draft], shape: WindowShape, panel_shape: WindowShape, preset: Preset
) -> tuple[Run, ...]:
    """Return the runs of drafts that follow one another.

    Args:
        drafts: in order, without a gap.
        shape: windows of the whole upright picture.
        panel_shape: those of a panel of a split one.
        preset: limits of the camera.
    """
    runs: list[Run] = []
    for chain in _chains(drafts, shape):
        runs += _filmed(chain, shape, panel_shape, preset)
    if runs:
        runs[0] = _beginning(runs[0], "start")
    return tuple(runs)


def _beginning(run: Run, begin: Begin) -> Run:
    return Run(run.first, run.stop, run.mode, run.panels, begin, run.tier, run.speaker, run.reason)


def _chains(drafts: Sequence[Draft], shape: WindowShape) -> list[list[Draft]]:
    """Return the drafts in lists; within each the camera pans."""
    chains: list[list[Draft]] = []
    for draft in drafts:
        if chains and _is_pan(chains[-1], draft, shape):
            chains[-1].append(draft)
        else:
            chains.append([draft])
    return chains


def _is_pan(chain: Sequence[Draft], draft: Draft, shape: WindowShape) -> bool:
    before = chain[-1]
    if draft.opens_shot or not {before.mode, draft.mode} <= {"follow", "pair"}:
        return False
    heights = [height for each in (*chain, draft) for height in each.heights]
    if max(heights) > PAN_ZOOM * min(heights):
        return False
    old, new = (union([boxes[[row]] for boxes in each.boxes_px])[0] for each, row in ((before, -1), (draft, 0)))
    way = np.abs((new[:2] + new[2:]) - (old[:2] + old[2:])) / 2
    return bool((way <= PAN_WIDTHS * max(heights) * shape.aspect).all())


def _filmed(chain: Sequence[Draft], shape: WindowShape, panel_shape: WindowShape, preset: Preset) -> Iterable[Run]:
    first = chain[0]
    begin: Begin = "cut" if first.opens_shot else "turn"
    if first.mode in ("wide", "centre"):
        x1, y1, x2, y2 = shape.content_px
        height = first.heights[0] if first.heights else float(y2 - y1)
        path = CameraPath(np.array([float(first.first)]), np.array([[(x1 + x2) / 2, (y1 + y2) / 2, height]]))
        return [_run(first, begin, (Panel(first.persons, path),), False)]
    if first.mode == "split":
        panels, fast = [], False
        for person, boxes, height in zip(first.persons, first.boxes_px, first.heights, strict=True):
            (paths,), panel_fast = _paths([first], [[boxes]], panel_shape, height, preset)
            panels.append(Panel((person,), paths))
            fast |= panel_fast
        return [_run(first, begin, tuple(panels), fast)]
    height = max(height for draft in chain for height in draft.heights)
    paths, fast = _paths(chain, [list(draft.boxes_px) for draft in chain], shape, height, preset)
    return [
        _run(draft, "pan" if number else begin, (Panel(draft.persons, path),), fast)
        for number, (draft, path) in enumerate(zip(chain, paths, strict=True))
    ]


def _run(draft: Draft, begin: Begin, panels: tuple[Panel, ...], fast: bool) -> Run:
    reason = draft.reason + (FAST if fast else "")
    return Run(draft.first, draft.stop, draft.mode, panels, begin, draft.tier, draft.speaker, reason)


def _paths(
    chain: Sequence[Draft],
    boxes_px: Sequence[Sequence[np.ndarray]],
    shape: WindowShape,
    height: float,
    preset: Preset,
) -> tuple[list[CameraPath], bool]:
    """Return the path of each run of a chain, and True where the camera is faster than its limits.

    Args:
        chain: the runs.
        boxes_px: of each, (n, 4) boxes of each face in the window.
        shape: of the window.
        height: of the window.
        preset: limits of the camera.
    """
    parts = [
        bounds_of(union(faces), np.mean([eyes_of(face) for face in faces], axis=0), shape, height, preset.dead_zone)
        for faces in boxes_px
    ]
    width = height * shape.aspect
    x, y = (axis_path(_joined([part[axis] for part in parts]), width, preset) for axis in range(2))
    places = np.stack([x.place, y.place], axis=1)
    begin = chain[0].first
    paths = []
    for draft in chain:
        # A frame more on the side of a pan: pictures between two grid frames are interpolated there.
        low, high = max(draft.first - 1 - begin, 0), min(draft.stop + 1 - begin, len(places))
        keys, part = low + key_frames(places[low:high]), places
        window = np.column_stack([np.round(part[keys], DIGITS), np.full(len(keys), height)])
        paths.append(CameraPath((keys + begin).astype(np.float64), window))
    return paths, _is_fast(x, y)


def _is_fast(x: AxisPath, y: AxisPath) -> bool:
    return x.is_fast or y.is_fast


def _joined(parts: Sequence[Bounds]) -> Bounds:
    return Bounds(
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.inside for part in parts]),
        np.concatenate([part.calm for part in parts]),
    )


def key_frames(places: np.ndarray) -> np.ndarray:
    """Return (K,) int64: frames between which the path is straight, to within `KEY_ERROR_PX`; one if it stands still.

    Args:
        places: (n, 2) float64, on each frame.
    """
    if np.ptp(places, axis=0).max() <= KEY_ERROR_PX:
        return np.zeros(1, np.int64)
    bends = np.zeros(len(places), bool)
    bends[1:-1] = (np.abs(np.diff(places, 2, axis=0)) > BEND_PX).any(axis=1)
    bends[[0, -1]] = True
    every = np.arange(len(places))
    while True:
        keys = np.flatnonzero(bends)
        lines = np.stack([np.interp(every, keys, column[keys]) for column in places.T], axis=1)
        errors = np.abs(lines - places).max(axis=1)
        worst = [low + int(np.argmax(errors[low:high])) for low, high in pairwise([*keys.tolist()]) if high - low > 1]
        worst = [frame for frame in worst if errors[frame] > KEY_ERROR_PX]
        if not worst:
            return keys
        bends[worst] = True
