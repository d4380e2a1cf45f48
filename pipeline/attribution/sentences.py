"""Words to sentences: one speaker, one thought, and never longer than wanted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from pipeline.attribution.faces import Faces, frames_of
from pipeline.attribution.picture import parted_at_beginning
from pipeline.attribution.punctuation import ends_sentence
from pipeline.types import AttributedWord, Sentence, Word

SHARED_FRAMES = 5
"""Frames (0.2 s) that two faces must be in view together to be compared, or all of the sentence when it is shorter."""

Words = tuple[AttributedWord, ...]


def split_sentences(
    words: Sequence[AttributedWord], faces: Faces, *, language: str, pause_s: float, max_s: float
) -> tuple[Sentence, ...]:
    """Split *words* into sentences, in order; each word is in exactly one.

    A sentence ends at its final punctuation, at a pause, where the speaker changes, and where the picture begins. A
    sentence longer than *max_s* is split at its widest pause until its parts fit or are single words.

    Args:
        words: in order of speech, with their speakers.
        faces: the tracks of the video, for the scores.
        language: ISO 639-1 code, for its punctuation.
        pause_s: a pause that ends a sentence, in seconds.
        max_s: longest sentence, in seconds.
    """
    return tuple(
        measured(part, faces)
        for whole in _spoken_parts(words, language, pause_s)
        for shown in parted_at_beginning(whole, faces.tracks)
        for part in _short_parts(shown, max_s)
    )


def breaks_off(before: Word, after: Word, language: str, pause_s: float) -> bool:
    """Return True where a sentence ends between two consecutive words, whoever says them."""
    return after.start_s - before.end_s >= pause_s or ends_sentence(before.text, after.text, language)


def _spoken_parts(words: Sequence[AttributedWord], language: str, pause_s: float) -> list[Words]:
    parts: list[Words] = []
    first = 0
    for i in range(1, len(words) + 1):
        if i == len(words) or _parted(words[i - 1], words[i], language, pause_s):
            parts.append(tuple(words[first:i]))
            first = i
    return parts


def _parted(before: AttributedWord, after: AttributedWord, language: str, pause_s: float) -> bool:
    return before.speaker != after.speaker or breaks_off(before.word, after.word, language, pause_s)


def _short_parts(words: Words, max_s: float) -> list[Words]:
    """Split *words* into parts of at most *max_s* seconds; of equally wide pauses, at the one nearest to the middle."""
    done: list[Words] = []
    waiting = [words]
    while waiting:
        part = waiting.pop()
        start_s, end_s = part[0].word.start_s, max(spoken.word.end_s for spoken in part)
        if end_s - start_s <= max_s or len(part) == 1:
            done.append(part)
            continue
        middle_s = (start_s + end_s) / 2

        def width(i: int, part: Words = part, middle_s: float = middle_s) -> tuple[float, float]:
            before_s, after_s = part[i - 1].word.end_s, part[i].word.start_s
            return round(after_s - before_s, 3), -abs((before_s + after_s) / 2 - middle_s)

        cut = max(range(1, len(part)), key=width)
        waiting += [part[cut:], part[:cut]]
    return done


def measured(words: Words, faces: Faces) -> Sentence:
    """Return the sentence with its scores: means over its words' frames, each read from the face that says the word."""
    speaker = words[0].speaker
    track_of_frame: dict[int, int] = {}
    for spoken in words:
        if spoken.track is not None:
            for frame in range(*frames_of(spoken.word.start_s, spoken.word.end_s)):
                track_of_frame.setdefault(frame, spoken.track)
    if not track_of_frame:
        return Sentence(words, None, speaker, None, None, None, 0.0)
    frames = np.array(list(track_of_frame))
    speaking = np.array(list(track_of_frame.values()))
    own_tracks = list(Counter(speaking.tolist()))
    logits = _own(faces, faces.tracks.logit, frames, speaking)
    seen = np.isfinite(logits)
    main = Counter(speaking[seen].tolist()).most_common(1)
    if not main:
        return Sentence(words, None, speaker, None, None, None, 0.0)
    return Sentence(
        words=words,
        track=main[0][0],
        speaker=speaker,
        avg_score=float(logits[seen].mean()),
        probability=shares_of(words, faces)[0],
        margin=_margin(faces, frames[seen], logits[seen], own_tracks),
        coverage=_coverage(words, faces, own_tracks),
    )


def shares_of(words: Words, faces: Faces) -> tuple[float, float]:
    """Return the probability that the speaker says the words on his face, and that of the likeliest other answer.

    Both are means over the words, each as long as it counts. The other answer is another person, or nobody in view.
    """
    persons = faces.tracks.persons
    own = [spoken for spoken in words if spoken.track is not None]
    shares: dict[int | None, float] = defaultdict(float)
    total = 0
    for spoken in own:
        first, stop = frames_of(spoken.word.start_s, spoken.word.end_s)
        total += stop - first
        for track, share in spoken.probabilities:
            shares[None if track is None else persons[track]] += share * (stop - first)
    speaking = {persons[spoken.track] for spoken in own if spoken.track is not None}
    others = [share for person, share in shares.items() if person not in speaking]
    return sum(shares[person] for person in speaking) / total, max(others, default=0.0) / total


def _own(faces: Faces, column: np.ndarray, frames: np.ndarray, speaking: np.ndarray) -> np.ndarray:
    """Return (n,) float64: the value of the face that speaks on each frame; NaN where it is not in view."""
    out = np.full(len(frames), np.nan)
    for track in np.unique(speaking):
        own = speaking == track
        out[own] = faces.values(column, int(track), frames[own])
    return out


def _margin(faces: Faces, frames: np.ndarray, logits: np.ndarray, own_tracks: Sequence[int]) -> float | None:
    """Return the smallest mean lead over another face, on the frames that show both; None without another face."""
    leads = []
    for track in faces.in_view(int(frames.min()), int(frames.max()) + 1):
        if track in own_tracks:
            continue
        others = faces.values(faces.tracks.logit, track, frames)
        shared = np.isfinite(others)
        if shared.sum() >= min(SHARED_FRAMES, len(frames)):
            leads.append(float((logits[shared] - others[shared]).mean()))
    return min(leads, default=None)


def _coverage(words: Words, faces: Faces, own_tracks: Sequence[int]) -> float:
    """Return the share of frames, from the first word to the last, on which a track of the speaker is in view."""
    first, stop = frames_of(words[0].word.start_s, max(spoken.word.end_s for spoken in words))
    seen = np.zeros(stop - first, bool)
    for track in own_tracks:
        begin, end = faces.span(track)
        seen[max(begin - first, 0) : max(end - first, 0)] = True
    return float(seen.mean())
