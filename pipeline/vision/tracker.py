"""Faces to tracks: one face through one shot, one box a frame. Pure and incremental.

After the IoU tracker of Joon Son Chung's SyncNet pipeline (github.com/joonson/syncnet_python), whose constants it
keeps; assignment is by the Hungarian method on every frame, so that a frame gives a track one box at most and two
faces that cross keep their tracks where the overlaps tell them apart.
"""

from __future__ import annotations

from array import array

import numpy as np
from scipy.optimize import linear_sum_assignment


class OpenTrack:
    """A face that may still go on: boxes for every frame from its first to its last detection.

    Boxes between two detections are interpolated. They are held as plain numbers, 16 bytes to a frame: a face may be in
    view for hours.
    """

    def __init__(self, frame: int, box_px: np.ndarray) -> None:
        self.first_frame = frame
        self._edges = array("f", np.asarray(box_px, np.float32).tolist())

    @property
    def stop_frame(self) -> int:
        """The frame after its last detection."""
        return self.first_frame + len(self._edges) // 4

    @property
    def last_box_px(self) -> np.ndarray:
        return np.array(self._edges[-4:], np.float32)

    def boxes_px(self, first: int = 0, stop: int | None = None) -> np.ndarray:
        """Return (n, 4) float32: x1, y1, x2, y2 of its frames ``[first, stop)``, counted from its own first."""
        edges = self._edges[4 * first : None if stop is None else 4 * stop]
        return np.array(edges, np.float32).reshape(-1, 4)

    def extend(self, frame: int, box_px: np.ndarray) -> None:
        """Take the face of *frame* and interpolate the frames before it that have none."""
        last, steps = self.last_box_px, frame - self.stop_frame + 1
        box_px = np.asarray(box_px, np.float32)
        for step in range(1, steps):
            self._edges.extend((last + (box_px - last) * np.float32(step / steps)).tolist())
        self._edges.extend(box_px.tolist())


class Tracker:
    """The tracks that faces belong to, by the overlap of their boxes.

    Args:
        least_iou: a face continues a track when its overlap with the track's last box is above this.
        max_gap: frames from one detection to the next that a track survives.
    """

    def __init__(self, least_iou: float, max_gap: int) -> None:
        self._least_iou, self._max_gap = least_iou, max_gap
        self.open: list[OpenTrack] = []

    def update(self, frame: int, boxes_px: np.ndarray) -> list[OpenTrack]:
        """Take the faces of one frame; frames come in ascending order.

        Args:
            frame: grid number.
            boxes_px: (N, 4) float32.

        Returns:
            Tracks that have ended before this frame.
        """
        ended = [track for track in self.open if frame - (track.stop_frame - 1) > self._max_gap]
        self.open = [track for track in self.open if track not in ended]
        taken = np.zeros(len(boxes_px), bool)
        last = np.array([track.last_box_px for track in self.open], np.float32).reshape(-1, 4)
        for row, column in matches(last, boxes_px, self._least_iou):
            self.open[row].extend(frame, boxes_px[column])
            taken[column] = True
        self.open += [OpenTrack(frame, box) for box in boxes_px[~taken]]
        return ended

    def cut(self) -> list[OpenTrack]:
        """End every track: a new shot begins, or the video is over."""
        ended, self.open = self.open, []
        return ended


def matches(first_px: np.ndarray, second_px: np.ndarray, least_iou: float) -> list[tuple[int, int]]:
    """Pair boxes of two sets so that their overlaps are largest in all, each box once at most.

    Args:
        first_px: (N, 4) x1, y1, x2, y2.
        second_px: (M, 4).
        least_iou: only boxes that overlap by more than this are paired.

    Returns:
        Rows of the first and of the second set.
    """
    if not len(first_px) or not len(second_px):
        return []
    overlap = iou(first_px, second_px)
    gain = np.where(overlap > least_iou, overlap, 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(r, c) for r, c in zip(rows.tolist(), columns.tolist(), strict=True) if gain[r, c] > 0]


def iou(first_px: np.ndarray, second_px: np.ndarray) -> np.ndarray:
    """Return the overlap of every box of one set with every box of another.

    Args:
        first_px: (N, 4) x1, y1, x2, y2.
        second_px: (M, 4).

    Returns:
        (N, M) float: area of the intersection over that of the union, 0 where both are empty.
    """
    a, b = np.asarray(first_px, float)[:, None], np.asarray(second_px, float)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.clip(sides, 0, None), axis=-1)
    union = np.prod(a[..., 2:] - a[..., :2], axis=-1) + np.prod(b[..., 2:] - b[..., :2], axis=-1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
