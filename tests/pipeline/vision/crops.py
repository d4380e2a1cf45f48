"""Crops, sound and tracks for consumers that are tested without a stream."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.vision.consumers import CropConsumer, EndedTrack, GrowingTrack
from pipeline.vision.persons import PersonPart, Stretch
from talknet.inputs import Track

CALM = np.arange(112, dtype=np.uint8)[:, None] + np.arange(112, dtype=np.uint8)[None]
"""A picture with a slope everywhere."""


def moving_crops(count: int, seed: int = 0) -> list[np.ndarray]:
    """*count* different crops."""
    noise = np.random.default_rng(seed).integers(0, 60, (count, 112, 112), np.uint8)
    return list(CALM // 2 + noise)


def sound(start: int, stop: int) -> np.ndarray:
    """Samples that depend on their place alone, so that any span of them is part of one sound."""
    place = np.arange(start, stop, dtype=np.int64)
    return ((place * 7919 + place * place % 977) % 12000 - 6000).astype(np.int16)


@dataclass
class WholeWindow:
    """A scorer whose every logit depends on all that it was given, and on the place in it; notes what it was given."""

    name: str = "lip-motion"
    memory_reductions: int = 0
    calls: list[list[int]] = field(default_factory=list)

    def score(self, crops: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        assert crops.shape[1:] == (112, 112) and crops.dtype == np.uint8 and mfcc.shape == (4 * len(crops), 13)
        own = crops.reshape(len(crops), -1).mean(axis=1) + mfcc.reshape(len(crops), -1).sum(axis=1)
        return (own + own.mean() + 0.01 * np.arange(len(crops))).astype(np.float32)

    def score_tracks(self, tracks: Sequence[Track]) -> list[np.ndarray]:
        self.calls.append([len(crops) for crops, _ in tracks])
        return [self.score(crops, mfcc) for crops, mfcc in tracks]


class AliveCrops:
    """`CropConsumer` that notes how many of the crops of open tracks somebody holds, itself not among them."""

    def __init__(self) -> None:
        self._crops: list[weakref.ref[np.ndarray]] = []
        self.alive: list[int] = []
        self.total = 0

    def grow(self, tracks: Sequence[GrowingTrack]) -> None:
        self.alive.append(sum(each() is not None for each in self._crops))
        self._crops = [each for each in self._crops if each() is not None]
        self.end(tracks)

    def end(self, tracks: Sequence[GrowingTrack | EndedTrack]) -> None:
        self._crops += [weakref.ref(crop) for track in tracks for crop in track.crops]
        self.total += sum(len(track.crops) for track in tracks)


def growing(key: int, first: int, crops: Sequence[np.ndarray]) -> GrowingTrack:
    return GrowingTrack(key, first, crops, np.zeros((len(crops), 4), np.float32))


def ended(key: int, first: int, crops: Sequence[np.ndarray], stretches: Sequence[Stretch]) -> EndedTrack:
    return EndedTrack(key, first, crops, np.zeros((len(crops), 4), np.float32), stretches)


def feed(
    consumer: CropConsumer, first: int, crops: Sequence[np.ndarray], sizes: Sequence[int], cuts: Sequence[int] = ()
) -> list[PersonPart]:
    """Hand a track to *consumer*, *sizes* crops at a time and the rest at its end; it shows a person more at each cut.

    Returns:
        What the track is made of.
    """
    at = 0
    for size in sizes:
        consumer.grow([growing(0, first + at, crops[at : at + size])])
        at = min(at + size, len(crops))
    marks = [first, *(first + cut for cut in cuts), first + len(crops)]
    stretches = [Stretch(start, stop, None) for start, stop in itertools.pairwise(marks)]
    consumer.end([ended(0, first + at, crops[at:], stretches)])
    return [PersonPart(0, s.first_frame, np.zeros((s.stop_frame - s.first_frame, 4)), None) for s in stretches]
