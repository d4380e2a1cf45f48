"""The vision of the product over pictures in memory, without sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from config import Config
from pipeline.machine import resolved
from pipeline.types import FaceTracks, FrameBatch
from pipeline.vision.session import VisionModels, VisionSession
from pipeline.vision.settings import DECODE_BATCH, VisionSettings


def batches(pictures: Iterable[np.ndarray], scale: float = 1.0) -> Iterator[FrameBatch]:
    """Yield (H, W, 3) uint8 *pictures*, which may be views that change, in copies of `DECODE_BATCH`."""
    copies, first = (picture.copy() for picture in pictures), 0
    while batch := list(islice(copies, DECODE_BATCH)):
        yield FrameBatch(first, np.stack(batch), scale)
        first += len(batch)


def tracks_in(pictures: Iterable[np.ndarray], models: VisionModels) -> FaceTracks:
    """Return the tracks in *pictures* with the usual settings on a CPU; nobody looks for who speaks."""
    settings = VisionSettings.of(resolved(Config(VISION_DEVICE="cpu", WHISPER_DEVICE="cpu", DETECT_EVERY=5)))
    session = VisionSession(models, settings, None, settings.frames_held(8))
    for batch in batches(pictures):
        session.push(batch)
    return session.finish()
