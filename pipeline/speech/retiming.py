"""Times of words from an aligner, without ever mixing up their order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

from pipeline.types import AudioTrack, Segment, Word

MARGIN_S = 0.25
"""Time by which the first or last word of a segment may reach beyond it; never into a neighbour."""


class WordAligner(Protocol):
    """Aligner that finds the words of a known text in the sound."""

    def align(self, audio: AudioTrack, texts: Sequence[str], start_s: float, end_s: float) -> tuple[Word, ...]:
        """Return the same words in their order, with times in ``[start_s, end_s)``; words that were not found are
        marked."""
        ...


def retimed(
    segments: Sequence[Segment],
    audio: AudioTrack,
    aligner: WordAligner,
    every_word: bool,
    on_progress: Callable[[float], None] = lambda _: None,
) -> tuple[Segment, ...]:
    """Return the same segments and words, with the times that *aligner* finds.

    Args:
        segments: segments in order of their start, inside the recording.
        audio: the recording.
        aligner: aligner of the words.
        every_word: measure all words anew; otherwise those that are marked ``interpolated``, between the others, which
            keep their times.
        on_progress: called with the seconds of sound that are done.

    Returns:
        Words that were not found keep their time as far as their neighbours leave it to them. A segment in which
        nothing was found stays as it is.
    """
    done: list[Segment] = []
    for index, segment in enumerate(segments):
        before_s = done[-1].end_s if done else 0.0
        after_s = segments[index + 1].start_s if index + 1 < len(segments) else audio.duration_s
        low_s = min(segment.start_s, max(before_s, segment.start_s - MARGIN_S))
        high_s = max(segment.end_s, min(after_s, segment.end_s + MARGIN_S))
        done.append(_retimed(segment, low_s, high_s, audio, aligner, every_word))
        on_progress(min(segment.end_s, audio.duration_s))
    return tuple(done)


def _retimed(
    segment: Segment, low_s: float, high_s: float, audio: AudioTrack, aligner: WordAligner, every_word: bool
) -> Segment:
    """Align all words even where few are wanted, so that the search knows the words around these."""
    if not every_word and all(word.timing == "measured" for word in segment.words):
        return segment
    found = [_within(word, low_s, high_s) for word in aligner.align(audio, _texts(segment), low_s, high_s)]
    if all(word.timing == "interpolated" for word in found):
        return segment
    merge = _measured_anew if every_word else _missing_filled
    words = merge(segment.words, found, low_s, high_s)
    start_s, end_s = words[0].start_s, words[-1].end_s
    if not every_word:
        start_s, end_s = min(segment.start_s, start_s), max(segment.end_s, end_s)
    return dataclasses.replace(segment, start_s=start_s, end_s=end_s, words=words)


def _texts(segment: Segment) -> list[str]:
    return [word.text for word in segment.words]


def _within(word: Word, low_s: float, high_s: float) -> Word:
    """Clip *word* to the span."""
    start_s, end_s = min(max(word.start_s, low_s), high_s), min(max(word.end_s, low_s), high_s)
    return dataclasses.replace(word, start_s=start_s, end_s=end_s)


def _missing_filled(words: Sequence[Word], found: Sequence[Word], low_s: float, high_s: float) -> tuple[Word, ...]:
    """Keep the words' own times; give the others the time that was found, between their neighbours."""
    limits_s = _next_starts(words, high_s)
    filled: list[Word] = []
    for old, new, limit_s in zip(words, found, limits_s, strict=True):
        before_s = filled[-1].end_s if filled else low_s
        if old.timing == "interpolated":
            start_s = min(max(new.start_s, before_s), limit_s)
            end_s = min(max(new.end_s, start_s), limit_s)
            old = dataclasses.replace(old, start_s=start_s, end_s=end_s, timing=new.timing)
        filled.append(old)
    return tuple(filled)


def _measured_anew(words: Sequence[Word], found: Sequence[Word], low_s: float, high_s: float) -> tuple[Word, ...]:
    """Give words the time that was found; those that were not found keep what their neighbours leave of their own.

    Where nothing is left of it, they get the gap between the neighbours.
    """
    limits_s = _next_starts(found, high_s)
    merged: list[Word] = []
    for old, new, limit_s in zip(words, found, limits_s, strict=True):
        before_s = merged[-1].end_s if merged else low_s
        start_s, end_s, timing = new.start_s, new.end_s, new.timing
        if timing == "interpolated":
            own_start_s, own_end_s = max(old.start_s, before_s), min(old.end_s, limit_s)
            if own_start_s < own_end_s:
                start_s, end_s, timing = own_start_s, own_end_s, old.timing
            else:
                start_s = min(max(start_s, before_s), limit_s)
                end_s = min(max(end_s, start_s), limit_s)
        merged.append(dataclasses.replace(old, start_s=start_s, end_s=end_s, timing=timing))
    return tuple(merged)


def _next_starts(words: Sequence[Word], end_s: float) -> list[float]:
    """Return for every word the start of the next one with a time of its own; *end_s* after the last of them."""
    starts: list[float] = []
    for word in reversed(words):
        starts.append(end_s)
        end_s = word.start_s if word.timing == "measured" else end_s
    return starts[::-1]
