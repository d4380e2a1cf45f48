"""Edges of speech, to which the first and last words of its regions are fitted: pure functions of times."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from pipeline.types import Segment

SHORTEST_S = 0.1
"""Least length of a word that is made to begin or end with the speech: about that of "a"."""

REACH_S = 0.4
"""Time by which a word at the edge of speech may be lengthened to reach that edge."""


def fit_to_speech(times_s: np.ndarray, speech_s: np.ndarray) -> np.ndarray:
    """Let the first word of every stretch of speech begin with it, and the last one end with it.

    Whisper lets the first word of a window begin with the window, however much silence is ahead of it, and a word
    ahead of a pause end before its last sound. A word belongs to the stretch that holds most of it: nobody goes on
    with a word after a pause. A word outside speech stays as it is: soft speech may not be detected.

    Args:
        times_s: (N, 2) float64 start and end of consecutive words; none begins before the one ahead of it ends.
        speech_s: (R, 2) float64 start and end of the stretches, without padding; ascending, disjoint.

    Returns:
        (N, 2) float64, in the same order. Words that are shortened keep `SHORTEST_S`, as far as they had it; words are
        lengthened by `REACH_S` at most, and never into a neighbour.
    """
    fitted = np.array(times_s, np.float64)
    home = homes_of(fitted, speech_s)
    inside = np.flatnonzero(home >= 0)
    if not len(inside):
        return fitted
    changes = np.flatnonzero(np.diff(home[inside]))
    for first in inside[np.concatenate([[0], changes + 1])].tolist():
        start_s, end_s = fitted[first]
        begin_s = float(speech_s[home[first], 0])
        if begin_s > start_s:
            fitted[first, 0] = max(start_s, min(begin_s, end_s - SHORTEST_S))
        elif start_s - begin_s <= REACH_S:
            fitted[first, 0] = begin_s if first == 0 else min(max(begin_s, times_s[first - 1, 1]), start_s)
    for last in inside[np.concatenate([changes, [-1]])].tolist():
        start_s, end_s = fitted[last]
        stop_s = float(speech_s[home[last], 1])
        if stop_s < end_s:
            fitted[last, 1] = min(end_s, max(stop_s, start_s + SHORTEST_S))
        elif stop_s - end_s <= REACH_S:
            fitted[last, 1] = stop_s if last == len(fitted) - 1 else max(min(stop_s, fitted[last + 1, 0]), end_s)
    return fitted


def segments_in_speech(
    segments: Sequence[Segment], speech_s: np.ndarray, lag_s: float = 0.0, end_s: float = np.inf
) -> tuple[Segment, ...]:
    """Return the same segments, the words of which `fit_to_speech` has fitted, and which begin and end with them.

    Args:
        segments: segments in order of time.
        speech_s: (R, 2) stretches of speech; see `fit_to_speech`.
        lag_s: time by which the words are late; it is taken away first.
        end_s: end of the recording.
    """
    words = [word for segment in segments for word in segment.words]
    times_s = np.array([[word.start_s, word.end_s] for word in words], np.float64).reshape(-1, 2)
    times_s = np.clip(times_s - lag_s, 0.0, end_s)
    fitted = iter(
        [
            dataclasses.replace(word, start_s=start_s, end_s=end_s)
            for word, (start_s, end_s) in zip(words, fit_to_speech(times_s, speech_s).tolist(), strict=True)
        ]
    )
    done: list[Segment] = []
    for segment in segments:
        own = tuple(next(fitted) for _ in segment.words)
        done.append(dataclasses.replace(segment, start_s=own[0].start_s, end_s=own[-1].end_s, words=own))
    return tuple(done)


def homes_of(times_s: np.ndarray, speech_s: np.ndarray) -> np.ndarray:
    """Return (N,) int64: the number of the stretch that holds most of each word, -1 for a word outside speech.

    Args:
        times_s: (N, 2) float64 start and end of words.
        speech_s: (R, 2) float64 start and end of the stretches; ascending, disjoint.
    """
    first = np.searchsorted(speech_s[:, 1], times_s[:, 0], side="right")
    behind = np.searchsorted(speech_s[:, 0], times_s[:, 1], side="left")
    homes = np.full(len(times_s), -1)
    for index in np.flatnonzero(behind > first).tolist():
        near = speech_s[first[index] : behind[index]]
        held_s = np.minimum(near[:, 1], times_s[index, 1]) - np.maximum(near[:, 0], times_s[index, 0])
        homes[index] = first[index] + int(np.argmax(held_s)) if held_s.max() > 0 else -1
    return homes
