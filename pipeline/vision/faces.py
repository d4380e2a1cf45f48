"""One face of a video while its track goes on: its crops, and a few pictures to know it by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.vision.consumers import EndedTrack, GrowingTrack
from pipeline.vision.crops import model_crop, smooth_path
from pipeline.vision.persons import PersonPart, Stretch
from pipeline.vision.samples import FaceSamples, SampledTrack
from pipeline.vision.tracker import OpenTrack


class TrackedFace:
    """The crops of one track, each taken once and handed over.

    Args:
        key: number of the track within its stream.
        track: goes on growing while the face is in view.
        smooth_frames: window of the median that smooths its path; odd.
        crop_scale: margin of the crops, in half sides.
        sampled: whether pictures to know the face by are kept.
    """

    def __init__(self, key: int, track: OpenTrack, smooth_frames: int, crop_scale: float, sampled: bool) -> None:
        self.key, self.track = key, track
        self.next_crop = track.first_frame
        """The first frame whose crop has not been taken: the first whose picture is still needed."""
        self.stretches: list[Stretch] = []
        """The track by persons, in order of time, once that is known."""
        self._smooth_frames, self._crop_scale = smooth_frames, crop_scale
        self._samples = FaceSamples(track.first_frame) if sampled else None

    def grown(self, pictures: Mapping[int, np.ndarray], scale: float) -> GrowingTrack:
        """Take the crops of those frames whose smoothed place no later detection changes.

        Args:
            pictures: those that are held, by frame.
            scale: from pixels of the pictures to those of the source.
        """
        first, crops, boxes_px = self._take_crops(self.track.stop_frame - self._smooth_frames // 2, pictures)
        samples = self._samples
        sampled = None if samples is None else self._sampled(samples)
        return GrowingTrack(self.key, first, crops, boxes_px * np.float32(scale), sampled)

    def take_last_crops(self, pictures: Mapping[int, np.ndarray], scale: float) -> EndedTrack:
        """Take the crops of all frames left, after the track has ended; whom it shows is not known yet."""
        first, crops, boxes_px = self._take_crops(self.track.stop_frame, pictures)
        return EndedTrack(self.key, first, crops, boxes_px * np.float32(scale), ())

    def dropped(self) -> EndedTrack:
        """Return how the consumers are told that the track is in no table."""
        return EndedTrack(self.key, self.next_crop, (), np.zeros((0, 4), np.float32), ())

    def give_samples(self) -> SampledTrack:
        """Hand over the views that were kept of it, once it has ended."""
        samples, self._samples = self._samples, None
        assert samples is not None
        return self._sampled(samples)

    @property
    def parts(self) -> list[PersonPart]:
        """The track by persons, in order of time, once it has ended."""
        begin = self.track.first_frame
        return [
            PersonPart(
                self.key,
                stretch.first_frame,
                self.track.boxes_px(stretch.first_frame - begin, stretch.stop_frame - begin),
                stretch.look,
            )
            for stretch in self.stretches
        ]

    def _sampled(self, samples: FaceSamples) -> SampledTrack:
        return SampledTrack(self.track.first_frame, self.track.stop_frame, tuple(samples.frames), tuple(samples.views))

    def _take_crops(
        self, stop_frame: int, pictures: Mapping[int, np.ndarray]
    ) -> tuple[int, list[np.ndarray], np.ndarray]:
        """Return first frame, crops and (C, 4) boxes, in pixels of the pictures, of the frames before *stop_frame*."""
        begin, first_frame = self.track.first_frame, self.next_crop
        first, stop = first_frame - begin, stop_frame - begin
        if stop <= first:
            return first_frame, [], np.zeros((0, 4), np.float32)
        context = max(first - self._smooth_frames // 2, 0)
        boxes = self.track.boxes_px(context)
        path = smooth_path(boxes, self._smooth_frames)
        crops = []
        for index in range(first, stop):
            picture = pictures[begin + index]
            x, y, half = path[index - context].tolist()
            crops.append(model_crop(picture, (x, y), half, self._crop_scale))
            if self._samples:
                self._samples.offer(begin + index, picture, boxes[index - context])
        self.next_crop = stop_frame
        return first_frame, crops, boxes[first - context : stop - context]
