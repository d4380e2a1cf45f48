"""Evidence of a word: whether anybody in view says it, and which of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pipeline.attribution.evidence import evidence_of, tempered
from pipeline.attribution.faces import Faces
from pipeline.attribution.weights import FITTED, PLAIN, Certainty, Weights, weights_of
from pipeline.types import ScoredTracks, Word

JOINT = FITTED["lr-asd + lr-asd-ava"]
WORD = Word(" hi", 1.0, 1.4)


def _faces(make_tracks, *rows: tuple[float, float, float]) -> Faces:
    """Faces in view for two seconds, each with its activity, the score of the other weights, and its contrast."""
    tracks: ScoredTracks = make_tracks(*((0, 50, activity + other) for activity, other, _ in rows), frame_count=50)
    activity = np.repeat(np.array([row[0] for row in rows], np.float32), 50)
    contrast = np.repeat(np.array([row[2] for row in rows], np.float32), 50)
    return Faces(dataclasses.replace(tracks, activity=activity, sync_contrast=contrast))


def _best(faces: Faces, weights: Weights = JOINT) -> int | None:
    evidence = evidence_of(WORD, faces, weights)
    return max(evidence, key=lambda state: evidence[state])


def test_of_two_moving_mouths_the_one_that_gains_from_the_sound_speaks(make_tracks) -> None:
    """Even where the other moves more."""
    assert _best(_faces(make_tracks, (3.0, 1.0, 0.0), (2.5, 1.0, 1.0))) == 1
    assert _best(_faces(make_tracks, (3.0, 1.0, 1.0), (2.5, 1.0, 0.0))) == 0


def test_a_still_mouth_speaks_whatever_it_gains_no_more_than_a_moving_one(make_tracks) -> None:
    assert _best(_faces(make_tracks, (2.5, 1.0, 0.0), (-2.0, 1.0, 2.0))) == 0


def test_contrast_and_other_weights_never_lift_a_face_over_nobody(make_tracks) -> None:
    """Who speaks is asked after whether anybody does: of silent faces, one still gains most from the sound."""
    assert _best(_faces(make_tracks, (-1.0, -1.0, 0.0))) is None
    assert _best(_faces(make_tracks, (-1.0, -1.0, 4.0), (-1.2, -1.0, 0.0))) is None
    alone, with_gain = (evidence_of(WORD, _faces(make_tracks, (1.0, 1.0, gain)), JOINT) for gain in (0.0, 4.0))
    assert alone == pytest.approx(with_gain)


def test_one_score_is_its_own_evidence(make_tracks) -> None:
    """Ten frames count as two that say something new; the boundary is taken from the score."""
    faces = _faces(make_tracks, (1.0, 0.0, 0.0), (0.5, 0.0, 0.0))
    assert evidence_of(WORD, faces, PLAIN) == pytest.approx({0: 2.0, 1: 1.0, None: 0.0})
    assert evidence_of(WORD, faces, Weights(2.0, 0.25)) == pytest.approx({0: 3.0, 1: 1.0, None: 0.0})


def test_a_face_in_view_for_less_than_half_of_a_word_is_left_out(make_tracks) -> None:
    faces = Faces(make_tracks((0, 29, 1.0), (29, 50, 1.0), frame_count=50))
    assert set(evidence_of(WORD, faces, PLAIN)) == {1, None}


def test_two_files_that_were_not_fitted_together_have_the_weights_of_the_first() -> None:
    assert weights_of("lip-motion + something") == weights_of("lip-motion") == FITTED["lip-motion"]
    assert weights_of("talknet + talknet-ava") == weights_of("talknet") == PLAIN


class TestTempered:
    def test_two_moving_mouths_are_told_apart_with_less_certainty_than_a_moving_and_a_still_one(
        self, make_tracks
    ) -> None:
        shares: dict[int | None, float] = {0: 0.9, 1: 0.1}
        weights = dataclasses.replace(JOINT, certainty=Certainty(calm=0.6, moving=0.3))
        both = tempered(WORD, shares, _faces(make_tracks, (3.0, 0.0, 0.0), (3.0, 0.0, 0.0)), weights)
        one = tempered(WORD, shares, _faces(make_tracks, (3.0, 0.0, 0.0), (-3.0, 0.0, 0.0)), weights)
        assert 0.5 < both[0] < one[0] < 0.9
        assert sum(both.values()) == pytest.approx(1.0) and sum(one.values()) == pytest.approx(1.0)

    def test_the_likeliest_stays_the_first(self, make_tracks) -> None:
        shares = {0: 0.5, 1: 0.3, None: 0.2}
        found = tempered(WORD, shares, _faces(make_tracks, (3.0, 0.0, 0.0), (2.0, 0.0, 0.0)), JOINT)
        assert max(found, key=lambda state: found[state]) == 0

    def test_full_certainty_changes_nothing(self, make_tracks) -> None:
        shares = {0: 0.6, None: 0.4}
        faces = _faces(make_tracks, (1.0, 0.0, 0.0))
        assert tempered(WORD, shares, faces, PLAIN) == pytest.approx(shares)
        half = dataclasses.replace(PLAIN, certainty=Certainty(nobody=0.5))
        odds = (0.6 / 0.4) ** 0.5
        assert tempered(WORD, shares, faces, half)[0] == pytest.approx(odds / (1 + odds))
