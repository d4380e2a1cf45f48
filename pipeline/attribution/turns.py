"""Turns of speakers, from words, faces and speech.

Words say who speaks, but leave out what no recogniser or subtitle wrote down, and last over silence. Speech, as a
detector hears it, says when somebody speaks; a face in view says who that is where there is no word. All times are
seconds after the first video frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from scipy.special import logit

from pipeline.attribution.evidence import INDEPENDENT_FRAMES
from pipeline.attribution.faces import running_mean
from pipeline.attribution.speakers import SWITCH_COST
from pipeline.outputs.exports import Turn
from pipeline.speech.speech_edges import homes_of
from pipeline.types import GRID_FPS, AttributedWord, Overlap, ScoredTracks

JOINED_PAUSE_S = 0.3
"""Longest pause of a speaker inside a turn: that of NIST's evaluations."""

OFF_SCREEN = "off_screen"
"""Name of speakers who are not in view: possibly several people."""

SPEAKS_FROM = 0.2
"""Probability from which a face in view is taken for the speaker of speech that has no words, rather than nobody: where
the boundaries lie from which faces are taken for the speakers of words."""

OVERHANG_S = 0.05
"""Time by which a word may begin before speech, or end after it, and still count: soft sounds at the edges are not
detected. Chosen by eye on the composed sets and the telephone talk of ``benchmarks.diarization``: nobody held out."""

NO_SPEECH = np.zeros((0, 2))
"""Speech that nobody has looked for."""

Span = tuple[float, float]
"""Start and end in seconds."""

Speaker = int | None
"""Number of a speaker, or None for voices off screen. Persons who say no word have negative numbers until all turns
are known."""


def spoken_turns(
    words: Sequence[AttributedWord],
    tracks: ScoredTracks,
    speech_s: np.ndarray,
    overlaps: Sequence[Overlap] = (),
) -> list[Turn]:
    """Return the turns of all speakers, in order of their start; those of different speakers may overlap.

    A word counts for its speaker as far as it lies in the stretch of speech that holds most of it: nobody goes on with
    a word after a pause. One that lies outside speech stays as it is: soft speech may not be detected.

    Speech without words goes to a face in view, or to voices off screen, by the probabilities of the faces and by who
    says the words around it. Every change of speaker costs evidence: Viterbi's algorithm over the frames of a stretch.

    Args:
        words: words with their speakers, in any order.
        tracks: faces and scores, with the person of each.
        speech_s: (R, 2) float64 start and end of the stretches of speech; ascending, disjoint. With none of them the
            words alone decide.
        overlaps: spans of simultaneous speech: as far as there is speech, it is that of all who are seen to speak.
    """
    faces = _faces(words, tracks)
    ordered = sorted(words, key=lambda each: each.word.start_s)
    spans: list[tuple[float, float, Speaker]] = []
    wide_s = speech_s + np.array([-OVERHANG_S, OVERHANG_S])
    inside: list[list[AttributedWord]] = [[] for _ in speech_s]
    times_s = np.array([[each.word.start_s, each.word.end_s] for each in ordered], np.float64).reshape(-1, 2)
    for each, home in zip(ordered, homes_of(times_s, speech_s).tolist(), strict=True):
        if home < 0:
            spans.append((each.word.start_s, each.word.end_s, each.speaker))
            continue
        inside[home].append(each)
        start_s, end_s = wide_s[home].tolist()
        spans.append((max(each.word.start_s, start_s), min(each.word.end_s, end_s), each.speaker))
    for (start_s, end_s), said in zip(speech_s.tolist(), inside, strict=True):
        spans += _unsaid((start_s, end_s), said, faces)
        spans += _along((start_s, end_s), overlaps, words, tracks)
    return _named(spans)


def _along(
    region: Span, overlaps: Iterable[Overlap], words: Iterable[AttributedWord], tracks: ScoredTracks
) -> list[tuple[float, float, Speaker]]:
    """Return the turns of all who speak at the same time as others in a stretch of speech."""
    numbers, persons = _numbers(words, tracks), tracks.persons
    return [
        (max(overlap.start_s, region[0]), min(overlap.end_s, region[1]), numbers.get(person, -1 - person))
        for overlap in overlaps
        if overlap.shared_s(*region) > 0
        for person in {persons[track] for track in overlap.tracks}
    ]


def _numbers(words: Iterable[AttributedWord], tracks: ScoredTracks) -> dict[int, int | None]:
    """Return the speaker number of the persons who say words."""
    persons = tracks.persons
    return {persons[each.track]: each.speaker for each in words if each.track is not None}


