"""Pictures in, scored tracks out: shots, faces, tracks, crops and speaker scores in one pass over one video.

Pictures are pushed in as they are decoded and let go as soon as nothing needs them: not before the crops of a face
are taken, which wait for the median that smooths its path and for the detection that ends a gap. So memory does not
grow with the length of a shot, and no picture is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from pipeline.types import TOO_SHORT, TOO_SMALL, AudioTrack, FrameBatch, ScoredTracks
from pipeline.vision.calibration import probability_of
from pipeline.vision.faces import TrackedFace
from pipeline.vision.given_faces import GivenFaces
from pipeline.vision.persons import Identity, PersonPart
from pipeline.vision.scenes import GivenShots
from pipeline.vision.search import FaceSearch
from pipeline.vision.settings import VisionSettings
from pipeline.vision.shots import ShotFinder
from pipeline.vision.tracker import OpenTrack, Tracker
from pipeline.vision.unkept import UnkeptFaces
from s3fd import FaceDetector, auto_scale
from talknet import SpeakerScorer
from talknet.features import mfcc_for_frames


@dataclass(frozen=True, slots=True)
class VisionModels:
    """The networks of vision, loaded once a worker."""

    detector: FaceDetector | None
    """None where the faces of every video are given."""
    scorer: SpeakerScorer
    scorer_name: str
    identity: Identity | None = None
    """Tells persons apart; None: every track is a person of its own."""


class VisionSession:
    """The vision of one video.

    Args:
        models: the networks.
        settings: what acts on them.
        audio: the sound of the same video.
        capacity: pictures that may be held at once; at least ``settings.frames_held(1)``.
        on_frames: called with the number of frames done.
        shots: where shots begin, counted from the first picture, if the user has said so; they are looked for
            otherwise.
        faces: the faces, if the user has given them; the detector looks for them otherwise.
        first_frame: grid number of the first picture.
    """

    def __init__(
        self,
        models: VisionModels,
        settings: VisionSettings,
        audio: AudioTrack,
        capacity: int,
        on_frames: Callable[[int], None] = lambda _: None,
        shots: GivenShots | None = None,
        faces: GivenFaces | None = None,
        first_frame: int = 0,
    ) -> None:
        if capacity < settings.frames_held(1):
            raise ValueError(f"VisionSession: expected room for {settings.frames_held(1)} pictures, got {capacity}")
        self._models, self._settings, self._audio, self._on_frames = models, settings, audio, on_frames
        self._batch = settings.batch_within(capacity)
        self._shots = shots or ShotFinder(settings.shot_detector, settings.shot_threshold)
        self._tracker = Tracker(settings.track_iou, settings.max_gap)
        self._given = faces
        self._search = FaceSearch(self._detect if faces is None else self._look_up, settings.track_iou)
        self._faces: dict[OpenTrack, TrackedFace] = {}
        self._done: list[TrackedFace] = []
        self._unkept = UnkeptFaces()
        self._pictures: dict[int, np.ndarray] = {}
        self._scale = 1.0
        self._cuts: set[int] = set()
        self._shot_starts: list[int] = []
        self._first = self._next = first_frame
        self._seen = first_frame - 1
        self._events: list[tuple[int, bool]] = []
        self._halved = {"face detector": 0, "speaker model": 0, "identity model": 0}

    def push(self, batch: FrameBatch) -> int:
        """Takes the next pictures.

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

    def finish(self) -> ScoredTracks:
        """Everything found, after the last picture has been pushed."""
        frame_count = max(self._pictures, default=self._next - 1) + 1
        self._cuts.update(self._first + cut for cut in self._shots.finish())
        self._schedule(frame_count)
        if frame_count > self._first:
            self._want(frame_count - 1)
        self._process()
        self._end(self._tracker.cut())
        self._pictures.clear()
        return self._table(frame_count)

    @property
    def notes(self) -> tuple[str, ...]:
        """Each model for which the device ran out of memory during this video."""
        return tuple(
            f"the device ran out of memory: the batch of the {model} was halved {count} time{'s' * (count > 1)}"
            for model, count in self._halved.items()
            if count
        )

    @contextmanager
    def _noting(self, name: str, model: FaceDetector | SpeakerScorer | Identity) -> Iterator[None]:
        """Counts how often *model* halves its batch inside."""
        before = model.memory_reductions
        yield
        self._halved[name] += model.memory_reductions - before

    def _schedule(self, stop: int) -> None:
        """Decides for the frames before *stop*, whose shots are known, where faces are looked for."""
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
        """Has faces looked for on *frame*, the last of its shot, if that is not done or planned."""
        last = self._events[-1][0] if self._events else self._seen
        if frame > last:
            self._events.append((frame, False))

    def _process(self) -> None:
        """Looks for faces where it was planned, extends the tracks and takes the crops that have become certain."""
        for first in range(0, len(self._events), self._batch):
            for frame, begins, boxes in self._search.run(self._events[first : first + self._batch]):
                if begins:
                    self._end(self._tracker.cut())
                self._end(self._tracker.update(frame, boxes))
                self._seen = frame
        self._events = []
        for track in self._tracker.open:
            face = self._faces.get(track)
            if face is None:
                face = self._faces[track] = self._new_face(track)
            face.take_certain_crops(self._pictures)
        self._score(self._faces.values(), ended=False)
        self._on_frames(self._seen + 1 - self._first)

    def _detect(self, frames: Sequence[int]) -> list[np.ndarray]:
        """(N, 4) boxes of the faces on each of these frames, in pixels of the pictures."""
        boxes: list[np.ndarray] = []
        for first in range(0, len(frames), self._batch):
            pictures = np.stack([self._pictures[frame] for frame in frames[first : first + self._batch]])
            scale = self._detect_scale(*pictures.shape[1:3])
            with self._noting("face detector", self._detector):
                found = self._detector.detect(pictures, scale=scale, threshold=self._settings.detect_threshold)
            boxes += [faces[:, :4] for faces in found]
        return boxes

    @property
    def _detector(self) -> FaceDetector:
        if self._models.detector is None:
            raise ValueError("VisionSession: expected a face detector for a video without given faces, got none")
        return self._models.detector

    def _look_up(self, frames: Sequence[int]) -> list[np.ndarray]:
        """(N, 4) boxes of the given faces on each of these frames, in pixels of the pictures."""
        assert self._given is not None
        return [self._given.at(frame) / np.float32(self._scale) for frame in frames]

    def _detect_scale(self, height: int, width: int) -> float:
        """The factor for face detection on pictures of this size, which may be reduced from the source's already."""
        scale = self._settings.detect_scale
        if scale is None:
            source_px = round(height * self._scale), round(width * self._scale)
            scale = auto_scale(self._detector.name, *source_px)
        return scale * self._scale

    def _new_face(self, track: OpenTrack) -> TrackedFace:
        settings = self._settings
        return TrackedFace(track, settings.smooth_frames, settings.crop_scale, self._models.identity is not None)

    def _end(self, tracks: list[OpenTrack]) -> None:
        """Takes the last crops of these tracks and scores them together, but for those too short or too small."""
        kept: list[TrackedFace] = []
        for track in tracks:
            face = self._faces.pop(track, None) or self._new_face(track)
            length = track.stop_frame - track.first_frame
            sides = np.diff(track.boxes_px().reshape(-1, 2, 2), axis=1).reshape(-1, 2) * self._scale
            if length <= self._settings.min_track:
                self._unkept.add(track.first_frame, track.stop_frame, TOO_SHORT)
            elif sides.mean() <= self._settings.min_face_px:
                self._unkept.add(track.first_frame, track.stop_frame, TOO_SMALL)
            else:
                face.take_last_crops(self._pictures)
                kept.append(face)
        if kept and self._models.identity is not None:
            with self._noting("identity model", self._models.identity):
                found = self._models.identity.stretches([face.give_samples() for face in kept])
            for face, stretches in zip(kept, found, strict=True):
                face.take_stretches(stretches)
        self._score(kept, ended=True)
        self._done += kept

    def _score(self, faces: Iterable[TrackedFace], ended: bool) -> None:
        """Scores the crops of these faces in one call: whole blocks of them, and the rest of faces that have ended."""
        blocks = [(face, *block) for face in faces for block in face.hand_over(ended)]
        if not blocks:
            return
        sounds = [mfcc_for_frames(self._audio.read, first, len(crops)) for _, first, crops in blocks]
        tracks = [(crops, mfcc) for (_, _, crops), mfcc in zip(blocks, sounds, strict=True)]
        with self._noting("speaker model", self._models.scorer):
            scored = self._models.scorer.score_tracks(tracks)
        for (face, _, _), logits in zip(blocks, scored, strict=True):
            face.take_logits(logits)

    def _let_go(self) -> int:
        """Forgets the pictures that nothing needs any more and returns the first that something does."""
        needed = min([self._seen + 1, *(face.next_crop for face in self._faces.values())])
        for frame in [frame for frame in self._pictures if frame < needed]:
            del self._pictures[frame]
        return needed

    def _table(self, frame_count: int) -> ScoredTracks:
        found = [part for face in self._done for part in face.parts]
        parts = sorted(found, key=lambda part: (part.first_frame, *part.boxes_px[0].tolist()))
        counts = [len(part.logits) for part in parts]
        logit = np.concatenate([part.logits for part in parts] or [np.zeros(0, np.float32)])
        starts = [part.first_frame for part in parts]
        frames = [np.arange(start, start + count) for start, count in zip(starts, counts, strict=True)]
        boxes = [part.boxes_px for part in parts] or [np.zeros((0, 4), np.float32)]
        return ScoredTracks(
            frame_count=frame_count,
            shot_starts=np.array(self._shot_starts, np.int32),
            track=np.repeat(np.arange(len(parts), dtype=np.int32), counts),
            frame=np.concatenate(frames or [np.zeros(0)]).astype(np.int32),
            box_px=np.concatenate(boxes) * np.float32(self._scale),
            logit=logit,
            probability=probability_of(self._models.scorer_name, logit),
            person=np.repeat(self._persons(parts), counts),
            first_frame=self._first,
            unkept=self._unkept.table(),
        )

    def _persons(self, parts: Sequence[PersonPart]) -> np.ndarray:
        """(P,) int32: the person of each of these parts, which are in order of their beginning."""
        if self._models.identity is None:
            return np.arange(len(parts), dtype=np.int32)
        return self._models.identity.persons(parts)
