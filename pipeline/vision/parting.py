"""A track whose face stops being itself: where one person turns into another, as in a dissolve.

Known are vectors of unit length of what the face looks like on some frames. A change is where those before and those
after are unlike, and each alike among themselves: a face in profile, in blur or behind a hand is like nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.vision.embedding import Embedder
from pipeline.vision.samples import FaceView

COARSE_FRAMES = 20
"""Least frames from one view that is looked at to the next, unless the face seems to change."""

MOST_DOUBT = 0.4
"""Cosine of two views of a track below which all its views are looked at."""

LEAST_VIEWS = 3
"""Views of each of the two persons at least: one or two may be of a hand or a blur."""

MOST_ACROSS = 0.25
"""Largest average cosine of all views before and all after a change, and of those beside it. Those of one person in
profile and from the front come down to 0.27 (`pipeline.vision.identity.SAME_PERSON`), those of different ones are
about 0."""

LEAST_WITHIN = 0.55
"""Least average cosine among the views on one side of the change, of those beside it."""


def change_of(vectors: np.ndarray) -> int | None:
    """The first view of the second person; None where all views are of one.

    Args:
        vectors: (N, D) of unit length, in order of time.
    """
    count = len(vectors)
    best: tuple[float, int] | None = None
    cosines = np.asarray(vectors, np.float64) @ np.asarray(vectors, np.float64).T
    for at in range(LEAST_VIEWS, count - LEAST_VIEWS + 1):
        near, far = slice(at - LEAST_VIEWS, at), slice(at, at + LEAST_VIEWS)
        beside = float(cosines[near, far].mean())
        across = max(beside, float(cosines[:at, at:].mean()))
        within = min(_within(cosines[near, near]), _within(cosines[far, far]))
        if across < MOST_ACROSS and within > LEAST_WITHIN:
            best = max(best or (-np.inf, 0), (within - beside, at))
    return None if best is None else best[1]


def parts_of(frames: Sequence[int], vectors: np.ndarray, first: int, stop: int) -> list[tuple[int, int, np.ndarray]]:
    """The persons of one track, in order of time.

    Args:
        frames: (N,) of the views, ascending, in ``[first, stop)``.
        vectors: (N, D) of unit length.
        first: frame with which the track begins.
        stop: frame after its last.

    Returns:
        First frame, frame after the last, and the rows of *vectors* of each. The parts fill the track; a change lies
        midway between two views.
    """
    at = change_of(vectors)
    if at is None:
        return [(first, stop, vectors)]
    middle = (frames[at - 1] + frames[at] + 1) // 2
    return [
        *parts_of(frames[:at], vectors[:at], first, middle),
        *parts_of(frames[at:], vectors[at:], middle, stop),
    ]


def embedded(
    embedder: Embedder, frames: Sequence[int], views: Sequence[FaceView]
) -> tuple[list[int], list[np.ndarray]]:
    """Frames and vectors of the views in which the face is found: of a few, or of all where the face seems to change.

    Args:
        embedder: the network.
        frames: (N,) of the views, ascending, evenly spread.
        views: of one track.
    """
    step = frames[1] - frames[0] if len(frames) > 1 else COARSE_FRAMES
    stride = max(COARSE_FRAMES // step, 1)
    found: dict[int, np.ndarray | None] = {at: embedder.embed([views[at]]) for at in range(0, len(views), stride)}
    known = [vector for vector in found.values() if vector is not None]
    if known and (np.stack(known) @ np.stack(known).T).min() < MOST_DOUBT:
        found |= {at: embedder.embed([views[at]]) for at in range(len(views)) if at not in found}
    seen = [
        (frames[at], vector) for at, vector in sorted(found.items(), key=lambda item: item[0]) if vector is not None
    ]
    return [frame for frame, _ in seen], [vector for _, vector in seen]


def _within(cosines: np.ndarray) -> float:
    """Average cosine of the views with one another, without each with itself."""
    count = len(cosines)
    return float((cosines.sum() - np.trace(cosines)) / (count * (count - 1)))
