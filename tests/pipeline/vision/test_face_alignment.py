"""Faces are aligned to the published places."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.vision.face_alignment import INPUT_PX, PLACES_PX, aligned, similarity

PLACES = np.array(PLACES_PX)


@given(st.floats(0.05, 20), st.floats(-3.1, 3.1), st.floats(-500, 500), st.floats(-500, 500))
def test_a_turn_scaling_and_shift_is_found_exactly(scale, angle, x, y):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(PLACES, PLACES @ turn.T + [x, y])
    assert found == pytest.approx(np.column_stack([turn, [x, y]]), abs=1e-6 * max(scale, 1) * 1000)


def test_points_that_do_not_fit_are_met_as_nearly_as_can_be():
    noisy = PLACES + np.random.default_rng(0).normal(size=PLACES.shape) * 3
    found = similarity(noisy, PLACES)

    def error(matrix: np.ndarray) -> float:
        return float(((noisy @ matrix[:, :2].T + matrix[:, 2] - PLACES) ** 2).sum())

    nudges = [[[s, -t, x], [t, s, y]] for s, t, x, y in 1e-3 * np.vstack([np.eye(4), -np.eye(4)])]
    assert all(error(found) < error(found + nudge) for nudge in nudges)


def test_the_points_of_the_face_come_to_their_places():
    points = PLACES * 1.5 + [40, 20]
    picture = np.zeros((300, 300, 3), np.uint8)
    for x, y in points:
        cv2.circle(picture, (round(x), round(y)), 4, (255, 255, 255), -1)
    face = aligned(picture, points)
    assert face.shape == (INPUT_PX, INPUT_PX, 3)
    assert all(face[round(y), round(x), 0] > 200 for x, y in PLACES)
