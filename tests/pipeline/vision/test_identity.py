"""Tracks to persons: alike ones are joined, those seen together never."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from pipeline.vision.identity import persons_of

SAME = 0.45


def at(*degrees: float) -> list[np.ndarray | None]:
    """Unit vectors in the plane: the likeness of two is the cosine of the angle between them."""
    return [np.array([np.cos(np.radians(d)), np.sin(np.radians(d))], np.float32) for d in degrees]


def apart(count: int) -> np.ndarray:
    """Spans of tracks, one after the other."""
    return np.array([(10 * i, 10 * i + 10) for i in range(count)]).reshape(-1, 2)


def test_alike_tracks_are_one_person_numbered_by_first_appearance():
    assert persons_of(apart(5), at(90, 0, 95, 5, 200), SAME).tolist() == [0, 1, 0, 1, 2]


@pytest.mark.parametrize(("degrees", "persons"), [(59, [0, 0]), (61, [0, 1])])
def test_the_threshold_is_a_cosine(degrees, persons):
    assert persons_of(apart(2), at(0, degrees), least_cosine=0.5).tolist() == persons


def test_groups_are_joined_by_their_average():
    # 0 and 40 are joined; to them 80 has (0.17 + 0.77) / 2 = 0.47 and -30 has (0.87 + 0.34) / 2 = 0.60.
    assert persons_of(apart(3), at(0, 40, 80), least_cosine=0.5).tolist() == [0, 0, 1]
    assert persons_of(apart(3), at(0, 40, -30), least_cosine=0.7).tolist() == [0, 1, 0]
    assert persons_of(apart(3), at(0, 40, -30), least_cosine=0.55).tolist() == [0, 0, 0]


def test_tracks_on_screen_together_are_never_joined():
    spans = np.array([(0, 20), (19, 40)])
    assert persons_of(spans, at(0, 0), SAME).tolist() == [0, 1]
    assert persons_of(np.array([(0, 20), (20, 40)]), at(0, 0), SAME).tolist() == [0, 0]


def test_nor_are_they_by_way_of_a_third():
    # The third is like both; it goes with the one that it is most like, and the other stays alone.
    spans = np.array([(0, 20), (0, 20), (30, 40)])
    assert persons_of(spans, at(0, 20, 12), SAME).tolist() == [0, 1, 1]


def test_a_track_whose_look_is_not_known_is_a_person_of_its_own():
    embeddings = [*at(0), None, *at(1), None]
    assert persons_of(apart(4), embeddings, SAME).tolist() == [0, 1, 0, 2]


def test_no_tracks_no_persons():
    found = persons_of(np.zeros((0, 2), int), [], SAME)
    assert found.shape == (0,) and found.dtype == np.int32


@st.composite
def videos(draw: st.DrawFn) -> tuple[np.ndarray, list]:
    count = draw(st.integers(1, 14))
    starts = sorted(draw(st.lists(st.integers(0, 60), min_size=count, max_size=count)))
    spans = [(start, start + draw(st.integers(1, 15))) for start in starts]
    vectors = np.random.default_rng(draw(st.integers(0, 999))).normal(size=(count, 3))
    known = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    units = [v / np.linalg.norm(v) if k else None for v, k in zip(vectors, known, strict=True)]
    return np.array(spans), units


@settings(max_examples=60)
@given(videos(), st.floats(-0.5, 0.99), st.sampled_from([2, 5, 4096]))
def test_whatever_the_tracks(video, least, room):
    spans, embeddings = video
    found = persons_of(spans, embeddings, least, room)
    assert found.tolist() == persons_of(spans, embeddings, least, room).tolist()
    first_seen = list(dict.fromkeys(found.tolist()))
    assert first_seen == list(range(len(first_seen)))
    for i in range(len(spans)):
        for j in range(i):
            together = spans[i, 0] < spans[j, 1] and spans[j, 0] < spans[i, 1]
            if together or embeddings[i] is None or embeddings[j] is None:
                assert found[i] != found[j]


@given(st.integers(2, 25), st.integers(0, 99))
def test_without_overlaps_it_is_the_clustering_of_scipy(count, seed):
    vectors = np.random.default_rng(seed).normal(size=(count, 4))
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    found = persons_of(apart(count), list(vectors), least_cosine=0.3)
    expected = fcluster(linkage(vectors, "average", "cosine"), 0.7, "distance")
    assert ((found[:, None] == found) == (expected[:, None] == expected)).all()


def test_a_video_in_parts_still_knows_people_again():
    # Two people in turn, 40 tracks, eight groups at once.
    assert persons_of(apart(40), at(*[90 * (i % 2) for i in range(40)]), SAME, most_groups=8).tolist() == [0, 1] * 20
