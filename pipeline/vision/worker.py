"""Pictures in, scored tracks out: shots, faces, tracks, crops and speaker scores in one pass over one video.

Pictures are pushed in as they are decoded and let go as soon as nothing needs them: not before the crops of a face
are taken, which wait for the median that smooths its path and for the detection that ends a gap. So memory does not
grow with the length of a shot, and no picture is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from config import Config
from pipeline.types import GRID_FPS, AudioTrack, FrameBatch, ScoredTracks
from pipeline.vision.calibration import probability_of
from pipeline.vision.crops import model_crop, smooth_path
from pipeline.vision.shots import LAG_FRAMES, ShotFinder
from pipeline.vision.tracks import OpenTrack, Tracker
from s3fd import FaceDetector, auto_scale
from talknet import SpeakerScorer
from talknet.features import mfcc_for_frames

SCORE_BLOCK_FRAMES = 60 * GRID_FPS
"""Frames of a track scored together. Every window of 1 to 6 s divides 60 s, so blocks give the very same numbers."""

DECODE_BATCH = 8
"""Pictures in one message from the decoder."""


@dataclass(frozen=True, slots=True)
class VisionSettings:
    """The settings that act on vision, with every ``auto`` resolved."""

    detect_scale: float | None
    """Factor from the source's size to the one for face detection; None: the detector's usual one for that source."""
    detect_threshold: float | None
    detect_every: int
    detect_batch: int
    shot_detector: str
    shot_threshold: float | None
    min_track: int
    max_gap: int
    min_face_px: float
    track_iou: float
    smooth_frames: int
    crop_scale: float

    @classmethod
    def of(cls, config: Config) -> VisionSettings:
        """The settings of *config*, whose ``DETECT_EVERY`` is a number by now."""
        every = int(config.DETECT_EVERY)
        return cls(
            detect_scale=None if config.FACEDET_SCALE == "auto" else float(config.FACEDET_SCALE),
            detect_threshold=None if config.FACEDET_THRESHOLD == "auto" else float(config.FACEDET_THRESHOLD),
            detect_every=every,
            detect_batch=config.DETECT_BATCH,
            shot_detector=config.SHOT_DETECTOR,
            shot_threshold=None if config.SHOT_THRESHOLD == "auto" else float(config.SHOT_THRESHOLD),
            min_track=config.MIN_TRACK,
            max_gap=max(config.NUM_FAILED_DET, every),
            min_face_px=config.MIN_FACE_SIZE,
            track_iou=config.TRACK_IOU,
            smooth_frames=config.SMOOTH_FRAMES,
            crop_scale=config.CROP_SCALE,
        )

    def frames_held(self, batch: int) -> int:
        """Most pictures that a session holds at once when it looks for faces in *batch* pictures at a time."""
        lag = LAG_FRAMES[self.shot_detector]
        return self.max_gap + self.smooth_frames // 2 + (batch + 1) * self.detect_every + lag + 2 * DECODE_BATCH

    def batch_within(self, capacity: int) -> int:
        """The largest detection batch, up to ``DETECT_BATCH``, with which *capacity* held pictures are enough."""
        fitting = [batch for batch in range(1, self.detect_batch + 1) if self.frames_held(batch) <= capacity]
        return fitting[-1] if fitting else 1


@dataclass(frozen=True, slots=True)
class VisionModels:
    """The two networks of vision, loaded once a worker."""

    detector: FaceDetector
    scorer: SpeakerScorer
    scorer_name: str


class VisionSession:
    """The vision of one video.

    Args:
        models: the networks.
        settings: what acts on them.
        audio: the sound of the same video.
        capacity: pictures that may be held at once; at least ``settings.frames_held(1)``.
        on_frames: called with the number of frames done.
    """

    def __init__(
        self,
        models: VisionModels,
        settings: VisionSettings,
        audio: AudioTrack,
        capacity: int,
        on_frames: Callable[[int], None] = lambda _: None,
    ) -> None:
        if capacity < settings.frames_held(1):
            raise ValueError(f"VisionSession: expected room for {settings.frames_held(1)} pictures, got {capacity}")
        self._models, self._settings, self._audio, self._on_frames = models, settings, audio, on_frames
        self._batch = settings.batch_within(capacity)
        self._shots = ShotFinder(settings.shot_detector, settings.shot_threshold)
        self._tracker = Tracker(settings.track_iou, settings.max_gap)
        self._faces: dict[OpenTrack, _Face] = {}
        self._done: list[_Face] = []
        self._pictures: dict[int, np.ndarray] = {}
        self._scale = 1.0
        self._cuts: set[int] = set()
        self._shot_starts: list[int] = []
        self._next = 0
        self._seen = -1
        self._events: list[tuple[int, bool]] = []

    def push(self, batch: FrameBatch) -> int:
        """Takes the next pictures.

        Returns:
            The first frame whose picture is still needed: those before it may be overwritten.
        """
        self._scale = batch.scale
        for offset, picture in enumerate(batch.frames):
            frame = batch.first_frame + offset
            self._pictures[frame] = picture
            self._cuts.update(self._shots.push(frame, picture))
        self._schedule(batch.first_frame + len(batch) - self._shots.lag)
        if len(self._events) >= self._batch:
            self._process()
        return self._let_go()

    def finish(self) -> ScoredTracks:
        """Everything found, after the last picture has been pushed."""
        frame_count = max(self._pictures, default=self._next - 1) + 1
        self._schedule(frame_count)
        if frame_count:
            self._want(frame_count - 1)
        self._process()
        self._end(self._tracker.cut())
        self._pictures.clear()
        return self._table(frame_count)

    def _schedule(self, stop: int) -> None:
        """Decides for the frames before *stop*, whose shots are known, where faces are looked for."""
        for frame in range(self._next, stop):
            begins = frame == 0 or frame in self._cuts
            if begins:
                if frame:
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
            events = self._events[first : first + self._batch]
            pictures = np.stack([self._pictures[frame] for frame, _ in events])
            scale = self._detect_scale(*pictures.shape[1:3])
            found = self._models.detector.detect(pictures, scale=scale, threshold=self._settings.detect_threshold)
            for (frame, begins), faces in zip(events, found, strict=True):
                if begins:
                    self._end(self._tracker.cut())
                self._end(self._tracker.update(frame, faces[:, :4]))
                self._seen = frame
        self._events = []
        for track in self._tracker.open:
            face = self._faces.setdefault(track, _Face(track, self))
            face.take_crops(track.stop_frame - self.half_window)
        self._score(self._faces.values(), SCORE_BLOCK_FRAMES)
        self._on_frames(self._seen + 1)

    def _detect_scale(self, height: int, width: int) -> float:
        """The factor for face detection on pictures of this size, which may be reduced from the source's already."""
        scale = self._settings.detect_scale
        if scale is None:
            source_px = round(height * self._scale), round(width * self._scale)
            scale = auto_scale(self._models.detector.name, *source_px)
        return scale * self._scale

    def _end(self, tracks: list[OpenTrack]) -> None:
        """Takes the last crops of these tracks and scores them together, but for those too short or too small."""
        kept: list[_Face] = []
        for track in tracks:
            face = self._faces.pop(track, None) or _Face(track, self)
            length = track.stop_frame - track.first_frame
            sides = np.diff(track.boxes_px().reshape(-1, 2, 2), axis=1).reshape(-1, 2) * self._scale
            if length > self._settings.min_track and sides.mean() > self._settings.min_face_px:
                face.take_crops(track.stop_frame)
                kept.append(face)
        self._score(kept, 1)
        self._done += kept

    def _score(self, faces: Iterable[_Face], least: int) -> None:
        """Scores the crops of these faces in one call, a block at a time, as long as a face has *least* of them."""
        blocks = [(face, *block) for face in faces for block in face.hand_over(least)]
        if not blocks:
            return
        sounds = [mfcc_for_frames(self._audio.read, first, len(crops)) for _, first, crops in blocks]
        tracks = [(crops, mfcc) for (_, _, crops), mfcc in zip(blocks, sounds, strict=True)]
        for (face, _, _), logits in zip(blocks, self._models.scorer.score_tracks(tracks), strict=True):
            face.take_logits(logits)

    def _let_go(self) -> int:
        """Forgets the pictures that nothing needs any more and returns the first that something does."""
        needed = min([self._seen + 1, *(face.next_crop for face in self._faces.values())])
        for frame in [frame for frame in self._pictures if frame < needed]:
            del self._pictures[frame]
        return needed

    def _table(self, frame_count: int) -> ScoredTracks:
        faces = sorted(self._done, key=lambda face: (face.track.first_frame, *face.track.boxes_px(0, 1)[0].tolist()))
        counts = [len(face.logits) for face in faces]
        logit = np.concatenate([face.logits for face in faces] or [np.zeros(0, np.float32)])
        starts = [face.track.first_frame for face in faces]
        frames = [np.arange(start, start + count) for start, count in zip(starts, counts, strict=True)]
        boxes = [face.track.boxes_px() for face in faces] or [np.zeros((0, 4), np.float32)]
        return ScoredTracks(
            frame_count=frame_count,
            shot_starts=np.array(self._shot_starts, np.int32),
            track=np.repeat(np.arange(len(faces), dtype=np.int32), counts),
            frame=np.concatenate(frames or [np.zeros(0)]).astype(np.int32),
            box_px=np.concatenate(boxes) * np.float32(self._scale),
            logit=logit,
            probability=probability_of(self._models.scorer_name, logit),
        )

    def crop(self, frame: int, center_half: np.ndarray) -> np.ndarray:
        """(112, 112) uint8 grey crop of one face of one frame; *center_half* is x, y and half side in its pixels."""
        x, y, half = center_half.tolist()
        return model_crop(self._pictures[frame], (x, y), half, self._settings.crop_scale)

    @property
    def half_window(self) -> int:
        """Frames that smoothing looks at on either side."""
        return self._settings.smooth_frames // 2

    def smoothed(self, boxes_px: np.ndarray) -> np.ndarray:
        """(F, 3) float64 centre and half side of a face, in pixels of the pictures."""
        return smooth_path(boxes_px, self._settings.smooth_frames)


