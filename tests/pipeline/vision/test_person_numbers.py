"""Persons numbered while a video goes on, beside the numbers that it has at its end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.types import FaceTracks
from pipeline.vision.consumers import EndedTrack, GrowingTrack
from pipeline.vision.identity import persons_of
from pipeline.vision.likeness import MOBILEFACENET
from pipeline.vision.online_persons import OnlineByFace, OnlineByFraming, OnlineByTrack, Sighting
from pipeline.vision.person_numbers import PersonNumbers
from pipeline.vision.persons import Identity, IdentityByFace, IdentityByFraming, Stretch
from pipeline.vision.samples import VIEW_PX, FaceView
from tests.pipeline.vision.synthetic import FIRST_RED, Face, pictures, stream

BOX = np.array([10, 10, 20, 20], np.float32)


def seen(key: int, first: int, stop: int | None, look: Sequence[float] | None, box_px: np.ndarray = BOX) -> Sighting:
    return Sighting(key, first, stop, box_px, box_px, None if look is None else np.array(look, np.float32))


def axis(number: int) -> list[float]:
    return np.eye(8)[number].tolist()


def test_every_track_is_a_person_where_nobody_tells() -> None:
    persons = OnlineByTrack()
    asked = [seen(3, 0, None, None), seen(5, 0, None, None), seen(3, 0, 9, None)]
    assert [persons.number(each) for each in asked] == [0, 1, 0]


def test_a_face_is_known_again_by_the_average_of_its_tracks() -> None:
    persons = OnlineByFace(0.6)
    assert persons.number(seen(0, 0, 10, [1, 0])) == 0
    assert persons.number(seen(1, 10, 20, [0.8, 0.6])) == 0
    assert persons.number(seen(2, 20, 30, [0, 1])) == 1  # a cosine of 0.3 to the average of (1, 0) and (0.8, 0.6)
    assert persons.number(seen(3, 30, 40, [0.6, 0.8])) == 1
    assert persons.number(seen(4, 40, 50, None)) == 2


@pytest.mark.parametrize("stop", [None, 15])
def test_two_on_screen_together_are_never_one(stop: int | None) -> None:
    persons = OnlineByFace(0.5)
    assert persons.number(seen(0, 0, stop, axis(0))) == 0
    assert persons.number(seen(1, 14, None, axis(0))) == 1
    assert persons.number(seen(0, 0, 15, axis(0))) == 0
    assert persons.number(seen(2, 15, None, axis(0))) == 0


def test_a_number_stays_while_the_look_is_seen_better() -> None:
    persons = OnlineByFace(0.5)
    assert persons.number(seen(0, 0, 5, axis(0))) == 0
    assert persons.number(seen(1, 5, None, axis(1))) == 1
    assert persons.number(seen(1, 5, 30, axis(2))) == 1
    assert persons.number(seen(2, 40, None, axis(2))) == 1
    assert persons.number(seen(3, 60, None, axis(1))) == 2


def test_a_track_that_is_not_kept_is_nobody() -> None:
    for persons in (OnlineByFace(0.5), OnlineByFraming()):
        assert persons.number(seen(0, 0, None, axis(0))) == 0
        persons.forget(0)
        assert persons.number(seen(1, 30, None, axis(0))) == 1


def test_a_framing_is_known_again_for_ten_seconds_at_the_same_place() -> None:
    far = BOX + np.float32(9)
    for first, box_px, person in ((20, BOX, 0), (261, BOX, 1), (20, far, 1), (9, BOX, 1)):
        persons = OnlineByFraming()
        assert persons.number(seen(0, 0, 10, axis(0))) == 0
        assert persons.number(seen(1, first, None, axis(0), box_px)) == person


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(0, 4)), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(SPANS)
def test_of_faces_that_are_all_like_or_unlike_it_tells_what_the_whole_video_tells(
    spans: list[tuple[int, int, int]],
) -> None:
    """One track after the other, each over before the next is told: as clustering all of them at the end."""
    ordered, at = [], 0
    for gap, length, who in spans:
        ordered.append((at + gap, at + gap + length, who))
        at += gap + length
    online = OnlineByFace(0.45)
    numbers = [online.number(seen(key, a, b, axis(who))) for key, (a, b, who) in enumerate(ordered)]
    looks = [np.array(axis(who), np.float32) for *_, who in ordered]
    assert numbers == persons_of(np.array([(a, b) for a, b, _ in ordered]), looks, 0.45).tolist()


class Looks:
    """Tells synthetic faces by the red of their view, and counts the views."""

    limits = MOBILEFACENET
    memory_reductions = 0

    def __init__(self) -> None:
        self.views = 0

    def embed(self, views: Sequence[FaceView]) -> list[np.ndarray | None]:
        self.views += len(views)
        reds = [int(view.picture[VIEW_PX // 2, VIEW_PX // 2, 2]) for view in views]
        return [np.eye(8, dtype=np.float32)[red - FIRST_RED] for red in reds]

    def sees_face(self, views: Sequence[FaceView]) -> bool:
        return True


class Watched(PersonNumbers):
    """Notes the numbers that growing tracks have after each step."""

    def __init__(self, identity: Identity | None) -> None:
        super().__init__(identity)
        self.while_growing: list[dict[int, int | None]] = []
        self.first: dict[int, int] = {}

    def grow(self, tracks: Sequence[GrowingTrack]) -> None:
        super().grow(tracks)
        self.first |= {track.key: track.first_frame for track in tracks if track.key not in self.first}
        self.while_growing.append({track.key: self.person(track.key) for track in tracks})


def rows_of(found: FaceTracks, numbers: PersonNumbers) -> list[tuple[int, int]]:
    """Number while the video went on, and at its end, of each track that starts on a frame of its own."""
    starts = {int(found.frame[found.rows(track)][0]): person for track, person in found.persons.items()}
    ended = [stretch for stretches in numbers.ended.values() for stretch in stretches]
    return [(each.person, starts[each.first_frame]) for each in ended]


@pytest.mark.parametrize(
    "identity", [IdentityByFace(Looks()), IdentityByFraming(), None], ids=["face", "framing", "no"]
)
def test_growing_and_ended_tracks_have_numbers_while_the_stream_goes_on(identity: Identity | None) -> None:
    shots = [(40, (Face(5),)), (40, (Face(60), Face(20, start=30, stop=32))), (50, (Face(5),))]
    numbers = Watched(identity)
    found = stream(pictures(shots), None, identity=identity, consumers=[numbers], scored=False).faces
    plain = stream(pictures(shots), None, identity=identity, scored=False).faces
    np.testing.assert_array_equal(found.person, plain.person)
    assert all(online == batch for online, batch in rows_of(found, numbers))
    before = [step.get(key) for step in numbers.while_growing for key in (0, 1)]
    assert {0} <= {person for person in before if person is not None}
    assert numbers.while_growing[0] == {0: None} or identity is None
    dropped = set(numbers.first) - set(numbers.ended)
    assert all(numbers.person(key) is None for key in dropped)


def test_a_growing_track_is_looked_at_seldom() -> None:
    looks = Looks()
    stream(pictures([(200, (Face(5),))]), None, embedder=looks, scored=False)
    alone, looks.views = looks.views, 0
    numbers = PersonNumbers(identity := IdentityByFace(looks))
    stream(pictures([(200, (Face(5),))]), None, identity=identity, consumers=[numbers], scored=False)
    assert alone < looks.views <= alone + 3


def test_of_a_track_with_two_persons_the_first_keeps_the_number() -> None:
    numbers = PersonNumbers(None)
    boxes = np.tile(BOX, (10, 1))
    numbers.grow([GrowingTrack(0, 0, list(boxes), boxes)])
    assert numbers.person(0) == 0
    numbers.end([EndedTrack(0, 10, [], boxes[:0], [Stretch(0, 4, None), Stretch(4, 10, None)])])
    assert [(each.first_frame, each.stop_frame, each.person) for each in numbers.ended[0]] == [(0, 4, 0), (4, 10, 1)]
    assert numbers.person(0) == 1
