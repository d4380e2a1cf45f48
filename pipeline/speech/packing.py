"""Windows for a recogniser that always works on 30 s: packs regions of speech into them, and maps times back.

A window is made of pieces of the recording, one after another: pauses that are short are kept, so that words keep their
context and rhythm; longer ones are left out but for the padding of regions. Sound is only ever cut where a
region ends.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from pipeline.types import AUDIO_RATE_HZ


@dataclass(frozen=True, slots=True)
class PackedWindow:
    """Pieces of a recording that are heard one after another."""

    pieces: tuple[tuple[int, int], ...]
    """First sample of each, and the one after its last; ascending, disjoint, none empty."""

    @property
    def sample_count(self) -> int:
        return sum(end - start for start, end in self.pieces)

    @property
    def start_s(self) -> float:
        """Start in the recording, in seconds."""
        return self.pieces[0][0] / AUDIO_RATE_HZ

    def speech_s(self, spans: np.ndarray) -> np.ndarray:
        """Place regions of the recording in the window.

        Args:
            spans: (R, 2) int64 regions in samples; see `pack`.

        Returns:
            (r, 2) float64 seconds from the beginning of the window, of the regions that lie in it.
        """
        found, begin = [np.zeros((0, 2))], 0
        for start, end in self.pieces:
            inside = spans[(spans[:, 0] >= start) & (spans[:, 1] <= end)]
            found.append((inside - start + begin) / AUDIO_RATE_HZ)
            begin += end - start
        return np.concatenate(found)

    def on_recording(self, times_s: np.ndarray) -> np.ndarray:
        """Map times of words from the window to the recording.

        A word that reaches over the border of two pieces is given the piece that holds most of it: nobody goes on
        with a word after a pause. Order is kept.

        Args:
            times_s: (N, 2) float64 start and end in seconds from the beginning of the window.

        Returns:
            (N, 2) float64 seconds of the recording, to the sample, each pair inside one piece.
        """
        pieces = np.array(self.pieces, np.int64)
        times = np.rint(times_s * AUDIO_RATE_HZ).astype(np.int64)
        lengths = pieces[:, 1] - pieces[:, 0]
        ends = np.cumsum(lengths)
        begins = ends - lengths
        inside = np.minimum(times[:, 1:], ends) - np.maximum(times[:, :1], begins)
        first = np.minimum(np.searchsorted(ends, times[:, 0], side="right"), len(ends) - 1)
        piece = np.where(inside.max(axis=1) > 0, inside.argmax(axis=1), first)
        from_begin = np.clip(times - begins[piece, None], 0, lengths[piece, None])
        return (pieces[piece, :1] + from_begin) / AUDIO_RATE_HZ


def pack(spans: np.ndarray, longest: int, kept_pause: int) -> list[PackedWindow]:
    """Pack regions into as few windows as can be; of all such ways, the one that parts them at the widest pauses.

    Args:
        spans: (R, 2) int64 regions in samples; see `pipeline.speech.regions.regions`.
        longest: samples of a window; no region may be longer.
        kept_pause: longest pause in samples that is heard; longer ones are left out.

    Returns:
        Windows in order. Every region lies whole in one of them.
    """
    if not len(spans):
        return []
    pauses = spans[1:, 0] - spans[:-1, 1]
    lengths = spans[:, 1] - spans[:, 0]
    lengths[1:] += np.where(pauses <= kept_pause, pauses, 0)  # with the pause before, where it is heard
    reach, own = np.cumsum(lengths).tolist(), (spans[:, 1] - spans[:, 0]).tolist()
    width = [*np.minimum(pauses, kept_pause).tolist(), 0]
    # best[i]: fewest windows for the regions from i on, with the greatest sum of the pauses between them.
    best: list[tuple[int, int]] = [(0, 0)] * (len(spans) + 1)
    after = [0] * len(spans)
    for first in range(len(spans) - 1, -1, -1):
        choices = []
        for last in range(first, len(spans)):
            if last > first and own[first] + reach[last] - reach[first] > longest:
                break
            count, parted = best[last + 1]
            choices.append((count + 1, parted - width[last], -last))
        count, parted, last = min(choices)
        best[first], after[first] = (count, parted), 1 - last
    windows, first = [], 0
    while first < len(spans):
        windows.append(PackedWindow(_pieces(spans[first : after[first]], kept_pause)))
        first = after[first]
    return windows


def _pieces(spans: np.ndarray, kept_pause: int) -> tuple[tuple[int, int], ...]:
    """Return the regions of one window joined across the pauses that are heard."""
    parted = np.flatnonzero(spans[1:, 0] - spans[:-1, 1] > kept_pause) + 1
    borders = itertools.pairwise([0, *parted.tolist(), len(spans)])
    return tuple((int(spans[first, 0]), int(spans[last - 1, 1])) for first, last in borders)
