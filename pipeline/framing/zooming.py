"""Zooms within the runs of a plan: towards the speaker's face, eased in and out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.framing.cameras import DIGITS, key_frames
from pipeline.framing.plan import CameraPath, FramingPlan, Panel, Run
from pipeline.framing.windows import EYES_IN_WINDOW, WindowShape, eyes_of
from pipeline.framing.zoom import Zoom
from pipeline.types import GRID_FPS, FaceTracks

EASE_FRAMES = 7.5
"""Time in which a zoom goes in, and out: 0.3 s."""

ALIGN_FRAMES = 5.0
"""Distance of a cut at which a zoom begins, or ends, instead: 0.2 s."""

TOLD_BELOW = 0.995
"""Share of the factor that was asked for below which a zoom is told to fall short."""


def with_zooms(
    plan: FramingPlan,
    zooms: Sequence[Zoom],
    tracks: FaceTracks,
    persons: Mapping[int, int],
    max_enlarged: float,
) -> FramingPlan:
    """Return the plan with zooms in its windows.

    Args:
        plan: without zooms.
        zooms: in order of time, apart from each other.
        tracks: the faces of the video.
        persons: the person of each speaker.
        max_enlarged: pixels of the upright video that a pixel of the source may become.
    """
    cuts = np.array([run.first for run in plan.runs if run.begin != "pan"] + [plan.runs[-1].stop], np.float64)
    spans = [_aligned(zoom, cuts) for zoom in zooms]
    short: dict[Zoom, float] = {}
    runs = []
    for run in plan.runs:
        for zoom, (first, stop) in zip(zooms, spans, strict=True):
            if first < run.stop and stop > run.first:
                run, factor = _zoomed(run, plan, zoom, (first, stop), tracks, persons, max_enlarged)
                if factor < TOLD_BELOW * zoom.factor:
                    short[zoom] = min(factor, short.get(zoom, factor))
        runs.append(run)
    notes = plan.notes
    if short:
        reached = ", ".join(
            f"{zoom.start_s:.1f} s ({factor:.2f} for {zoom.factor:.2f})" for zoom, factor in list(short.items())[:3]
        )
        more = f" and {len(short) - 3} more" if len(short) > 3 else ""
        told = f"the source has no more pixels for the zooms at {reached}{more}; a smaller REFRAME_SIZE leaves more"
        notes = (*notes, told)
    return dataclasses.replace(plan, runs=tuple(runs), notes=notes)


def _aligned(zoom: Zoom, cuts: np.ndarray) -> tuple[float, float]:
    """Return first frame and end of a zoom, each on the nearest cut where one is near."""
    edges = np.array([zoom.start_s, zoom.end_s]) * GRID_FPS
    nearest = cuts[np.abs(edges[:, None] - cuts).argmin(axis=1)]
    first, stop = np.where(np.abs(edges - nearest) <= ALIGN_FRAMES + 1e-6, nearest, edges).tolist()
    return (first, stop) if first < stop else (float(edges[0]), float(edges[1]))


def _zoomed(
    run: Run,
    plan: FramingPlan,
    zoom: Zoom,
    span: tuple[float, float],
    tracks: FaceTracks,
    persons: Mapping[int, int],
    max_enlarged: float,
) -> tuple[Run, float]:
    """Return the run with a zoom in its windows, and the least factor that its panels reach.

    A run in whose windows nothing changes has no zoom in its reason.
    """
    shape = WindowShape(plan.content_px, plan.panel_size_px(run.mode))
    speaking = persons.get(run.speaker) if run.speaker is not None else None
    panels, reached = [], zoom.factor
    for panel in run.panels:
        shown = speaking if speaking in panel.persons else next(iter(panel.persons), None)
        low, high = max(run.first, int(np.floor(span[0]))), min(run.stop, int(np.ceil(span[1])))
        rows = (tracks.person == shown) & (tracks.frame >= low) & (tracks.frame < high)
        box = None if shown is None or not rows.any() else np.median(tracks.box_px[rows], axis=0)
        path, factor = _zoomed_path(run, panel.path, zoom.factor, span, shape, box, max_enlarged)
        panels.append(Panel(panel.persons, path))
        reached = min(reached, factor)
    if all(new.path is old.path for new, old in zip(panels, run.panels, strict=True)):
        return run, reached
    reason = f"{run.reason}; zoom {reached:.3g}"
    return dataclasses.replace(run, panels=tuple(panels), reason=reason), reached


def _zoomed_path(
    run: Run,
    path: CameraPath,
    factor: float,
    span: tuple[float, float],
    shape: WindowShape,
    box_px: np.ndarray | None,
    max_enlarged: float,
) -> tuple[CameraPath, float]:
    """Return the path with a zoom of *factor* towards a face, or into the middle; and the factor that it reaches."""
    begin, end = min(run.first, int(path.frame[0])), max(run.stop - 1, int(np.ceil(path.frame[-1])))
    frames = np.arange(begin, end + 1)
    windows = np.stack([np.interp(frames, path.frame, column) for column in path.window.T], axis=1)
    heights = windows[:, 2]
    factor = min(factor, max(float(heights.min()) / shape.min_height(max_enlarged), 1.0))
    # Frames stand at their middles: a zoom that begins with a cut moves from its first frame on.
    part = np.clip(np.minimum(frames + 0.5 - span[0], span[1] - frames - 0.5) / EASE_FRAMES, 0, 1)
    part = part**2 * (3 - 2 * part)
    if factor <= 1 or not part.any():
        return path, factor
    target = heights / (1 + (factor - 1) * part)
    if box_px is not None:
        seen = part > 0
        last = heights[seen] / factor
        x, y = (box_px[0] + box_px[2]) / 2, float(eyes_of(box_px[None])[0]) + (0.5 - EYES_IN_WINDOW) * last
        ways = np.stack([x - windows[seen, 0], y - windows[seen, 1]], axis=1)
        windows[:, :2] += part[:, None] * np.median(ways, axis=0)
    x1, y1, x2, y2 = shape.content_px
    half = (
        np.stack([target * (x2 - x1) / (y2 - y1) if run.mode == "wide" else target * shape.aspect, target], axis=1) / 2
    )
    low, high = np.array([x1, y1]) + half, np.array([x2, y2]) - half
    windows[:, :2] = np.clip(windows[:, :2], low, np.maximum(low, high))
    windows[:, 2] = target
    keys = key_frames(windows)
    return CameraPath(frames[keys].astype(np.float64), np.round(windows[keys], DIGITS)), factor
