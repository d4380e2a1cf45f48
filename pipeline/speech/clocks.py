"""Times of a transcript on the clock of the recording, and back: recognisers and aligners know no other.

The clock of a recording counts from the first sample of its file, that of results from the first video frame.
"""

from __future__ import annotations

import dataclasses

from pipeline.speech.given import GivenTranscript
from pipeline.types import AudioTrack, Transcript


def on_recording(given: GivenTranscript, audio: AudioTrack) -> Transcript:
    """A transcript of the user's with times in seconds of the recording; below 0 for words before it begins."""
    zeros_s = {"picture": 0.0, "sound": audio.sound_start_s, "container": audio.container_start_s}
    return shifted(given.transcript, zeros_s[given.zero] - audio.start_s)


def on_picture(transcript: Transcript, audio: AudioTrack) -> Transcript:
    """A transcript of the recording with times in seconds after the first video frame."""
    return shifted(transcript, audio.start_s)


def shifted(transcript: Transcript, by_s: float) -> Transcript:
    """*transcript* with every time *by_s* seconds later; the same one where that is 0."""
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
