"""Places of captions: inside the area that the apps leave free, and never over a mouth.

For each run of the plan the text ends at the lower edge of the area where two lines, or else one, are clear there of
every face that the run shows at any moment. Where they are not, it stands for the whole run at the lowest place that
is clear of every face, for two lines or else for one. Where there is none, the same is tried for the lower halves of
the faces, with their mouths; then for those at the moments of the caption alone. Without any place the caption is not
drawn.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.framing.plan import FramingPlan, Panel, Run
from pipeline.types import FaceTracks

AREAS = Path(__file__).with_name("caption_areas.json")

Area = Literal["tiktok", "reels", "shorts", "union"]

MIN_FACE = 0.05
"""Height of a face, as a share of the picture's, below which its mouth is too small to be read."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a caption stands."""

    bottom_px: float
    """Lower edge of its last line."""
    max_lines: int
    """Lines for which there is room, one or two."""


@cache
def area_px(name: Area, size_px: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return x1, y1, x2, y2 of an area of `AREAS`, scaled to a picture."""
    table = json.loads(AREAS.read_text(encoding="utf-8"))
    across, down = (have / measured for have, measured in zip(size_px, table["size_px"], strict=True))
    x1, y1, x2, y2 = table["areas"][name]["area_px"]
    return x1 * across, y1 * down, x2 * across, y2 * down


@dataclass(frozen=True, slots=True)
class ShownFaces:
    """Faces of a plan's pictures: all that are large enough, whoever they are."""

    frame: np.ndarray
    """(N,) int: grid frame, ascending."""
    box_px: np.ndarray
    """(N, 4) float64: x1, y1, x2, y2 in pixels of the upright video: what is seen of them."""
    middle_px: np.ndarray
    """(N,) float64: height of their middle, below which the mouth is."""

    def between(self, first: int, stop: int) -> ShownFaces:
        """Return those on frames *first* to *stop*."""
        rows = slice(*np.searchsorted(self.frame, [first, stop]))
        return ShownFaces(self.frame[rows], self.box_px[rows], self.middle_px[rows])


def shown_faces(plan: FramingPlan, tracks: FaceTracks) -> ShownFaces:
    """Return the faces that a plan shows, where it shows them."""
    order = np.argsort(tracks.frame, kind="stable")
    frame, box = tracks.frame[order], tracks.box_px[order].astype(np.float64)
    frames, boxes = [np.zeros(0, np.int64)], [np.zeros((0, 5))]
    for run in plan.runs:
        rows = slice(*np.searchsorted(frame, [run.first, run.stop]))
        for number, panel in enumerate(run.panels):
            moved, kept = _in_panel(plan, run, panel, number, frame[rows], box[rows])
            frames.append(frame[rows][kept].astype(np.int64))
            boxes.append(moved[kept])
    joined, places = np.concatenate(frames), np.concatenate(boxes)
    order = np.argsort(joined, kind="stable")
    return ShownFaces(joined[order], places[order, :4], places[order, 4])


def _in_panel(
    plan: FramingPlan, run: Run, panel: Panel, number: int, frame: np.ndarray, box: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return x1, y1, x2, y2 and the height of the middle in upright pixels, (R, 5), and which of the faces a panel
    shows, (R,) bool."""
    width, height = plan.panel_size_px(run.mode)
    left, top = (plan.size_px[0] - width) // 2, (plan.size_px[1] - height) // 2
    if run.mode == "split":
        top = number * height
    x, y, window = (np.interp(frame, panel.path.frame, panel.path.window[:, column]) for column in range(3))
    scale = height / window
    across = (box[:, 0::2] - x[:, None]) * scale[:, None] + width / 2
    down = (box[:, 1::2] - y[:, None]) * scale[:, None] + height / 2
    tall = down[:, 1] - down[:, 0]
    middle = down.mean(axis=1)
    inside = (across[:, 0] < width) & (across[:, 1] > 0) & (down[:, 0] < height) & (down[:, 1] > 0)
    across, down, middle = np.clip(across, 0, width) + left, np.clip(down, 0, height) + top, np.clip(middle, 0, height)
    moved = np.stack([across[:, 0], down[:, 0], across[:, 1], down[:, 1], middle + top], axis=1)
    return moved, inside & (tall >= MIN_FACE * plan.size_px[1])


class Places:
    """Finds places for the captions of one video.

    Args:
        plan: its framing.
        faces: those that the plan shows.
        area_px: x1, y1, x2, y2 that all text stays in.
        line_px: height of a line.
    """

    def __init__(
        self, plan: FramingPlan, faces: ShownFaces, area_px: tuple[float, float, float, float], line_px: float
    ) -> None:
        self._plan, self._faces, self._area, self._line_px = plan, faces, area_px, line_px
        self._firsts = np.array([run.first for run in plan.runs])
        self._spans: dict[tuple[int, bool], list[Span]] = {}

    def find(self, first: int, stop: int) -> Place | None:
        """Return the place of a caption on grid frames *first* to *stop*; None where there is none."""
        last = max(stop - 1, first)
        runs = range(
            max(int(np.searchsorted(self._firsts, first, "right")) - 1, 0),
            max(int(np.searchsorted(self._firsts, last, "right")), 1),
        )
        for whole in (True, False):
            place = self._lowest(_merged([span for run in runs for span in self._of_run(run, whole)]))
            if place is not None:
                return place
        return self._lowest(self._spans_of(self._faces.between(first, stop), whole=False))

    def _of_run(self, number: int, whole: bool) -> list[Span]:
        key = number, whole
        if key not in self._spans:
            run = self._plan.runs[number]
            self._spans[key] = self._spans_of(self._faces.between(run.first, run.stop), whole)
        return self._spans[key]

    def _spans_of(self, faces: ShownFaces, whole: bool) -> list[Span]:
        """Return the heights that faces, or their lower halves, take between the sides of the area."""
        x1, _, x2, _ = self._area
        near = (faces.box_px[:, 2] > x1) & (faces.box_px[:, 0] < x2)
        tops = faces.box_px[:, 1] if whole else faces.middle_px
        return _merged(list(zip(tops[near].tolist(), faces.box_px[near, 3].tolist(), strict=True)))

    def _lowest(self, taken: Sequence[Span]) -> Place | None:
        """Return the lower edge of the area, or the lowest place, that is clear of the heights that are taken."""
        _, top, _, bottom = self._area
        higher = sorted((start for start, _ in taken if start < bottom), reverse=True)
        for edges in ([bottom], higher):
            for lines in (2, 1):
                height = lines * self._line_px
                for edge in edges:
                    clear = all(end <= edge - height or edge <= start for start, end in taken)
                    if clear and edge - height >= top:
                        return Place(edge, lines)
        return None


def _merged(spans: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found
