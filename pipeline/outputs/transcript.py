"""``transcript.json``: Whisper's own shape, with a speaker beside every word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.outputs.files import write_json
from pipeline.types import AttributedWord, Segment, Transcript, Word

MAX_BYTES = 256 * 2**20
"""Size above which a file is not ours: an hour of talk takes about 3 MB."""

ZERO, FIRST_VIDEO_FRAME = "time_zero", "first_video_frame"
"""Field for the instant from which times count, and its value: recognisers have none, and count from the first sample
of the sound."""

LATEST_S = 1e7
"""Latest time of our files: 115 days."""


def transcript_json(
    transcript: Transcript, attributed: Sequence[AttributedWord] | None = None, mark: str = ""
) -> dict[str, Any]:
    """Return the transcript in openai-whisper's form, and per word ``timing``, ``speaker``, ``speaker_track`` and
    ``speaker_probabilities``: for every face in view, and for nobody (null), the probability that it says the word.
    Times are seconds after the first video frame, as ``time_zero`` says: below 0 for speech before it.

    Args:
        transcript: the segments as the recogniser delivered them.
        attributed: every word of it, in its order, with its speaker; None while speakers are not known: their three
            fields are left out then.
        mark: fingerprint of the inputs of the words.

    Raises:
        ValueError: the two do not hold the same number of words.
    """
    count = len(transcript.words)
    if attributed is not None and len(attributed) != count:
        raise ValueError(f"transcript_json: expected {count} words, got {len(attributed)}")
    said = iter([_word_json(word) for word in transcript.words] if attributed is None else map(_spoken, attributed))
    segments = [_segment_json(number, segment, said) for number, segment in enumerate(transcript.segments)]
    return {
        "text": "".join(segment.text for segment in transcript.segments),
        "segments": segments,
        "language": transcript.language,
        "language_probability": _probability(transcript.language_probability),
        ZERO: FIRST_VIDEO_FRAME,
        "sound_track": transcript.sound_track,
        "notes": list(transcript.notes),
        "fingerprint": mark,
    }


def is_own(content: Mapping[str, Any]) -> bool:
    """Return True where the JSON object *content* is a transcript of this program, whose times count from the first
    video frame: it says so, or, if older, has a fingerprint."""
    if ZERO in content:
        return content[ZERO] == FIRST_VIDEO_FRAME
    return isinstance(content.get("fingerprint"), str)


def write_transcript(
    path: Path, transcript: Transcript, attributed: Sequence[AttributedWord] | None = None, mark: str = ""
) -> None:
    """Write `transcript_json` to *path*, whole or not at all."""
    write_json(path, transcript_json(transcript, attributed, mark))


def read_own_transcript(path: Path) -> tuple[Transcript, str]:
    """Read the transcript and the fingerprint that `write_transcript` wrote to *path*: times to the millisecond.

    Raises:
        InputError: ``unreadable`` when the file cannot be opened, ``bad_transcript`` when it is none of ours.
    """
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ValueError(f"it has {size} bytes; at most {MAX_BYTES} are read")
        content = json.loads(path.read_bytes())
        segments = tuple(_segment(segment) for segment in content["segments"])
        notes = tuple(_text(note) for note in content.get("notes", []))
        track = content.get("sound_track", 0)
        if type(track) is not int or track < 0:
            raise ValueError(f"expected the number of a sound track, got {track!r:.40}")
        share = content.get("language_probability")
        if share is not None and not 0 <= _number(share) <= 1:
            raise ValueError(f"expected the probability of a language, got {share!r:.40}")
        transcript = Transcript(_text(content["language"]), segments, notes, track, share)
        return transcript, _text(content["fingerprint"])
    except OSError as error:
        raise InputError("unreadable", f"cannot be read: {error.strerror or error}", path) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("bad_transcript", f"is no transcript of this program: {error}", path) from error


def _segment(value: dict[str, Any]) -> Segment:
    words = tuple(_word(word) for word in value["words"])
    flags = tuple(_text(flag) for flag in value["flags"])
    return Segment(_number(value["start"]), _number(value["end"]), _text(value["text"]), words, flags)


def _word(value: dict[str, Any]) -> Word:
    confidence, timing = value["probability"], value["timing"]
    if timing not in ("measured", "interpolated"):
        raise ValueError(f"expected a way of timing, got {timing!r:.40}")
    return Word(
        _text(value["word"]),
        _number(value["start"]),
        _number(value["end"]),
        None if confidence is None else _number(confidence),
        timing,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {type(value).__name__}")
    value.encode("utf-8")  # halves of characters could not be written again
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= LATEST_S:
        raise ValueError(f"expected a number up to {LATEST_S:g}, got {value!r:.40}")
    return float(value)


def _segment_json(number: int, segment: Segment, words: Iterator[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": number,
        "start": round(segment.start_s, 3),
        "end": round(segment.end_s, 3),
        "text": segment.text,
        "flags": list(segment.flags),
        "words": [next(words) for _ in segment.words],
    }


def _probability(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _word_json(word: Word) -> dict[str, Any]:
    return {
        "word": word.text,
        "start": round(word.start_s, 3),
        "end": round(word.end_s, 3),
        "probability": _probability(word.confidence),
        "timing": word.timing,
    }


def _spoken(spoken: AttributedWord) -> dict[str, Any]:
    return _word_json(spoken.word) | {
        "speaker": spoken.speaker,
        "speaker_track": spoken.track,
        "speaker_probabilities": [
            {"speaker_track": track, "probability": round(share, 4)} for track, share in spoken.probabilities
        ],
    }
