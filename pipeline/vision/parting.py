"""Tracks in which one person turns into another, as in a dissolve.

Known are vectors of unit length of what the face looks like on some frames. A change is where those before and those
after are unlike, and each alike among themselves: a face in profile, in blur or behind a hand is like nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from pipeline.vision.embedding import Embedder
from pipeline.vision.likeness import CosineLimits
from pipeline.vision.samples import SampledTrack

COARSE_FRAMES = 20
"""Least frames from one view that is looked at to the next, unless the face seems to change."""

MIN_VIEWS = 3
"""Views of each of the two persons at least: one or two may be of a hand or a blur."""


def change_of(vectors: np.ndarray, limits: CosineLimits) -> int | None:
    """Return the first view of the second person; None where all views are of one.

    Args:
        vectors: (N, D) of unit length, in order of time.
        limits: of the network that they are of.
    """
    count = len(vectors)
    best: tuple[float, int] | None = None
    cosines = np.asarray(vectors, np.float64) @ np.asarray(vectors, np.float64).T
    for at in range(MIN_VIEWS, count - MIN_VIEWS + 1):
        near, far = slice(at - MIN_VIEWS, at), slice(at, at + MIN_VIEWS)
        beside = float(cosines[near, far].mean())
        across = max(beside, float(cosines[:at, at:].mean()))
        within = min(_within(cosines[near, near]), _within(cosines[far, far]))
        if across < limits.most_across and within > limits.least_within:
            best = max(best or (-np.inf, 0), (within - beside, at))
    return None if best is None else best[1]


def parts_of(
    frames: Sequence[int], vectors: np.ndarray, first: int, stop: int, limits: CosineLimits
) -> list[tuple[int, int, np.ndarray]]:
    """Return the persons of one track, in order of time.

    Args:
        frames: (N,) of the views, ascending, in ``[first, stop)``.
        vectors: (N, D) of unit length.
        first: frame with which the track begins.
        stop: frame after its last.
        limits: of the network that the vectors are of.

    Returns:
        First frame, frame after the last, and the rows of *vectors* of each. The parts fill the track; a change lies
        midway between two views.
    """
    at = change_of(vectors, limits)
    if at is None:
        return [(first, stop, vectors)]
    middle = (frames[at - 1] + frames[at] + 1) // 2
    return [
        *parts_of(frames[:at], vectors[:at], first, middle, limits),
        *parts_of(frames[at:], vectors[at:], middle, stop, limits),
    ]


def embedded(embedder: Embedder, tracks: Sequence[SampledTrack]) -> list[tuple[list[int], list[np.ndarray]]]:
    """Return the frames and vectors of those views of each track in which the face is found.

    A few views of each track are looked at, and all where the face seems to change, or too few of them tell who it is.
    The views of all tracks go through the network together.

    Args:
        embedder: the network.
        tracks: which have ended.
    """
    found: list[dict[int, np.ndarray | None]] = [{} for _ in tracks]
    _look(embedder, tracks, found, [range(0, len(track.views), _stride(track.frames)) for track in tracks])
    most_doubt = embedder.limits.most_doubt
    doubted = [_unknown(vectors.values()) or _doubtful(vectors.values(), most_doubt) for vectors in found]
    rest = [
        [at for at in range(len(track.views)) if doubts and at not in seen]
        for track, doubts, seen in zip(tracks, doubted, found, strict=True)
    ]
    _look(embedder, tracks, found, rest)
    known = [
        [(track.frames[at], vector) for at in sorted(seen) if (vector := seen[at]) is not None]
        for track, seen in zip(tracks, found, strict=True)
    ]
    return [([frame for frame, _ in views], [vector for _, vector in views]) for views in known]


def _look(
    embedder: Embedder,
    tracks: Sequence[SampledTrack],
    found: Sequence[dict[int, np.ndarray | None]],
    wanted: Sequence[Iterable[int]],
) -> None:
    """Put the vectors of the *wanted* views of each track into *found*, by number."""
    places = [(track, at) for track, views in enumerate(wanted) for at in views]
    if not places:
        return
    vectors = embedder.embed([tracks[track].views[at] for track, at in places])
    for (track, at), vector in zip(places, vectors, strict=True):
        found[track][at] = vector


def _stride(frames: Sequence[int]) -> int:
    """Return the step from one view that is looked at to the next."""
    return max(COARSE_FRAMES // (frames[1] - frames[0]), 1) if len(frames) > 1 else 1


def _unknown(vectors: Collection[np.ndarray | None]) -> bool:
    """Return True where some *vectors* are not known, and so few are that other views may be better."""
    known = sum(vector is not None for vector in vectors)
    return known < min(MIN_VIEWS, len(vectors))


def _doubtful(vectors: Iterable[np.ndarray | None], most_doubt: float) -> bool:
    """Return True where two of the *vectors* are so unlike that the face may have changed."""
    known = [vector for vector in vectors if vector is not None]
    return bool(known) and bool((np.stack(known) @ np.stack(known).T).min() < most_doubt)


def _within(cosines: np.ndarray) -> float:
    """Return the average cosine of the views with one another, without each with itself."""
    count = len(cosines)
    return float((cosines.sum() - np.trace(cosines)) / (count * (count - 1)))
