"""Measured times for the words of the user's own transcript, as far as they can be had."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from pipeline.errors import InputError
from pipeline.speech import UNKNOWN_LANGUAGE
from pipeline.speech.alignment import Aligner
from pipeline.speech.pronunciation import spoken_form
from pipeline.speech.retiming import retimed
from pipeline.types import AudioTrack, Segment, Transcript, Word

ENGLISH_SHARE = 0.85
"""Least share of words in the dictionary for a text that does not name its language to be taken as English. Names and
loans are in it too: paragraphs in eight other European languages had 0.30 to 0.69, an English one with foreign names
0.98."""


def fitted(transcript: Transcript, duration_s: float, is_whole: bool = True) -> Transcript:
    """Fit a transcript into its recording: words past the end are moved to the end and have no length there.

    Args:
        transcript: result of `pipeline.speech.given.read_transcript`.
        duration_s: length of the recording.
        is_whole: True where both belong to a whole video, so that they must end together.

    Raises:
        InputError: ``bad_transcript`` when most words begin after the end of the recording.
    """
    words = transcript.words
    late = sum(word.start_s >= duration_s for word in words)
    if is_whole and late > len(words) / 2:
        raise InputError(
            "bad_transcript",
            f"{late} of the {len(words)} words of the given transcript begin after the end of the recording at "
            f"{duration_s:.1f} s. Is it the transcript of another video, or of one that was cut?",
        )
    segments = tuple(_clipped(segment, duration_s) for segment in transcript.segments)
    return dataclasses.replace(transcript, segments=segments)


def align_given(transcript: Transcript, audio: AudioTrack, aligner: Aligner | None = None) -> Transcript:
    """Measure the English words that a given transcript has no time for, with PocketSphinx.

    Words of other languages keep their share of the cue and stay marked ``interpolated``. Words with a time of their
    own keep it. No word is added or lost.

    Args:
        transcript: result of `fitted`.
        audio: the recording.
        aligner: a loaded one; without it, one is loaded when it is needed.

    Returns:
        The same segments and words, with times inside the recording, and the language ``en`` where the text was found
        to be English.
    """
    if transcript.language not in ("en", UNKNOWN_LANGUAGE) or is_timed(transcript):
        return transcript
    aligner = aligner or Aligner()
    if transcript.language == UNKNOWN_LANGUAGE and not is_english(transcript.words, aligner):
        return transcript
    segments = retimed(transcript.segments, audio, aligner, every_word=False)
    return dataclasses.replace(transcript, language="en", segments=segments)


def is_timed(transcript: Transcript) -> bool:
    """Return True where every word has a time of its own."""
    return all(word.timing == "measured" for word in transcript.words)


def is_english(words: Sequence[Word], aligner: Aligner) -> bool:
    """Return True where a text in no named language is English by the dictionary of *aligner*."""
    return sum(spoken_form(word.text, aligner.knows).sure for word in words) >= ENGLISH_SHARE * len(words)


def _clipped(segment: Segment, duration_s: float) -> Segment:
    words = tuple(
        dataclasses.replace(
            word,
            start_s=min(word.start_s, duration_s),
            end_s=min(word.end_s, duration_s),
            timing=word.timing if word.start_s < duration_s else "interpolated",
        )
        for word in segment.words
    )
    return dataclasses.replace(
        segment,
        start_s=min(segment.start_s, duration_s),
        end_s=min(segment.end_s, duration_s),
        words=words,
    )
