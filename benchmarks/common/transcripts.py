"""Transcripts in Whisper's shape, made up for benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def segment(words: Sequence[str], start_s: float, step_s: float) -> dict[str, Any]:
    """Return a segment of *words* one after another, each *step_s* long, the first at *start_s*."""
    timed = [
        {
            "word": f" {word}",
            "start": round(start_s + place * step_s, 3),
            "end": round(start_s + (place + 1) * step_s, 3),
        }
        for place, word in enumerate(words)
    ]
    return {"start": timed[0]["start"], "end": timed[-1]["end"], "text": f" {' '.join(words)}", "words": timed}


def transcript_of(segments: Sequence[dict[str, Any]], language: str = "en") -> dict[str, Any]:
    """Return the content of a transcript's file."""
    text = "".join(segment["text"] for segment in segments)
    return {"language": language, "text": text, "segments": list(segments)}
