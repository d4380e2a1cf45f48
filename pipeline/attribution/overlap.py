"""Simultaneous speech: spans in which several people in view are each seen and heard to speak.

The score of the weights that listen tells it from a listener who moves the mouth. It does not tell it from two mouths
that move to one sound: in a mixture no face gains from the sound, so the sync contrast falls silent where it is wanted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from pipeline.attribution.faces import CONTRAST_FRAMES, Faces, runs_of, smoothed
from pipeline.types import GRID_FPS, Overlap

SHORTEST_FRAMES = 12
"""Shortest span, 0.48 s: below it there are breaths and smiles."""


SPEAKS_FROM: Mapping[str, float] = MappingProxyType({"lr-asd + lr-asd-ava": 1.5})
"""Score of the other weights from which a face is taken to speak along, by speaker model: in the ordinary talk of
``python -m benchmarks.overlap`` one frame in a hundred is wrongly found so. With one file there is no such score."""


def overlaps_of(faces: Faces, speaks_from: float | None) -> tuple[Overlap, ...]:
    """Return the spans in which two persons or more speak at once, in order.

    Args:
        faces: the tracks of the video.
        speaks_from: score from which a face counts; None: there are no spans.
    """
    if speaks_from is None:
        return ()
    tracks, persons = faces.tracks, faces.tracks.persons
    scores = smoothed(tracks, tracks.logit - tracks.activity, CONTRAST_FRAMES)
    edges: list[tuple[int, int, int]] = []
    for track in tracks.track_ids.tolist():
        rows = tracks.rows(track)
        start = int(tracks.frame[rows.start])
        for first, stop in runs_of(scores[rows] >= speaks_from):
            edges += [(start + first, 1, track), (start + stop, -1, track)]
    found: list[Overlap] = []
    speaking: Counter[int] = Counter()
    since, together = 0, set[int]()
    for frame, step, track in sorted(edges):
        if step > 0:
            speaking[track] += 1
        else:
            del speaking[track]
        several = len({persons[each] for each in speaking}) > 1
        if several:
            since = since if together else frame
            together |= set(speaking)
        elif together:
            if frame - since >= SHORTEST_FRAMES:
                found.append(Overlap(since / GRID_FPS, frame / GRID_FPS, tuple(sorted(together))))
            together = set()
    return tuple(found)
