"""Words that are said while there is no picture: before its first frame or after its last."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from pipeline.types import GRID_FPS, AttributedWord, ScoredTracks, Word

Words = tuple[AttributedWord, ...]


def is_in_picture(word: Word, tracks: ScoredTracks) -> bool:
    """Whether there is a picture in the middle of *word*: at least half of it can be in a clip then."""
    return tracks.first_frame <= (word.start_s + word.end_s) / 2 * GRID_FPS < tracks.frame_count


def parted_at_edges(words: Sequence[AttributedWord], tracks: ScoredTracks) -> list[Words]:
    """The words of a sentence in parts, in order, each either with a picture or without one: no clip has words in its
    text of which nothing is in it."""
    return [tuple(part) for _, part in groupby(words, key=lambda spoken: is_in_picture(spoken.word, tracks))]


def outside_picture(words: Sequence[AttributedWord], tracks: ScoredTracks) -> str | None:
    """Why no clip can show *words*, for people; None where there is a picture."""
    if any(is_in_picture(spoken.word, tracks) for spoken in words):
        return None
    start_s, end_s = words[0].word.start_s, max(spoken.word.end_s for spoken in words)
    begin_s = tracks.first_frame / GRID_FPS
    if start_s < begin_s:
        return f"it is said from {start_s:.2f} to {end_s:.2f} s, and the picture begins at {begin_s:g}"
    return f"the picture ends at {tracks.frame_count / GRID_FPS:.2f} s and the sentence begins at {start_s:.2f} s"
