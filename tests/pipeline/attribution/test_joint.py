"""Choices of words in several rows, held to what trying all combinations gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.attribution import joint
from pipeline.attribution.joint import Place, posteriors

PLACES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=6)
"""For each word its row and how many choices it has beside "nobody"."""


def _made(shape: list[tuple[int, int]], seed: int) -> list[Place]:
    random = np.random.default_rng(seed)
    places: list[Place] = []
    last: dict[int, int] = {}
    for row, others in shape:
        count = others + 1
        change = random.normal(0, 2, (len(places[last[row]].weights), count)) if row in last else None
        excluded = {}
        for other, place in last.items():
            if other != row and random.random() < 0.7:
                pairs = random.random((len(places[place].weights), count)) < 0.5
                pairs[-1] = pairs[:, -1] = False
                excluded[other] = pairs
        last[row] = len(places)
        places.append(Place(row, random.normal(0, 2, count), change, excluded))
    return places


def _by_trying_all(places: list[Place]) -> list[np.ndarray]:
    found = [np.zeros(len(place.weights)) for place in places]
    for choices in itertools.product(*(range(len(place.weights)) for place in places)):
        last: dict[int, int] = {}
        total = 0.0
        for place, choice in zip(places, choices, strict=True):
            total += float(place.weights[choice])
            if place.change is not None:
                total += float(place.change[last[place.row], choice])
            if any(pairs[last[row], choice] for row, pairs in place.excluded.items()):
                total = -np.inf
            last[place.row] = choice
        for shares, choice in zip(found, choices, strict=True):
            shares[choice] += np.exp(total)
    return [shares / shares.sum() for shares in found]


@pytest.mark.slow
@given(PLACES, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_probabilities_are_those_of_all_combinations(shape: list[tuple[int, int]], seed: int) -> None:
    places = _made(shape, seed)
    found = posteriors(places, [frozenset()] * len(places))
    for ours, true in zip(found, _by_trying_all(places), strict=True):
        assert ours == pytest.approx(true, abs=1e-9)


def test_a_row_that_ended_is_let_go_and_keeps_what_it_was_told() -> None:
    first, second = np.array([2.0, 0.0]), np.array([0.0, 1.0])
    pairs = np.array([[True, False], [False, False]])
    places = [Place(0, first), Place(1, second, None, {0: pairs}), Place(1, second, np.zeros((2, 2)))]
    kept = posteriors(places, [frozenset()] * 3)
    gone = posteriors(places, [frozenset(), frozenset(), frozenset({0})])
    for ours, true in zip(gone, kept, strict=True):
        assert ours == pytest.approx(true)


def test_more_rows_than_can_be_weighed_at_once_still_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "MAX_STATES", 30)
    places = [Place(row, np.arange(4.0)) for row in range(6)]
    for shares in posteriors(places, [frozenset()] * 6):
        assert shares == pytest.approx(np.exp(np.arange(4)) / np.exp(np.arange(4)).sum())


def test_no_words() -> None:
    assert posteriors([], []) == []
