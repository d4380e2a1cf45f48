"""One face of a video while its track goes on: its crops, its scores, and a few pictures to know it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.types import GRID_FPS
from pipeline.vision.crops import model_crop, smooth_path
from pipeline.vision.persons import PersonPart, Stretch
from pipeline.vision.samples import FaceSamples, SampledTrack
from pipeline.vision.tracker import OpenTrack

SCORE_BLOCK_FRAMES = 60 * GRID_FPS
"""Frames of a track scored together. Every window of 1 to 6 s divides 60 s, so blocks give the very same numbers."""


class TrackedFace:
    """Crops and scores of one track, as far as they are known.

    Args:
        track: goes on growing while the face is in view.
        smooth_frames: window of the median that smooths its path; odd.
        crop_scale: margin of the crops, in half sides.
        sampled: whether pictures to know the face by are kept.
    """

    def __init__(self, track: OpenTrack, smooth_frames: int, crop_scale: float, sampled: bool) -> None:
        self.track = track
        self._stretches: Sequence[Stretch] = ()
        self._smooth_frames, self._crop_scale = smooth_frames, crop_scale
        self._samples = FaceSamples(track.first_frame) if sampled else None
        self._crops: list[np.ndarray] = []
        self._logits: list[np.ndarray] = []
        self._next_unscored = track.first_frame

    @property
    def next_crop(self) -> int:
        """The first frame whose crop has not been taken: the first whose picture is still needed."""
        return self._next_unscored + len(self._crops)

    @property
    def logits(self) -> np.ndarray:
        """(F,) float32 for every frame of the track, once all is scored."""
        return np.concatenate(self._logits)

    def take_certain_crops(self, pictures: Mapping[int, np.ndarray]) -> None:
        """Takes the crops of those frames whose smoothed place no later detection changes."""
        self._take_crops(self.track.stop_frame - self._smooth_frames // 2, pictures)

    def take_last_crops(self, pictures: Mapping[int, np.ndarray]) -> None:
        """Takes the crops of all frames left, after the track has ended."""
        self._take_crops(self.track.stop_frame, pictures)

    def give_samples(self) -> SampledTrack:
        """Hands over the views that were kept of it, once it has ended."""
        samples, self._samples = self._samples, None
        assert samples is not None
        return SampledTrack(self.track.first_frame, self.track.stop_frame, samples.frames, samples.views)

    def take_stretches(self, stretches: Sequence[Stretch]) -> None:
        """Takes what its samples show, before the rest of its crops is handed over.

        What is handed over afterwards is parted between persons, so that none is scored with another's mouth. Blocks
        that are scored already, of a track longer than `SCORE_BLOCK_FRAMES`, stay.
        """
        self._stretches = stretches

    @property
    def parts(self) -> list[PersonPart]:
        """The track by persons, in order of time, once all is scored."""
        begin, logits = self.track.first_frame, self.logits
        stretches = self._stretches or [Stretch(begin, self.track.stop_frame, None)]
        found = []
        for stretch in stretches:
            first, stop = stretch.first_frame - begin, stretch.stop_frame - begin
            boxes_px = self.track.boxes_px(first, stop)
            found.append(PersonPart(stretch.first_frame, boxes_px, logits[first:stop], stretch.look))
        return found

    def _take_crops(self, stop_frame: int, pictures: Mapping[int, np.ndarray]) -> None:
        begin = self.track.first_frame
        first, stop = self.next_crop - begin, stop_frame - begin
        if stop <= first:
            return
        context = max(first - self._smooth_frames // 2, 0)
        boxes = self.track.boxes_px(context)
        path = smooth_path(boxes, self._smooth_frames)
        for index in range(first, stop):
            picture = pictures[begin + index]
            x, y, half = path[index - context].tolist()
            self._crops.append(model_crop(picture, (x, y), half, self._crop_scale))
            if self._samples:
                self._samples.offer(begin + index, picture, boxes[index - context])

    def hand_over(self, ended: bool) -> list[tuple[int, np.ndarray]]:
        """Gives its crops away in whole blocks, and those that are left when the track has *ended*.

        Returns:
            First frame and (T, 112, 112) uint8 crops of each block; T is at most ``SCORE_BLOCK_FRAMES``.
        """
        blocks: list[tuple[int, np.ndarray]] = []
        while len(self._crops) >= (1 if ended else SCORE_BLOCK_FRAMES):
            ahead = [stretch.first_frame - self._next_unscored for stretch in self._stretches]
            count = min([SCORE_BLOCK_FRAMES, *(frames for frames in ahead if frames > 0)])
            crops, self._crops = np.stack(self._crops[:count]), self._crops[count:]
            blocks.append((self._next_unscored, crops))
            self._next_unscored += len(crops)
        return blocks

    def take_logits(self, logits: np.ndarray) -> None:
        """Takes the (T,) float32 logits of the next block, in the order in which they were handed over."""
        self._logits.append(logits)
