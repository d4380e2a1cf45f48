"""Values made by hand for the tests of several folders, handed out as functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.types import AttributedWord, ScoredTracks, Sentence, Word
from tests.support.film import Film


def _tracks(
    *faces: tuple[int, int, Any] | tuple[int, int, Any, Any],
    frame_count: int,
    shot_starts: Sequence[int] = (0,),
    persons: Sequence[int] | None = None,
) -> ScoredTracks:
    columns: list[list[np.ndarray]] = [[], [], [], []]
    for number, (first, stop, logit, *box) in enumerate(faces):
        count = stop - first
        columns[0].append(np.full(count, number, np.int32))
        columns[1].append(np.arange(first, stop, dtype=np.int32))
        columns[2].append(np.broadcast_to(np.asarray(box[0] if box else (10, 10, 50, 50), np.float32), (count, 4)))
        columns[3].append(np.broadcast_to(np.asarray(logit, np.float32), (count,)))
    empty = [np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 4), np.float32), np.zeros(0, np.float32)]
    track, frame, box_px, logits = (
        np.concatenate([none, *column]) for none, column in zip(empty, columns, strict=True)
    )
    probability = (1 / (1 + np.exp(-logits))).astype(np.float32)
    person = track if persons is None else np.array(persons, np.int32)[track]
    starts = np.array(shot_starts, np.int32)
    return ScoredTracks(frame_count, starts, track, frame, box_px, logits, probability, person=person)


def _words(*timed: tuple[str, float, float]) -> tuple[Word, ...]:
    return tuple(Word(text, start_s, end_s) for text, start_s, end_s in timed)


def _sentence(start_s: float, end_s: float, track: int | None = 0, **fields: Any) -> Sentence:
    speaker = None if track is None else track + 1
    score = None if track is None else 1.0
    values = {"avg_score": score, "probability": score, "margin": None, "coverage": 1.0, **fields}
    word = AttributedWord(Word(" word", start_s, end_s), track, speaker, ((track, 1.0),))
    return Sentence((word,), track, speaker, **values)


@pytest.fixture(scope="session")
def make_tracks() -> Callable[..., ScoredTracks]:
    """``make_tracks((first, stop, logit[, box]), ..., frame_count=, shot_starts=(0,), persons=None)``."""
    return _tracks


@pytest.fixture(scope="session")
def make_words() -> Callable[..., tuple[Word, ...]]:
    """``make_words((text, start_s, end_s), ...)``."""
    return _words


@pytest.fixture(scope="session")
def make_sentence() -> Callable[..., Sentence]:
    """``make_sentence(start_s, end_s, track, **fields)``: of a single word."""
    return _sentence


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """Maker of small videos in a folder of the test's own."""
    return Film(tmp_path)
