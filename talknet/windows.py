"""The windows that a track is scored in, and which frames of the two versions of its faces each one reads. Pure.

The published demos score each track six times, in windows of 1, 2, 3, 4, 5 and 6 s from its start (their set of
durations names some of them twice, and a set holds each once), and take the plain mean. All windows begin on a whole
second; the last of each duration ends with the track.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

SECOND_FRAMES = 25
"""Frames of a second."""

DURATIONS_S = (1, 2, 3, 4, 5, 6)
"""Lengths of the windows."""

BLOCK_FRAMES = 60 * SECOND_FRAMES
"""A track is scored in blocks of 60 s, a multiple of all durations: no window crosses from one into the next."""


@dataclass(frozen=True, slots=True)
class Window:
    """Some frames of one block that are scored together."""

    block: int
    """Number of its block."""
    start: int
    """First frame in the block."""
    length: int
    """Frames."""
    weight: int
    """Durations whose windows these are: more than one where the block is shorter than they."""


def block_spans(frames: int) -> Iterator[tuple[int, int]]:
    """First and past-the-last frame of each block of a track.

    >>> list(block_spans(3100))
    [(0, 1500), (1500, 3000), (3000, 3100)]
    """
    return ((start, min(start + BLOCK_FRAMES, frames)) for start in range(0, frames, BLOCK_FRAMES))


def windows(block_frames: Sequence[int], durations_s: Sequence[int] = DURATIONS_S) -> list[list[Window]]:
    """Return all different windows of some blocks, those of equal length together.

    Args:
        block_frames: frames of each block, 1 to 1500.
        durations_s: lengths of the windows.

    >>> [[(w.start, w.length, w.weight) for w in group] for group in windows([40])]
    [[(25, 15, 1)], [(0, 25, 1)], [(0, 40, 5)]]
    """
    counted: dict[tuple[int, int, int], int] = {}
    for block, frames in enumerate(block_frames):
        for duration in durations_s:
            step = duration * SECOND_FRAMES
            for start in range(0, frames, step):
                key = (min(step, frames - start), block, start)
                counted[key] = counted.get(key, 0) + 1
    groups: dict[int, list[Window]] = {}
    for (length, block, start), weight in sorted(counted.items()):
        groups.setdefault(length, []).append(Window(block, start, length, weight))
    return list(groups.values())


def frame_places(group: Sequence[Window], block_frames: Sequence[int], reach: int) -> np.ndarray:
    """Return the places of some windows' faces where both versions of all blocks stand one behind the other.

    Of each block come first the n embeddings that know no edges but its own (*whole*), then the n as if each second
    were all there is (*cut*). A window reads the cut version within *reach* frames of its edges, unless it ends where
    the block ends, and the whole one between.

    Args:
        group: windows of one length.
        block_frames: frames of each block.
        reach: frames each way that an embedding depends on.

    Returns:
        (W, L) int64.
    """
    offsets = 2 * np.concatenate([[0], np.cumsum(block_frames)])
    frames = np.array(block_frames)[[window.block for window in group]][:, None]
    starts = np.array([window.start for window in group])[:, None]
    step = np.arange(group[0].length)[None]
    cut = np.repeat(step < reach, len(group), axis=0)
    cut |= (step >= group[0].length - reach) & (starts + group[0].length < frames)
    return offsets[[window.block for window in group]][:, None] + starts + step + np.where(cut, frames, 0)


def sound_places(
    group: Sequence[Window], block_frames: Sequence[int], rows_per_frame: int, margin: int = 0, shift: int = 0
) -> np.ndarray:
    """Return the places of the MFCC of some windows where those of all blocks stand one behind the other.

    Args:
        group: windows of one length.
        block_frames: frames of each block.
        rows_per_frame: rows of MFCC to a frame.
        margin: frames whose MFCC stand before the first and behind the last frame of each block.
        shift: frames by which the sound is read later; at most *margin* either way.

    Returns:
        (W, 4 L) int64.
    """
    lengths = np.array(block_frames) + 2 * margin
    offsets = np.concatenate([[0], np.cumsum(lengths)]) + margin + shift
    starts = np.array([rows_per_frame * (offsets[window.block] + window.start) for window in group])
    return starts[:, None] + np.arange(rows_per_frame * group[0].length)
