"""``transcript.json``: Whisper's own shape, with a speaker beside every word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.outputs.files import write_json
from pipeline.types import AttributedWord, Segment, Transcript


def transcript_json(transcript: Transcript, attributed: Sequence[AttributedWord]) -> dict[str, Any]:
    """The transcript as openai-whisper writes it, and per word ``speaker``, ``speaker_track``, ``timing`` and
    ``speaker_probabilities``: for every face in view, and for nobody (null), how probable it is that it says the word.

    Args:
        transcript: the segments as the recogniser delivered them.
        attributed: every word of it, in its order, with its speaker.

    Raises:
        ValueError: the two do not hold the same number of words.
    """
    if len(attributed) != len(transcript.words):
        raise ValueError(f"transcript_json: expected {len(transcript.words)} words, got {len(attributed)}")
    words = iter(attributed)
    segments = [_segment_json(number, segment, words) for number, segment in enumerate(transcript.segments)]
    return {
        "text": "".join(segment.text for segment in transcript.segments),
        "segments": segments,
        "language": transcript.language,
    }


def write_transcript(path: Path, transcript: Transcript, attributed: Sequence[AttributedWord]) -> None:
    """Writes `transcript_json` to *path*, whole or not at all."""
    write_json(path, transcript_json(transcript, attributed))


def _segment_json(number: int, segment: Segment, words: Iterator[AttributedWord]) -> dict[str, Any]:
    return {
        "id": number,
        "start": round(segment.start_s, 3),
        "end": round(segment.end_s, 3),
        "text": segment.text,
        "flags": list(segment.flags),
        "words": [_word_json(next(words)) for _ in segment.words],
    }


def _word_json(spoken: AttributedWord) -> dict[str, Any]:
    word = spoken.word
    return {
        "word": word.text,
        "start": round(word.start_s, 3),
        "end": round(word.end_s, 3),
        "probability": None if word.confidence is None else round(word.confidence, 4),
        "timing": word.timing,
        "speaker": spoken.speaker,
        "speaker_track": spoken.track,
        "speaker_probabilities": [
            {"speaker_track": track, "probability": round(share, 4)} for track, share in spoken.probabilities
        ],
    }
