"""The vision of the product over pictures in memory, without sound."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from config import Config
from pipeline.types import AudioTrack, FrameBatch, ScoredTracks
from pipeline.vision.session import VisionModels, VisionSession
from pipeline.vision.settings import DECODE_BATCH, VisionSettings


def batches(pictures: Iterable[np.ndarray], scale: float = 1.0) -> Iterator[FrameBatch]:
    """Yield (H, W, 3) uint8 *pictures*, which may be views that change, in copies of `DECODE_BATCH`."""
    copies, first = (picture.copy() for picture in pictures), 0
    while batch := list(islice(copies, DECODE_BATCH)):
        yield FrameBatch(first, np.stack(batch), scale)
        first += len(batch)


def tracks_in(pictures: Iterable[np.ndarray], models: VisionModels) -> ScoredTracks:
    """Return the tracks in *pictures* with the usual settings on a CPU; the sound is silence."""
    settings = VisionSettings.of(Config(DETECT_EVERY=5))
    with tempfile.TemporaryDirectory() as folder:
        silence = Path(folder) / "sound.pcm"
        silence.touch()
        session = VisionSession(models, settings, AudioTrack(silence, 0), settings.frames_held(8))
        for batch in batches(pictures):
            session.push(batch)
        return session.finish()
