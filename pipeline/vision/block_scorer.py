"""Speaker scores of a whole video: the crops of each track in blocks of 60 s, with the sound beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.types import GRID_FPS
from pipeline.vision.consumers import EndedTrack, GrowingTrack
from pipeline.vision.logits import TrackLogits
from pipeline.vision.memory import HalvedBatches
from pipeline.vision.persons import PersonPart, Stretch
from talknet import SpeakerScorer
from talknet.contrast import ContrastScorer, Evidence, heard_track
from talknet.features import ReadSamples, mfcc_for_frames

SCORE_BLOCK_FRAMES = 60 * GRID_FPS
"""Frames of a track scored together. Every window of 1 to 6 s divides 60 s, so blocks give the very same numbers."""


class BlockScorer:
    """`CropConsumer` that scores whole blocks of a growing track, and the rest when it ends.

    The rest is parted between persons, so that none is scored with another's mouth. Blocks that are scored already, of
    a track longer than `SCORE_BLOCK_FRAMES`, stay.

    Args:
        scorer: speaker model.
        read: gives the samples of the sound; the whole sound is there.
        halved: counts how often the model halves its batch.
        around: gives the samples that the sync contrast is measured with, such as `talknet.contrast.wrapped` does;
            None: it is not measured.
    """

    def __init__(
        self,
        scorer: SpeakerScorer,
        read: ReadSamples,
        halved: HalvedBatches | None = None,
        around: ReadSamples | None = None,
    ) -> None:
        self._scorer, self._read, self._halved = scorer, read, halved or HalvedBatches()
        self._around = around
        self._unscored: dict[int, _Unscored] = {}
        self._found = {each.name: TrackLogits() for each in dataclasses.fields(Evidence)}

    def grow(self, tracks: Sequence[GrowingTrack]) -> None:
        """Score the blocks that have become whole, in one call."""
        for track in tracks:
            self._take(track)
        self._score([(track.key, *block) for track in tracks for block in self._unscored[track.key].blocks()])

    def end(self, tracks: Sequence[EndedTrack]) -> None:
        """Score all that is left of these tracks, in one call."""
        blocks: list[tuple[int, int, np.ndarray]] = []
        for track in tracks:
            self._take(track)
            unscored = self._unscored.pop(track.key)
            if track.stretches:
                blocks += [(track.key, *block) for block in unscored.last_blocks(track.stretches)]
            else:
                for column in self._found.values():
                    column.forget(track.key)
        self._score(blocks)

    def columns(self, parts: Sequence[PersonPart]) -> dict[str, np.ndarray]:
        """Return the measured columns of `SpeakerScores` of the rows of a table made of *parts* of ended tracks."""
        return {name: column.rows(parts) for name, column in self._found.items()}

    def _take(self, track: GrowingTrack | EndedTrack) -> None:
        self._unscored.setdefault(track.key, _Unscored(track.first_frame, [])).crops.extend(track.crops)

    def _score(self, blocks: Sequence[tuple[int, int, np.ndarray]]) -> None:
        if not blocks:
            return
        with self._halved.noting("speaker model", self._scorer):
            scored = self._evidence(blocks)
        for (key, first, _), found in zip(blocks, scored, strict=True):
            for name, column in self._found.items():
                column.add(key, first, getattr(found, name))

    def _evidence(self, blocks: Sequence[tuple[int, int, np.ndarray]]) -> list[Evidence]:
        if self._around is not None and isinstance(self._scorer, ContrastScorer):
            heard = [heard_track(crops, self._read, self._around, first) for _, first, crops in blocks]
            return self._scorer.evidence(heard)
        pairs = [(crops, mfcc_for_frames(self._read, first, len(crops))) for _, first, crops in blocks]
        return [Evidence(logits, logits, np.zeros_like(logits)) for logits in self._scorer.score_tracks(pairs)]


@dataclass(slots=True)
class _Unscored:
    """The crops of a track that wait for their block to be whole."""

    first_frame: int
    crops: list[np.ndarray]

    def blocks(self) -> Iterable[tuple[int, np.ndarray]]:
        """Hand over whole blocks: first frame and (T, 112, 112) uint8 crops of each."""
        while len(self.crops) >= SCORE_BLOCK_FRAMES:
            yield self._handed_over(SCORE_BLOCK_FRAMES)

    def last_blocks(self, stretches: Sequence[Stretch]) -> Iterable[tuple[int, np.ndarray]]:
        """Hand over all crops in blocks that end where a stretch begins; T is at most `SCORE_BLOCK_FRAMES`."""
        while self.crops:
            ahead = [stretch.first_frame - self.first_frame for stretch in stretches]
            yield self._handed_over(min([SCORE_BLOCK_FRAMES, *(frames for frames in ahead if frames > 0)]))

    def _handed_over(self, count: int) -> tuple[int, np.ndarray]:
        first, block = self.first_frame, np.stack(self.crops[:count])
        self.crops = self.crops[count:]
        self.first_frame += len(block)
        return first, block
