"""Sound of spans of one video, read in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from pipeline.media.audio import clip_sound, read_sound, sound_blocks
from pipeline.types import Probe

KEPT_S = 10
"""Seconds before a span that are kept: the next span may begin before its end."""


class SoundReader:
    """Reader of spans of the sound of one video.

    A file whose clock jumps cannot be sought and is read on: only for a span that begins long before the last one is it
    read from the beginning again.

    Args:
        probe: the file.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._coming: Iterator[np.ndarray] | None = None
        self._held: deque[np.ndarray] = deque()
        self._begin = self._end = 0
        """First sample that is held, and the one after the last."""

    def read(self, start_s: Fraction, end_s: Fraction) -> tuple[np.ndarray, int]:
        """Do as `pipeline.media.audio.read_sound`."""
        if not self._probe.joins or self._probe.sound_file is not None:
            return read_sound(self._probe, start_s, end_s)
        rate_hz, channels = clip_sound(self._probe)
        first = round(start_s * rate_hz)
        out = np.zeros((round((end_s - start_s) * rate_hz), channels), np.int16)
        self._read_to(first, first + len(out), KEPT_S * rate_hz)
        at = self._begin
        for block in self._held:
            low, high = max(first, at), min(first + len(out), at + len(block))
            if low < high:
                out[low - first : high - first] = block[low - at : high - at]
            at += len(block)
        return out, rate_hz

    def _read_to(self, first: int, stop: int, kept: int) -> None:
        if self._coming is None or first < self._begin:
            self._coming = sound_blocks(self._probe)
            self._held.clear()
            self._begin = self._end = 0
        while self._end < stop and (block := next(self._coming, None)) is not None:
            self._held.append(block)
            self._end += len(block)
            while self._held and self._begin + len(self._held[0]) < first - kept:
                self._begin += len(self._held.popleft())
