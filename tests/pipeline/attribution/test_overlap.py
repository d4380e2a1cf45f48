"""Simultaneous speech of people in view."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.attribution.faces import Faces
from pipeline.attribution.overlap import SHORTEST_FRAMES, SPEAKS_FROM, overlaps_of
from pipeline.types import Overlap

THRESHOLD = 1.5
STEADY = 25
"""Frames of the running mean over the score: a step is found half of them early or late at most."""


def _faces(make_tracks, *spans: Sequence[tuple[int, int]], persons: Sequence[int] | None = None) -> Faces:
    """Faces in view for 300 frames, whose other score is 8 in their spans and -8 elsewhere: halfway it is 0."""
    others = []
    for own in spans:
        score = np.full(300, -8.0, np.float32)
        for first, stop in own:
            score[first:stop] = 8.0
        others.append(score)
    tracks = make_tracks(*((0, 300, score) for score in others), frame_count=300, persons=persons)
    return Faces(dataclasses.replace(tracks, activity=np.zeros(300 * len(spans), np.float32)))


def test_where_two_are_heard_to_speak_is_a_span_of_both(make_tracks) -> None:
    (found,) = overlaps_of(_faces(make_tracks, [(0, 200)], [(100, 300)], [(0, 10)]), THRESHOLD)
    assert found.tracks == (0, 1)
    assert (found.start_s, found.end_s) == pytest.approx((100 / 25, 200 / 25), abs=STEADY / 2 / 25)


def test_one_who_joins_later_and_one_who_leaves_belong_to_the_same_span(make_tracks) -> None:
    (found,) = overlaps_of(_faces(make_tracks, [(0, 300)], [(50, 150)], [(100, 250)]), THRESHOLD)
    assert found.tracks == (0, 1, 2)
    assert (found.start_s, found.end_s) == pytest.approx((2.0, 10.0), abs=0.5)


def test_two_tracks_of_one_person_are_no_overlap(make_tracks) -> None:
    """A mirror, or a picture in the picture."""
    assert overlaps_of(_faces(make_tracks, [(0, 300)], [(0, 300)], persons=(4, 4)), THRESHOLD) == ()


def test_a_short_one_is_none(make_tracks) -> None:
    tracks = make_tracks((0, SHORTEST_FRAMES - 1, 3.0), (0, 100, 3.0), frame_count=100)
    quiet = dataclasses.replace(tracks, activity=np.zeros(len(tracks.logit), np.float32))
    assert overlaps_of(Faces(quiet), THRESHOLD) == ()
    longer = make_tracks((0, SHORTEST_FRAMES, 3.0), (0, 100, 3.0), frame_count=100)
    quiet = dataclasses.replace(longer, activity=np.zeros(len(longer.logit), np.float32))
    assert overlaps_of(Faces(quiet), THRESHOLD) == (Overlap(0.0, SHORTEST_FRAMES / 25, (0, 1)),)


def test_one_score_alone_tells_nothing(make_tracks) -> None:
    assert overlaps_of(_faces(make_tracks, [(0, 300)], [(0, 300)]), SPEAKS_FROM.get("lr-asd")) == ()
