"""Whisper by openai-whisper's own loop over windows of up to 120 s, as the product once ran it: a yardstick.

It encodes every 30 s twice, once for the words and once for their times, and decodes one window at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.speech.regions import find_speech, load_detector
from pipeline.speech.whisper_decoding import TEMPERATURES
from pipeline.speech.whisper_file import load_model
from pipeline.types import AUDIO_RATE_HZ, AudioTrack

WINDOW_S, PAUSE_S = 120.0, 2.0
"""Greatest length of a window, and longest pause inside one."""


class OldSpeech:
    """Whisper with openai-whisper's ``transcribe``, in float32 on a CPU."""

    def __init__(self, weights: Path, language: str) -> None:
        self.model = load_model(weights, "cpu")
        self._detector, self._language = load_detector(), language

    def text(self, audio: AudioTrack) -> str:
        """Return all words of a recording."""
        parts: list[str] = []
        for start, end in windows(find_speech(self._detector, audio)).tolist():
            torch.manual_seed(0)
            result: Any = self.model.transcribe(
                audio.read(start, end).astype(np.float32) / 32768,
                language=self._language,
                temperature=TEMPERATURES,
                word_timestamps=True,
                condition_on_previous_text=False,
                fp16=False,
            )
            parts += [word["word"] for segment in result["segments"] for word in segment["words"]]
        return "".join(parts)


def windows(spans: np.ndarray) -> np.ndarray:
    """Join regions across short pauses; a window that grows too long is cut at the widest pause in its second half.

    Args:
        spans: (R, 2) int64 regions in samples.

    Returns:
        (W, 2) int64.
    """
    longest, pause = WINDOW_S * AUDIO_RATE_HZ, PAUSE_S * AUDIO_RATE_HZ
    pauses = spans[1:, 0] - spans[:-1, 1]
    found: list[tuple[int, int]] = []
    first = 0
    while first < len(spans):
        start, last = spans[first, 0], first
        while last < len(pauses) and pauses[last] <= pause and spans[last + 1, 1] - start <= longest:
            last += 1
        if last < len(pauses) and pauses[last] <= pause:
            late = [cut for cut in range(first, last + 1) if spans[cut, 1] - start >= longest / 2]
            last = max(late, key=lambda cut: (pauses[cut], cut), default=last)
        found.append((int(start), int(spans[last, 1])))
        first = last + 1
    return np.array(found, np.int64).reshape(-1, 2)
