"""Pictures in, tracks of faces with their crops out: shots, faces, tracks, crops and persons in one pass.

Pictures are pushed in as they are decoded and let go as soon as nothing needs them: not before the crops of a face
are taken, which wait for the median that smooths its path and for the detection that ends a gap. So memory does not
grow with the length of a shot, and no picture is copied. The stream knows no sound and no speaker network: who wants
the crops subscribes to them (`CropConsumer`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from pipeline.types import NO_FACE, TOO_SHORT, TOO_SMALL, FaceTracks, FrameBatch
from pipeline.vision.consumers import CropConsumer, EndedTrack
from pipeline.vision.faces import TrackedFace
from pipeline.vision.given_faces import GivenFaces
from pipeline.vision.memory import HalvedBatches
from pipeline.vision.persons import Identity, PersonPart, Stretch
from pipeline.vision.scenes import GivenShots
from pipeline.vision.search import FaceSearch
from pipeline.vision.settings import VisionSettings
from pipeline.vision.shots import ShotFinder
from pipeline.vision.tracker import OpenTrack, Tracker
from pipeline.vision.unkept import UnkeptFaces
from s3fd import FaceDetector, auto_scale


class TrackStream:
    """The tracks of one video, as they grow and end.

    A track comes to the consumers with a delay: its shot must be known, and a crop waits for half of the median's
    window of detections after its frame.

    Args:
        detector: looks for faces; None where they are given.
        identity: tells persons apart; None: every track is a person of its own.
        settings: what acts on vision.
        capacity: pictures that may be held at once; at least ``settings.frames_held(1)``.
        consumers: take the crops, one after the other, in this order.
        on_frames: called with the number of frames done.
        shots: where shots begin, counted from the first picture, if the user has said so; they are looked for
            otherwise.
        faces: the faces, if the user has given them; the detector looks for them otherwise.
        first_frame: grid number of the first picture.
        halved: counts how often a model halves its batch.
    """

    def __init__(
        self,
        detector: FaceDetector | None,
        identity: Identity | None,
        settings: VisionSettings,
        capacity: int,
        consumers: Sequence[CropConsumer] = (),
        on_frames: Callable[[int], None] = lambda _: None,
        shots: GivenShots | None = None,
        faces: GivenFaces | None = None,
        first_frame: int = 0,
        halved: HalvedBatches | None = None,
    ) -> None:
        if capacity < settings.frames_held(1):
            raise ValueError(f"TrackStream: expected room for {settings.frames_held(1)} pictures, got {capacity}")
        if detector is None and faces is None:
            raise ValueError("TrackStream: expected a face detector for a video without given faces, got none")
        self._detector, self._identity, self._settings = detector, identity, settings
        self._consumers, self._on_frames, self._halved = consumers, on_frames, halved or HalvedBatches()
        self._batch = settings.batch_within(capacity)
        self._shots = shots or ShotFinder(settings.shot_detector, settings.shot_threshold)
        self._tracker = Tracker(settings.track_iou, settings.max_gap)
        self._given = faces
        self._search = FaceSearch(self._detect if faces is None else self._look_up, settings.track_iou)
        self._faces: dict[OpenTrack, TrackedFace] = {}
        self._count = 0
        self._parts: list[PersonPart] = []
        self._unkept = UnkeptFaces()
        self._pictures: dict[int, np.ndarray] = {}
        self._scale = 1.0
        self._cuts: set[int] = set()
        self._shot_starts: list[int] = []
        self._first = self._next = first_frame
        self._seen = first_frame - 1
        self._events: list[tuple[int, bool]] = []

    def push(self, batch: FrameBatch) -> int:
        """Take the next pictures.

        Returns:
            The first frame whose picture is still needed: those before it may be overwritten.
        """
        self._scale = batch.scale
        for offset, picture in enumerate(batch.frames):
            frame = batch.first_frame + offset
            self._pictures[frame] = picture
            self._cuts.update(self._first + cut for cut in self._shots.push(frame - self._first, picture))
        self._schedule(batch.first_frame + len(batch) - self._shots.lag)
        if len(self._events) >= self._batch:
            self._process()
        return self._let_go()

    def finish(self) -> FaceTracks:
        """End all tracks after the last picture and return everything found."""
        frame_count = max(self._pictures, default=self._next - 1) + 1
        self._cuts.update(self._first + cut for cut in self._shots.finish())
        self._schedule(frame_count)
        if frame_count > self._first:
            self._want(frame_count - 1)
        self._process()
        self._end(self._tracker.cut())
        self._pictures.clear()
        self._parts.sort(key=lambda part: (part.first_frame, *part.boxes_px[0].tolist()))
        return self._table(frame_count)

    @property
    def parts(self) -> Sequence[PersonPart]:
        """Parts of tracks that the rows of the finished table are made of, in their order: a consumer finds its rows by
        them."""
        return self._parts

    def _schedule(self, stop: int) -> None:
        """Decide for the frames before *stop*, whose shots are known, where faces are looked for."""
        for frame in range(self._next, stop):
            begins = frame == self._first or frame in self._cuts
            if begins:
                if frame > self._first:
                    self._want(frame - 1)
                self._shot_starts.append(frame)
                self._events.append((frame, True))
            elif (frame - self._shot_starts[-1]) % self._settings.detect_every == 0:
                self._events.append((frame, False))
        self._next = max(self._next, stop)

    def _want(self, frame: int) -> None:
        """Have faces looked for on *frame*, the last of its shot, if that is not done or planned."""
        last = self._events[-1][0] if self._events else self._seen
        if frame > last:
            self._events.append((frame, False))

    def _process(self) -> None:
        """Look for faces where it was planned, extend the tracks and hand out the crops that have become certain."""
        for first in range(0, len(self._events), self._batch):
            for frame, begins, boxes in self._search.run(self._events[first : first + self._batch]):
                if begins:
                    self._end(self._tracker.cut())
                self._end(self._tracker.update(frame, boxes))
                self._seen = frame
        self._events = []
        for track in self._tracker.open:
            if track not in self._faces:
                self._faces[track] = self._new_face(track)
        grown = [face.grown(self._pictures, self._scale) for face in self._faces.values()]
        for consumer in self._consumers if grown else ():
            consumer.grow(grown)
        self._on_frames(self._seen + 1 - self._first)

    def _detect(self, frames: Sequence[int]) -> list[np.ndarray]:
        """Return the (N, 4) boxes of the faces on each of these frames, in pixels of the pictures."""
        assert self._detector is not None
        boxes: list[np.ndarray] = []
        for first in range(0, len(frames), self._batch):
            pictures = np.stack([self._pictures[frame] for frame in frames[first : first + self._batch]])
            scale = self._detect_scale(self._detector.name, *pictures.shape[1:3])
            with self._halved.noting("face detector", self._detector):
                found = self._detector.detect(pictures, scale=scale, threshold=self._settings.detect_threshold)
            boxes += [faces[:, :4] for faces in found]
        return boxes

    def _look_up(self, frames: Sequence[int]) -> list[np.ndarray]:
        """Return the (N, 4) boxes of the given faces on each of these frames, in pixels of the pictures."""
        assert self._given is not None
        return [self._given.at(frame) / np.float32(self._scale) for frame in frames]

    def _detect_scale(self, detector: str, height: int, width: int) -> float:
        """Return the factor for face detection on pictures of this size, which may be smaller than the source's."""
        scale = self._settings.detect_scale
        if scale is None:
            source_px = round(height * self._scale), round(width * self._scale)
            scale = auto_scale(detector, *source_px)
        return scale * self._scale

    def _new_face(self, track: OpenTrack) -> TrackedFace:
        key, settings = self._count, self._settings
        self._count += 1
        return TrackedFace(key, track, settings.smooth_frames, settings.crop_scale, self._identity is not None)

    def _end(self, tracks: list[OpenTrack]) -> None:
        """Hand out the last crops of these tracks together, and drop those too short or too small."""
        faces = [self._faces.pop(track, None) or self._new_face(track) for track in tracks]
        last: dict[TrackedFace, EndedTrack] = {}
        for face in faces:
            cause = self._unkept_for(face.track)
            if cause is None:
                last[face] = face.take_last_crops(self._pictures, self._scale)
            else:
                self._unkept.add(face.track.first_frame, face.track.stop_frame, cause)
        for face, stretches in zip(list(last), self._stretches(list(last)), strict=True):
            if self._given is None and not any(stretch.is_face for stretch in stretches):
                self._unkept.add(face.track.first_frame, face.track.stop_frame, NO_FACE)
                del last[face]
                continue
            face.stretches = stretches
            last[face] = dataclasses.replace(last[face], stretches=stretches)
            self._parts += face.parts
        ended = [last.get(face) or face.dropped() for face in faces]
        for consumer in self._consumers if ended else ():
            consumer.end(ended)

    def _unkept_for(self, track: OpenTrack) -> int | None:
        """Return why a track that has ended is in no table; None where it is in one."""
        sides = np.diff(track.boxes_px().reshape(-1, 2, 2), axis=1).reshape(-1, 2) * self._scale
        if track.stop_frame - track.first_frame <= self._settings.min_track:
            return TOO_SHORT
        return TOO_SMALL if sides.mean() <= self._settings.min_face_px else None

    def _stretches(self, faces: Sequence[TrackedFace]) -> list[list[Stretch]]:
        """Return the stretches of each of these faces, whose tracks have ended."""
        if not faces or self._identity is None:
            return [[Stretch(face.track.first_frame, face.track.stop_frame, None)] for face in faces]
        with self._halved.noting("identity model", self._identity):
            return self._identity.stretches([face.give_samples() for face in faces])

    def _let_go(self) -> int:
        """Forget the pictures that nothing needs any more and return the first that something does."""
        needed = min([self._seen + 1, *(face.next_crop for face in self._faces.values())])
        for frame in [frame for frame in self._pictures if frame < needed]:
            del self._pictures[frame]
        return needed

    def _table(self, frame_count: int) -> FaceTracks:
        counts = [len(part.boxes_px) for part in self._parts]
        frames = [np.arange(part.first_frame, part.stop_frame) for part in self._parts]
        boxes = [part.boxes_px for part in self._parts] or [np.zeros((0, 4), np.float32)]
        return FaceTracks(
            frame_count=frame_count,
            shot_starts=np.array(self._shot_starts, np.int32),
            track=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
            frame=np.concatenate(frames or [np.zeros(0)]).astype(np.int32),
            box_px=np.concatenate(boxes) * np.float32(self._scale),
            person=np.repeat(self._persons(), counts),
            first_frame=self._first,
            unkept=self._unkept.table(),
        )

    def _persons(self) -> np.ndarray:
        """Return the (P,) int32 person of each part, which are in order of their beginning."""
        if self._identity is None:
            return np.arange(len(self._parts), dtype=np.int32)
        return self._identity.persons(self._parts)
