"""The logits of a stream's tracks, from the first score until the stream says which rows of the table they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.vision.persons import PersonPart


class TrackLogits:
    """Logits by track, in order of time: 4 bytes to a frame."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._logits: dict[int, list[np.ndarray]] = {}

    def add(self, key: int, first_frame: int, logits: np.ndarray) -> None:
        """Add the (T,) float32 logits of the next frames of track *key*, the first of which is *first_frame*."""
        self._first.setdefault(key, first_frame)
        self._logits.setdefault(key, []).append(logits)

    def forget(self, key: int) -> None:
        """Drop the logits of a track that is not kept."""
        self._first.pop(key, None)
        self._logits.pop(key, None)

    def rows(self, parts: Sequence[PersonPart]) -> np.ndarray:
        """Return the (M,) float32 logits of all frames of *parts*, one part behind the other."""
        whole = {key: np.concatenate(logits) for key, logits in self._logits.items()}
        found = [
            whole[part.key][part.first_frame - self._first[part.key] : part.stop_frame - self._first[part.key]]
            for part in parts
        ]
        return np.concatenate(found or [np.zeros(0, np.float32)])
