"""Times of a transcript on the clock of the recording, and back: recognisers and aligners know no other.

The clock of a recording counts from the first sample of its file, that of results from the first video frame.
"""

from __future__ import annotations

import dataclasses

from pipeline.speech.given import GivenTranscript
from pipeline.types import AudioTrack, Excerpt, Segment, Transcript


def on_recording(given: GivenTranscript, audio: AudioTrack) -> Transcript:
    """Return the user's transcript with times in seconds of the recording, below 0 for words before it begins; of an
    excerpt, only the words inside."""
    zeros_s = {"picture": 0.0, "sound": audio.sound_start_s, "container": audio.container_start_s}
    placed = shifted(given.transcript, zeros_s[given.zero])
    return shifted(inside(placed, audio.excerpt), -audio.start_s)


def on_picture(transcript: Transcript, audio: AudioTrack) -> Transcript:
    """Return the transcript of a recording with times in seconds after the first video frame."""
    return shifted(transcript, audio.start_s)


def inside(transcript: Transcript, excerpt: Excerpt) -> Transcript:
    """Return the words of *transcript* whose middle lies in *excerpt*, in their segments; empty segments are left
    out."""
    if excerpt.is_whole:
        return transcript
    kept = (_inside(segment, excerpt) for segment in transcript.segments)
    return dataclasses.replace(transcript, segments=tuple(segment for segment in kept if segment.words))


def _inside(segment: Segment, excerpt: Excerpt) -> Segment:
    words = tuple(word for word in segment.words if excerpt.holds((word.start_s + word.end_s) / 2))
    if not words or words == segment.words:
        return dataclasses.replace(segment, words=words)
    start_s = segment.start_s if words[0] == segment.words[0] else words[0].start_s
    end_s = segment.end_s if words[-1] == segment.words[-1] else max(word.end_s for word in words)
    text = "".join(word.text for word in words)
    return dataclasses.replace(segment, start_s=start_s, end_s=end_s, text=text, words=words)


def shifted(transcript: Transcript, by_s: float) -> Transcript:
    """Return *transcript* with every time *by_s* seconds later; the same one where that is 0."""
    if not by_s:
        return transcript
    segments = tuple(
        dataclasses.replace(
            segment,
            start_s=segment.start_s + by_s,
            end_s=segment.end_s + by_s,
            words=tuple(
                dataclasses.replace(word, start_s=word.start_s + by_s, end_s=word.end_s + by_s)
                for word in segment.words
            ),
        )
        for segment in transcript.segments
    )
    return dataclasses.replace(transcript, segments=segments)