class _Face:
    """Crops and scores of one track, as far as they are known."""

    def __init__(self, track: OpenTrack, session: VisionSession) -> None:
        self.track = track
        self._session = session
        self._crops: list[np.ndarray] = []
        self._logits: list[np.ndarray] = []
        self._next_unscored = track.first_frame

    @property
    def next_crop(self) -> int:
        """The first frame whose crop has not been taken."""
        return self._next_unscored + len(self._crops)

    @property
    def logits(self) -> np.ndarray:
        """(F,) float32 for every frame of the track, once all is scored."""
        return np.concatenate(self._logits)

    def take_crops(self, stop_frame: int) -> None:
        """Takes the crops of the frames before *stop_frame*, whose smoothed place no later detection changes."""
        first, stop = self.next_crop - self.track.first_frame, stop_frame - self.track.first_frame
        if stop <= first:
            return
        context = max(first - self._session.half_window, 0)
        path = self._session.smoothed(self.track.boxes_px(context))
        for index in range(first, stop):
            self._crops.append(self._session.crop(self.track.first_frame + index, path[index - context]))

    def hand_over(self, least: int) -> list[tuple[int, np.ndarray]]:
        """Gives its crops away in blocks, as long as there are *least* of them.

        Returns:
            First frame and (T, 112, 112) uint8 crops of each block; T is at most ``SCORE_BLOCK_FRAMES``.
        """
        blocks: list[tuple[int, np.ndarray]] = []
        while len(self._crops) >= least:
            crops, self._crops = np.stack(self._crops[:SCORE_BLOCK_FRAMES]), self._crops[SCORE_BLOCK_FRAMES:]
            blocks.append((self._next_unscored, crops))
            self._next_unscored += len(crops)
        return blocks

    def take_logits(self, logits: np.ndarray) -> None:
        """Takes the (T,) float32 logits of the next block, in the order in which they were handed over."""
        self._logits.append(logits)
