"""Interface of the recognisers, and terms that they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from pipeline.types import AudioTrack, Transcript

Precision = Literal["auto", "half", "full"]
"""``half`` is float16 and needs CUDA; ``auto`` is half on CUDA and full elsewhere."""

UNKNOWN_LANGUAGE = "und"
"""ISO 639 code of a transcript whose language is neither named nor detected."""


class Transcriber(Protocol):
    """Recogniser of words. Its models are loaded once and serve any number of recordings."""

    def transcribe(self, audio: AudioTrack, on_progress: Callable[[float], None]) -> Transcript:
        """Recognise the words of one recording.

        Args:
            audio: the recording; read by the span, never held whole.
            on_progress: called with the seconds of sound that are done; the numbers never fall, and the last is
                ``audio.duration_s``.
        """
        ...
