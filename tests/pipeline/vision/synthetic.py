"""Synthetic pictures whose faces can be read off them, stand-ins for the networks, and the stream that joins them.

The faces are squares whose red value is their number, over a background that is less red; the stand-in detector reads
their boxes off the picture, so a picture that was overwritten has no face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.types import AudioTrack, FaceTracks, FrameBatch, ScoredTracks
from pipeline.vision.consumers import CropConsumer
from pipeline.vision.embedding import Embedder
from pipeline.vision.given_faces import GivenFaces, placed
from pipeline.vision.persons import Identity, IdentityByFace
from pipeline.vision.session import VisionModels, VisionSession
from pipeline.vision.settings import DECODE_BATCH, VisionSettings
from talknet.inputs import Track

HEIGHT, WIDTH = 48, 96
FIRST_RED = 230
"""Red of face 0; a background is below, an overwritten picture (255) above all faces."""

BASE = VisionSettings(
    detect_scale=1.0,
    detect_threshold=None,
    detect_every=1,
    detect_batch=4,
    shot_detector="content",
    shot_threshold=None,
    min_track=3,
    max_gap=4,
    min_face_px=1.0,
    track_iou=0.3,
    smooth_frames=5,
    crop_scale=0.4,
)


@dataclass(frozen=True)
class Face:
    """A square that is in view on frames ``[start, stop)`` of its shot, except where it is hidden."""

    x: int = 30
    y: int = 12
    speed: int = 0
    start: int = 0
    stop: int = 10_000
    hidden: frozenset[int] = frozenset()
    side: int = 18
    shake: int = 0
    """Pixels of a jerky motion on top of the steady one."""

    def place(self, at: int) -> tuple[int, int]:
        """Left and top on frame *at* of its shot."""
        jerk = at * at * 7 % (self.shake + 1)
        return self.x + self.speed * at + jerk, self.y + jerk // 2


Shot = tuple[int, Sequence[Face]]


def pictures(shots: Sequence[Shot]) -> list[np.ndarray]:
    """The pictures of *shots*, alternately dark and bright; each face has a texture that changes on every frame."""
    out: list[np.ndarray] = []
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for number, (length, faces) in enumerate(shots):
        for at in range(length):
            grain = ((rows * 5 + columns * 3 + len(out) * 11) % 23).astype(np.uint8)
            picture = np.repeat(grain[..., None] // 4 + np.uint8(20 + 150 * (number % 2)), 3, axis=2)
            for face_number, face in enumerate(faces):
                if face.start <= at < face.stop and at not in face.hidden:
                    x, y = face.place(at)
                    area = slice(max(y, 0), max(y + face.side, 0)), slice(max(x, 0), max(x + face.side, 0))
                    picture[(*area, 2)] = FIRST_RED + face_number
                    picture[(*area, 1)] = grain[area] * 5
            out.append(picture)
    return out


@dataclass
class Detector:
    """Reads the faces off synthetic pictures, and notes what it was asked."""

    name: str = "mtcnn"
    memory_reductions: int = 0
    batches: list[int] = field(default_factory=list)
    scales: list[float] = field(default_factory=list)
    sums: list[int] = field(default_factory=list)
    to_reduce: int = 0
    """How often it will say that the device ran out of memory."""

    def detect(self, frames: np.ndarray, *, scale: float = 1.0, threshold: float | None = None) -> list[np.ndarray]:
        self.memory_reductions, self.to_reduce = self.memory_reductions + self.to_reduce, 0
        self.batches.append(len(frames))
        self.scales.append(scale)
        self.sums += [int(frame.sum(dtype=np.int64)) for frame in frames]
        return [
            np.concatenate([boxes_in(frame), np.ones((len(boxes_in(frame)), 1), np.float32)], 1) for frame in frames
        ]


def boxes_in(picture: np.ndarray) -> np.ndarray:
    found = []
    for red in range(FIRST_RED, FIRST_RED + 6):
        ys, xs = np.nonzero(picture[..., 2] == red)
        if len(xs):
            found.append((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
    return np.array(found, np.float32).reshape(-1, 4)


@dataclass
class Scorer:
    """Brightness of the crop plus the sound of the frame; notes the shape of every call."""

    name: str = "lip-motion"
    memory_reductions: int = 0
    calls: list[list[int]] = field(default_factory=list)
    to_reduce: int = 0

    def score(self, crops: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        assert crops.shape[1:] == (112, 112) and mfcc.shape == (4 * len(crops), 13)
        means = crops.reshape(len(crops), -1).mean(axis=1) / 100 + mfcc.reshape(len(crops), -1).mean(axis=1)
        return means.astype(np.float32)

    def score_tracks(self, tracks: Sequence[Track]) -> list[np.ndarray]:
        self.memory_reductions, self.to_reduce = self.memory_reductions + self.to_reduce, 0
        self.calls.append([len(crops) for crops, _ in tracks])
        return [self.score(crops, mfcc) for crops, mfcc in tracks]


@dataclass
class Run:
    faces: FaceTracks
    detector: Detector
    scorer: Scorer
    done: list[int]
    notes: tuple[str, ...] = ()
    free: list[int] = field(default_factory=list)
    """The first frame that was still needed, after each push."""

    @property
    def tracks(self) -> ScoredTracks:
        """The faces with their scores."""
        assert isinstance(self.faces, ScoredTracks)
        return self.faces


def stream(
    frames: Sequence[np.ndarray],
    audio: AudioTrack | None,
    settings: VisionSettings = BASE,
    capacity: int | None = None,
    sizes: Sequence[int] = (DECODE_BATCH,),
    scale: float = 1.0,
    embedder: Embedder | None = None,
    identity: Identity | None = None,
    reductions: tuple[int, int] = (0, 0),
    faces: GivenFaces | None = None,
    consumers: Sequence[CropConsumer] = (),
    scored: bool = True,
) -> Run:
    """Runs a session on a circular buffer of exactly *capacity* pictures, each overwritten once it may be; without a
    detector where the *faces* are given, and without a speaker model where they are not to be *scored*."""
    capacity = capacity or settings.frames_held(1)
    run = Run(None, Detector(), Scorer(), [])  # pyright: ignore[reportArgumentType]
    run.detector.to_reduce, run.scorer.to_reduce = reductions
    identity = IdentityByFace(embedder) if embedder else identity
    models = VisionModels(
        run.detector if faces is None else None, run.scorer if scored else None, "lip-motion", identity
    )
    session = VisionSession(models, settings, audio, capacity, run.done.append, faces=faces, consumers=consumers)
    ring = np.full((capacity, HEIGHT, WIDTH, 3), 255, np.uint8)
    needed = first = count = message = 0
    for frame, picture in enumerate(frames):
        assert frame - needed < capacity, "the writer waits for room that never comes"
        ring[frame % capacity] = picture
        count += 1
        last = frame == len(frames) - 1
        if last or count == sizes[message % len(sizes)] or (frame + 1) % capacity == 0:
            place = first % capacity
            free = session.push(FrameBatch(first, ring[place : place + count], scale))
            assert needed <= free <= frame + 1
            run.free.append(free)
            for gone in range(needed, free):
                ring[gone % capacity] = 255
            needed, first, count, message = free, frame + 1, 0, message + 1
    run.faces = session.finish()
    run.notes = session.notes
    return run


def faces_of(frames: Sequence[np.ndarray], every: int = 1, scale: float = 1.0) -> GivenFaces:
    """The faces on every *every*-th of these pictures, as a user might list them: in source pixels."""
    listed = range(0, len(frames), every)
    found = [boxes_in(frames[frame]) * np.float32(scale) for frame in listed]
    of = np.repeat(np.array(listed, np.int64), [len(boxes) for boxes in found])
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *found])
    return placed({frame: (frame, frame + 1) for frame in listed}, of, boxes)
