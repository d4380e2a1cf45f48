"""Gives measured times to the words of the user's own transcript, as far as they can be had."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from pipeline.errors import InputError
from pipeline.speech import UNKNOWN_LANGUAGE
from pipeline.speech.alignment import Aligner
from pipeline.speech.pronunciation import spoken_form
from pipeline.types import AudioTrack, Segment, Transcript, Word

MARGIN_S = 0.25
"""A cue may begin after its first word or end before its last by this much; never into a neighbour's cue."""

ENGLISH_SHARE = 0.85
"""A text that does not say its language is taken as English when at least this share of its words is in the
dictionary. Names and loans are in it too: paragraphs in eight other European languages had 0.30 to 0.69, an English one
with foreign names 0.98."""


def align_given(transcript: Transcript, audio: AudioTrack, aligner: Aligner | None = None) -> Transcript:
    """Measures the words that a given transcript has no time for.

    English words are aligned to the sound; those of other languages keep their share of the cue and stay marked
    ``interpolated``. Words with a time of their own keep it. No word is added or lost; what lies past the end of the
    recording is moved to its end and has no length there.

    Args:
        transcript: as of `pipeline.speech.given.read_transcript`.
        audio: the recording.
        aligner: a loaded one; without it, one is loaded when it is needed.

    Returns:
        The same segments and words, with times inside the recording, and the language ``en`` where the text was found
        to be English.

    Raises:
        InputError: ``bad_transcript`` when most words begin after the end of the recording.
    """
    words = transcript.words
    late = sum(word.start_s >= audio.duration_s for word in words)
    if late > len(words) / 2:
        raise InputError(
            "bad_transcript",
            f"{late} of the {len(words)} words of the given transcript begin after the end of the recording at "
            f"{audio.duration_s:.1f} s. Is it the transcript of another video, or of one that was cut?",
        )
    transcript = dataclasses.replace(
        transcript, segments=tuple(_clipped(segment, audio.duration_s) for segment in transcript.segments)
    )
    if transcript.language not in ("en", UNKNOWN_LANGUAGE) or all(word.timing == "measured" for word in words):
        return transcript
    aligner = aligner or Aligner()
    if transcript.language == UNKNOWN_LANGUAGE and not _is_english(words, aligner):
        return transcript
    return Transcript("en", _aligned(transcript.segments, audio, aligner))


def _is_english(words: Sequence[Word], aligner: Aligner) -> bool:
    return sum(spoken_form(word.text, aligner.knows).sure for word in words) >= ENGLISH_SHARE * len(words)


def _aligned(segments: Sequence[Segment], audio: AudioTrack, aligner: Aligner) -> tuple[Segment, ...]:
    done: list[Segment] = []
    for index, segment in enumerate(segments):
        before_s = done[-1].end_s if done else 0.0
        after_s = segments[index + 1].start_s if index + 1 < len(segments) else audio.duration_s
        low_s = min(segment.start_s, max(before_s, segment.start_s - MARGIN_S))
        high_s = max(segment.end_s, min(after_s, segment.end_s + MARGIN_S))
        done.append(_aligned_segment(segment, low_s, high_s, audio, aligner))
    return tuple(done)


def _aligned_segment(segment: Segment, low_s: float, high_s: float, audio: AudioTrack, aligner: Aligner) -> Segment:
    """The segment with its words without a time where the sound has them, between the neighbours that have one.

    All of its words are aligned, so that the search knows what is said around the missing ones. Where it finds none
    of them, the segment stays as it is.
    """
    if all(word.timing == "measured" for word in segment.words):
        return segment
    found = aligner.align(audio, [word.text for word in segment.words], low_s, high_s)
    if all(word.timing == "interpolated" for word in found):
        return segment
    limits_s = _next_known_starts(segment.words, high_s)
    words: list[Word] = []
    before_s = low_s
    for old, new, limit_s in zip(segment.words, found, limits_s, strict=True):
        if old.timing == "interpolated":
            start_s = min(max(new.start_s, before_s), limit_s)
            end_s = min(max(new.end_s, start_s), limit_s)
            old = dataclasses.replace(old, start_s=start_s, end_s=end_s, timing=new.timing)
        words.append(old)
        before_s = old.end_s
    return dataclasses.replace(
        segment,
        start_s=min(segment.start_s, words[0].start_s),
        end_s=max(segment.end_s, words[-1].end_s),
        words=tuple(words),
    )


def _next_known_starts(words: Sequence[Word], end_s: float) -> list[float]:
    """For every word, where the next one with a time of its own begins; *end_s* after the last of them."""
    starts: list[float] = []
    for word in reversed(words):
        starts.append(end_s)
        end_s = word.start_s if word.timing == "measured" else end_s
    return starts[::-1]


def _clipped(segment: Segment, duration_s: float) -> Segment:
    words = tuple(
        dataclasses.replace(word, start_s=min(word.start_s, duration_s), end_s=min(word.end_s, duration_s))
        for word in segment.words
    )
    return dataclasses.replace(
        segment,
        start_s=min(segment.start_s, duration_s),
        end_s=min(segment.end_s, duration_s),
        words=words,
    )
