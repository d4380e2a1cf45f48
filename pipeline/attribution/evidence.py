"""Evidence of a word for each face in view: does anybody in view say it, and which of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import expit

from pipeline.attribution.faces import Faces, frames_of
from pipeline.attribution.weights import Certainty, Weights
from pipeline.types import Word

INDEPENDENT_FRAMES = 5
"""Frames (0.2 s) after which a face's score says something new: evidence is the sum of the scores over this many."""

MAX_FRAMES = 25
"""A word counts for one second at most: recognisers stretch words over silence."""

IN_VIEW_SHARE = 0.5
"""Share of a word's frames on which a face must be in view to be its speaker."""

State = int | None
"""The track of the face that speaks, or None for nobody in view."""


def evidence_of(word: Word, faces: Faces, weights: Weights) -> dict[State, float]:
    """Return the log-odds of each face in view against nobody, for whom it is 0.

    Args:
        word: the word; a face that is in view on less than half of its frames is left out.
        faces: the tracks of the video.
        weights: those of the speaker model.
    """
    first, stop = frames_of(word.start_s, word.end_s)
    seen = {track: faces.rows(track, first, stop) for track in faces.in_view(first, stop)}
    seen = {track: rows for track, rows in seen.items() if rows.stop - rows.start >= IN_VIEW_SHARE * (stop - first)}
    evidence: dict[State, float] = {}
    if seen:
        most = max(float(faces.presence(weights)[rows].mean()) for rows in seen.values())
        likeness = {track: _likeness(faces, rows, weights) for track, rows in seen.items()}
        likeliest = max(likeness.values())
        somebody = weights.presence * (most - weights.boundary)
        scale = min(stop - first, MAX_FRAMES) / INDEPENDENT_FRAMES
        evidence |= {track: scale * (somebody + own - likeliest) for track, own in likeness.items()}
    evidence[None] = 0.0
    return evidence


def tempered(word: Word, shares: Mapping[State, float], faces: Faces, weights: Weights) -> dict[State, float]:
    """Return the probabilities of a word as far as they are believed; see `Certainty`. The likeliest stays the first.

    Args:
        word: the word.
        shares: the probability of each face, and of nobody.
        faces: the tracks of the video.
        weights: those of the speaker model.
    """
    moving = {state: mouth_moves(word, faces, state, weights) for state in shares}
    first = max(shares, key=lambda state: shares[state])
    odds = {
        state: (share / shares[first]) ** believed(weights.certainty, first, moving[first], state, moving[state])
        for state, share in shares.items()
    }
    total = sum(odds.values())
    return {state: each / total for state, each in odds.items()}


def believed(certainty: Certainty, one: State, one_moves: float, other: State, other_moves: float) -> float:
    """Return the share of the log-odds between two answers that is believed, where each mouth moves so probably."""
    if one is None or other is None:
        return certainty.nobody
    both = min(one_moves, other_moves)
    return (1 - both) * certainty.calm + both * certainty.moving


def mouth_moves(word: Word, faces: Faces, state: State, weights: Weights) -> float:
    """Return the probability that the mouth of a face moves during a word; 0 of nobody."""
    if state is None:
        return 0.0
    rows = faces.rows(state, *frames_of(word.start_s, word.end_s))
    return float(expit(weights.moving_slope * faces.activity[rows].mean()))


def _likeness(faces: Faces, rows: slice, weights: Weights) -> float:
    """Return the log-likelihood that one face is the speaker, if one is; a constant may be missing."""
    activity = float(faces.activity[rows].mean())
    if weights.moving is None:
        return weights.presence * activity
    moving = -weights.moving * float(np.logaddexp(0.0, -weights.moving_slope * activity))
    heard = weights.listening * faces.others[rows] + weights.contrast * faces.contrast[rows]
    return moving + float(heard.mean())
