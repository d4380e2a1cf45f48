"""Words that are said while there is no picture: before its first frame or after its last."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from pipeline.attribution.faces import frames_of
from pipeline.types import GRID_FPS, AttributedWord, ScoredTracks, Word

Words = tuple[AttributedWord, ...]


def is_before(word: Word, tracks: ScoredTracks) -> bool:
    """Return True where the greater part of *word* lies before the first picture."""
    return (word.start_s + word.end_s) / 2 * GRID_FPS < tracks.first_frame


def parted_at_beginning(words: Sequence[AttributedWord], tracks: ScoredTracks) -> list[Words]:
    """Split the words of a sentence at the first picture: those said before it, then those said with it.

    An empty part is left out. Without the split a clip would begin in the middle of its text.
    """
    return [tuple(part) for _, part in groupby(words, key=lambda spoken: is_before(spoken.word, tracks))]


def outside_picture(words: Sequence[AttributedWord], tracks: ScoredTracks) -> str | None:
    """Return the reason why no clip can show *words*, for people; None where there is a picture."""
    start_s, end_s = words[0].word.start_s, max(spoken.word.end_s for spoken in words)
    begin_s, stop_s = tracks.first_frame / GRID_FPS, tracks.frame_count / GRID_FPS
    if all(is_before(spoken.word, tracks) for spoken in words):
        return f"it is said from {start_s:.2f} to {end_s:.2f} s, and the picture begins at {begin_s:g}"
    if frames_of(start_s, end_s)[0] >= tracks.frame_count:
        return f"the picture ends at {stop_s:.2f} s and the sentence begins at {start_s:.2f} s"
    return None
