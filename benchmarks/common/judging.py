"""Results of one video against the truth: frames, words and sentences."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.truth import Truth
from pipeline.attribution.faces import frames_of
from pipeline.outputs.tracks import read_tracks
from pipeline.types import ScoredTracks


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts and errors of one video."""

    scores: np.ndarray
    """(R,) logits, of every face on every frame."""
    labels: np.ndarray
    """(R,) bool: True where that face speaks."""
    positives: int
    """Faces that speak and are in view, found or not, over all frames."""
    frames: int
    """Frames on which one person speaks, in view, with another face in view."""
    frames_right: int
    """Those of `frames` on which the speaker's face has the highest logit."""
    words: int
    words_right: int
    """Words on the face that says them, or on nobody's where the speaker is not in view."""
    words_right_by_mean: int
    """The same by the rule of system 0: the face in view whose mean over its whole track is highest."""
    boundary_errors_s: np.ndarray
    """(B,) between sentences and true turns, starts and ends, each to the nearest of the other."""


def judge(truth: Truth, results: Path) -> Verdict:
    """Compare ``tracks.npz``, ``transcript.json`` and the manifest in *results* with *truth*."""
    tracks = read_tracks(results / "tracks.npz")
    people, labels = labelled_rows(truth, tracks)
    speaking = {person: truth.speaking(person) for person in truth.boxes_px}
    positives = sum(int((flags & truth.in_view(person)).sum()) for person, flags in speaking.items())
    frames, frames_right = _frames(tracks, people, speaking, truth)
    transcript = json.loads((results / "transcript.json").read_bytes())
    words = [
        (word["start"], word["end"], word["speaker_track"])
        for segment in transcript["segments"]
        for word in segment["words"]
    ]
    count, right, right_by_mean = count_words(words, truth, tracks, people_of_tracks(tracks, people))
    return Verdict(
        scores=tracks.logit,
        labels=labels,
        positives=positives,
        frames=frames,
        frames_right=frames_right,
        words=count,
        words_right=right,
        words_right_by_mean=right_by_mean,
        boundary_errors_s=_boundary_errors(truth, json.loads((results / "output" / "manifest.json").read_bytes())),
    )


def labelled_rows(truth: Truth, tracks: ScoredTracks) -> tuple[list[str | None], np.ndarray]:
    """Return the person that each row of *tracks* shows, and (M,) bool: True where that person speaks."""
    rows = list(zip(tracks.frame.tolist(), tracks.box_px.astype(np.float64), strict=True))
    people = [truth.person_at(frame, box) for frame, box in rows]
    speaking = {person: truth.speaking(person) for person in truth.boxes_px}
    labels = [
        person is not None and bool(speaking[person][frame]) for person, (frame, _) in zip(people, rows, strict=True)
    ]
    return people, np.array(labels, bool)


def average_precision(scores: np.ndarray, labels: np.ndarray, positives: int) -> float:
    """Return the area under precision over recall, precision made monotone, as ActivityNet's evaluation of AVA does.

    Args:
        scores: (R,) scores of everything that was found; higher is more certain.
        labels: (R,) bool, True where it was right.
        positives: number of things to find.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    precision = hits / np.arange(1, len(hits) + 1)
    recall = hits / max(positives, 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * best_from_here))


def _frames(
    tracks: ScoredTracks, people: Sequence[str | None], speaking: dict[str, np.ndarray], truth: Truth
) -> tuple[int, int]:
    """Count the frames that can be judged by the highest logit alone, and the right ones among them."""
    voices = np.sum([flags.astype(int) for flags in speaking.values()], axis=0)
    rows: dict[int, list[int]] = {}
    for row, frame in enumerate(tracks.frame.tolist()):
        rows.setdefault(frame, []).append(row)
    count = right = 0
    for frame, here in rows.items():
        if frame >= truth.frame_count or voices[frame] != 1 or len(here) < 2:
            continue
        if not any(people[row] and speaking[str(people[row])][frame] for row in here):
            continue
        best = people[max(here, key=lambda row: tracks.logit[row])]
        count += 1
        right += bool(best and speaking[best][frame])
    return count, right


def people_of_tracks(tracks: ScoredTracks, people: Sequence[str | None]) -> dict[int, str | None]:
    """Return for each track the person that it shows on most of its frames."""
    votes: dict[int, Counter[str | None]] = {}
    for track, person in zip(tracks.track.tolist(), people, strict=True):
        votes.setdefault(track, Counter())[person] += 1
    return {track: counts.most_common(1)[0][0] for track, counts in votes.items()}


def count_words(
    words: Sequence[tuple[float, float, int | None]],
    truth: Truth,
    tracks: ScoredTracks,
    of_track: Mapping[int, str | None],
) -> tuple[int, int, int]:
    """Count words that somebody says, those on the right face, and those the highest whole-track mean gets right.

    Args:
        words: start and end in seconds, and the track that was chosen; None for nobody in view.
        truth: truth of the video.
        tracks: faces of the video.
        of_track: result of `people_of_tracks`.
    """
    mean = {track: float(tracks.logit[tracks.rows(track)].mean()) for track in of_track}
    count = right = right_by_mean = 0
    for start_s, end_s, chosen in words:
        person = truth.speaker(start_s, end_s)
        if person is None:
            continue
        first, stop = frames_of(start_s, end_s)
        seen = truth.in_view(person)[first:stop]
        if not seen.size or seen.mean() < 0.5:
            person = None
        here = {int(track) for track in tracks.track[(tracks.frame >= first) & (tracks.frame < stop)]}
        best = max(here, key=lambda track: mean[track], default=None)
        count += 1
        right += person == (None if chosen is None else of_track[chosen])
        right_by_mean += person == (None if best is None else of_track[best])
    return count, right, right_by_mean


def _boundary_errors(truth: Truth, manifest: dict[str, Any]) -> np.ndarray:
    sentences = [line["words"] for line in (*manifest["clips"], *manifest["dropped"])]
    errors: list[float] = []
    for true, found in (
        ([turn.start_s for turn in truth.turns], [words[0]["start"] for words in sentences]),
        ([turn.end_s for turn in truth.turns], [max(word["end"] for word in words) for words in sentences]),
    ):
        if true and found:
            apart = np.abs(np.subtract.outer(np.array(true), np.array(found)))
            errors += [*apart.min(axis=0).tolist(), *apart.min(axis=1).tolist()]
    return np.array(errors)