def _named(spans: Iterable[tuple[float, float, Speaker]]) -> list[Turn]:
    """Join the spans of each speaker across short pauses, and give every speaker a name."""
    joined: list[tuple[float, float, Speaker]] = []
    last: dict[Speaker, int] = {}
    for start_s, end_s, speaker in sorted(spans, key=lambda span: span[:2]):
        start_s, end_s = round(start_s, 3), round(end_s, 3)
        place = last.get(speaker)
        if place is not None and start_s - joined[place][1] <= JOINED_PAUSE_S + 1e-9:
            joined[place] = (joined[place][0], max(joined[place][1], end_s), speaker)
            continue
        last[speaker] = len(joined)
        joined.append((start_s, end_s, speaker))
    names: dict[Speaker, str] = {None: OFF_SCREEN}
    names |= {speaker: f"speaker_{speaker}" for speaker in last if speaker is not None and speaker > 0}
    count = max((speaker for speaker in last if speaker is not None), default=0)
    turns = [turn for turn in joined if turn[1] > turn[0]]
    for _, _, speaker in turns:
        if speaker not in names:
            count = max(count, 0) + 1
            names[speaker] = f"speaker_{count}"
    return sorted((start_s, end_s, names[speaker]) for start_s, end_s, speaker in turns)


@dataclass(frozen=True, slots=True)
class _Face:
    """One track: its speaker, its first frame, and (n,) float64 evidence on its frames."""

    speaker: int
    first: int
    evidence: np.ndarray


def _faces(words: Iterable[AttributedWord], tracks: ScoredTracks) -> list[_Face]:
    persons, numbers = tracks.persons, _numbers(words, tracks)
    found: list[_Face] = []
    for track in tracks.track_ids.tolist():
        rows, person = tracks.rows(track), persons[track]
        number = numbers.get(person)
        speaker = -1 - person if number is None else number
        found.append(_Face(speaker, int(tracks.frame[rows.start]), _evidence(tracks.probability[rows])))
    return found


def _evidence(probability: np.ndarray) -> np.ndarray:
    """Return (n,) float64: what each frame of a face says for it, against nobody."""
    odds = logit(probability.astype(np.float64))
    return (running_mean(odds) - logit(SPEAKS_FROM)) / INDEPENDENT_FRAMES


def _unsaid(
    region: Span, words: Sequence[AttributedWord], faces: Sequence[_Face]
) -> list[tuple[float, float, Speaker]]:
    """Return the speakers of the parts of a stretch of speech that no word covers.

    Args:
        region: the stretch.
        words: words that lie in it, at least in part, in order of their start.
        faces: of the whole video.
    """
    gaps = _gaps(region, [(each.word.start_s, each.word.end_s) for each in words])
    if not gaps:
        return []
    first, stop = math.floor(region[0] * GRID_FPS), math.ceil(region[1] * GRID_FPS)
    seen = [face for face in faces if face.first < stop and face.first + len(face.evidence) > first]
    speakers: list[Speaker] = list(dict.fromkeys([None, *(each.speaker for each in words), *(f.speaker for f in seen)]))
    scores = np.full((stop - first, len(speakers)), np.nan)
    for face in seen:
        low, high = max(face.first, first), min(face.first + len(face.evidence), stop)
        column = scores[low - first : high - first, speakers.index(face.speaker)]
        column[:] = np.fmax(column, face.evidence[low - face.first : high - face.first])
    scores[np.isnan(scores)] = 0.0  # who is not in view may speak as well as anybody
    _clamp(scores, first, words, speakers)
    chosen = [speakers[state] for state in _best_path(scores)]
    found: list[tuple[float, float, Speaker]] = []
    frame = first
    for speaker, run in groupby(chosen):
        begin, frame = frame, frame + len(list(run))
        for start_s, end_s in gaps:
            low_s, high_s = max(start_s, begin / GRID_FPS), min(end_s, frame / GRID_FPS)
            if low_s < high_s:
                found.append((low_s, high_s, speaker))
    return found


def _gaps(region: Span, said: Sequence[Span]) -> list[Span]:
    """Return the parts of *region* that none of *said*, in order of their start, covers."""
    gaps, at_s = [], region[0]
    for start_s, end_s in said:
        if start_s > at_s:
            gaps.append((at_s, start_s))
        at_s = max(at_s, end_s)
    return [*gaps, (at_s, region[1])] if at_s < region[1] else gaps


def _clamp(scores: np.ndarray, first: int, words: Sequence[AttributedWord], speakers: Sequence[Speaker]) -> None:
    """Leave to the frames of words, in *scores* (F, S), no other speakers than the words'; *first* is frame 0."""
    allowed = np.zeros(scores.shape, bool)
    middles_s = (np.arange(len(scores)) + first + 0.5) / GRID_FPS
    for each in words:
        low, high = np.searchsorted(middles_s, [each.word.start_s, each.word.end_s])
        allowed[low:high, speakers.index(each.speaker)] = True
    said = allowed.any(axis=1)
    scores[said] = np.where(allowed[said], 0.0, -np.inf)


def _best_path(scores: np.ndarray) -> list[int]:
    """Return the state of each frame of the best path; a change costs `SWITCH_COST`.

    Args:
        scores: (F, S) float64, what speaks for each state.
    """
    total, back = scores[0].copy(), np.zeros(scores.shape, np.int64)
    states = np.arange(scores.shape[1])
    for frame in range(1, len(scores)):
        best = int(np.argmax(total))
        moves = total[best] - SWITCH_COST > total
        back[frame] = np.where(moves, best, states)
        total = np.where(moves, total[best] - SWITCH_COST, total) + scores[frame]
    path = [int(np.argmax(total))]
    for frame in range(len(scores) - 1, 0, -1):
        path.append(int(back[frame, path[-1]]))
    return path[::-1]
