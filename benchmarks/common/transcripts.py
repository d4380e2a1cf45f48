"""Transcripts in Whisper's shape, made up for benchmarks."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

LOST_AT_ONCE = 3
"""Neighbouring words that are left out together: recognisers do not lose single words."""


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


def with_losses(transcript: dict[str, Any], share: float, name: str) -> dict[str, Any]:
    """Return *transcript* without about *share* of its words, which *name* alone draws: `LOST_AT_ONCE` in a row."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    segments: list[dict[str, Any]] = []
    for segment in transcript["segments"]:
        said, kept, place = segment["words"], list[dict[str, Any]](), 0
        while place < len(said):
            if rng.random() * LOST_AT_ONCE < share / (1 - share * (1 - 1 / LOST_AT_ONCE)):
                place += LOST_AT_ONCE
            else:
                kept.append(said[place])
                place += 1
        if kept:
            text = "".join(word["word"] for word in kept)
            segments.append({"start": kept[0]["start"], "end": kept[-1]["end"], "text": text, "words": kept})
    return transcript_of(segments, transcript["language"])
