"""Which faces are in view when, and how strongly they speak there."""

from __future__ import annotations

import math

import numpy as np

from pipeline.attribution.weights import Weights
from pipeline.types import GRID_FPS, ScoredTracks

ROUNDING = 1e-6
"""Frames by which a time may miss a boundary of the grid and be on it all the same: ``0.28 * 25`` is above 7."""

SMOOTHING_FRAMES = 9
"""Width of the running mean over the logits, in frames: 0.36 s, about two syllables. A mouth is shut for a frame or
two inside every word, and a single frame is right only 88 times in 100; a wider mean would blur short turns."""

CONTRAST_FRAMES = 25
"""Width of the running mean over the sync contrast, in frames: 1 s. It says little of a syllable and more of a
phrase."""

MAX_LOGIT = 5.0
"""Logits are cut off here before they are averaged: beyond it a face is as good as certain (probability 0.993), and
one wild frame must not outweigh a word."""


def frames_of(start_s: float, end_s: float) -> tuple[int, int]:
    """Return the first frame of a span of time and the one after its last.

    A frame belongs to the span in whose time its middle lies. Every span has one frame at least.

    Spans that follow each other without a gap share no frame.
    """
    first = math.ceil(start_s * GRID_FPS - 0.5 - ROUNDING)
    stop = math.ceil(end_s * GRID_FPS - 0.5 - ROUNDING)
    if stop <= first:
        first = math.floor((start_s + end_s) / 2 * GRID_FPS + ROUNDING)
        stop = first + 1
    return first, stop


class Faces:
    """The tracks of one video, ready to be asked by frame.

    Args:
        tracks: as the vision worker delivers them.
    """

    def __init__(self, tracks: ScoredTracks) -> None:
        self.tracks = tracks
        self._ids, self._first_row = np.unique(tracks.track, return_index=True)
        counts = np.diff(np.append(self._first_row, len(tracks.track)))
        self._first = tracks.frame[self._first_row].astype(np.int64)
        self._stop = self._first + counts
        self._position = {int(track): i for i, track in enumerate(self._ids)}
        self.activity = smoothed(tracks, tracks.activity)
        """(M,) float64: running mean of the activity within each track."""
        self.others = smoothed(tracks, tracks.logit - tracks.activity)
        """(M,) float64: that of the score of the other weights of the network; 0 where there are none."""
        self.contrast = smoothed(tracks, tracks.sync_contrast, CONTRAST_FRAMES)
        """(M,) float64: that of the sync contrast, over `CONTRAST_FRAMES`."""
        self._presence: dict[tuple[float, int], np.ndarray] = {}

    def presence(self, weights: Weights) -> np.ndarray:
        """Return (M,) float64: the score that tells whether anybody in view speaks; computed once for equal weights."""
        key = weights.others, weights.presence_frames
        if key not in self._presence:
            activity = smoothed(self.tracks, self.tracks.activity, weights.presence_frames)
            others = smoothed(self.tracks, self.tracks.logit - self.tracks.activity, weights.presence_frames)
            self._presence[key] = (activity + weights.others * others) / (1 + weights.others)
        return self._presence[key]

    def in_view(self, first: int, stop: int) -> list[int]:
        """Return the tracks that are in view on at least one frame of ``[first, stop)``."""
        return [int(track) for track in self._ids[(self._first < stop) & (self._stop > first)]]

    def span(self, track: int) -> tuple[int, int]:
        """Return the first frame of *track* and the one after its last."""
        i = self._position[track]
        return int(self._first[i]), int(self._stop[i])

    def rows(self, track: int, first: int, stop: int) -> slice:
        """Return the rows of *track* on frames ``[first, stop)``; empty where it is not in view."""
        i = self._position[track]
        begin = max(first - int(self._first[i]), 0)
        end = min(stop, int(self._stop[i])) - int(self._first[i])
        row = int(self._first_row[i])
        return slice(row + begin, row + max(end, begin))

    def values(self, column: np.ndarray, track: int, frames: np.ndarray) -> np.ndarray:
        """Return the values of a column of the table for one face.

        Args:
            column: (M,) of the table, such as its logits.
            track: number of the face's track.
            frames: (n,) grid frames.

        Returns:
            (n,) float64; NaN where the face is not in view.
        """
        i = self._position[track]
        seen = (frames >= self._first[i]) & (frames < self._stop[i])
        out = np.full(len(frames), np.nan)
        out[seen] = column[self._first_row[i] + frames[seen] - self._first[i]]
        return out

    def cuts_between(self, start_s: float, end_s: float) -> bool:
        """Return True where a new shot begins after *start_s* and not after *end_s*."""
        starts = self.tracks.shot_starts
        after = np.searchsorted(starts, [start_s * GRID_FPS, end_s * GRID_FPS], side="right")
        return bool(after[1] > after[0])


def smoothed(tracks: ScoredTracks, column: np.ndarray, width: int = SMOOTHING_FRAMES) -> np.ndarray:
    """Return (M,) float64: running mean of a column within each track, shorter at the track's ends.

    Args:
        tracks: the tracks.
        column: (M,) of their table; cut off at `MAX_LOGIT` either way.
        width: frames of the mean; odd.
    """
    out = np.empty(len(column))
    for track in tracks.track_ids:
        rows = tracks.rows(int(track))
        out[rows] = running_mean(column[rows], width)
    return out


def runs_of(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return every run of True in (n,) bool as ``[first, stop)``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def running_mean(values: np.ndarray, width: int = SMOOTHING_FRAMES) -> np.ndarray:
    """Return (n,) float64: mean of *values*, cut off at `MAX_LOGIT`, over *width* frames; fewer at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(np.clip(values.astype(np.float64), -MAX_LOGIT, MAX_LOGIT))])
    middle, half = np.arange(len(values)), width // 2
    low, high = np.maximum(middle - half, 0), np.minimum(middle + half + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)
