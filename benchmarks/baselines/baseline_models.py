"""Models for both arms of ``benchmarks.baseline``: the same ones, as the published demos and as the product run them.

Where a file of weights is missing, the network gets reproducible numbers, which cost the same. S3FD finds nothing
sensible with those: then it is run and timed, and the boxes come from YuNet, whose time is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from whisper.model import Whisper

from benchmarks.baselines.published_detection import plain_faces
from benchmarks.common.networks import (
    S3FD_FILE,
    S3FD_THRESHOLD,
    SPEAKER_FILES,
    SPEAKER_LAYOUTS,
    fill_s3fd,
    find_weights,
    load_or_fill,
    load_or_write,
)
from benchmarks.common.places import YUNET_FILE
from benchmarks.common.timed_runs import Models
from pipeline.models.store import find
from pipeline.speech.whisper_file import load_model
from s3fd import FaceDetector, auto_scale, load_detector
from s3fd.common import S3FD_SCALE
from s3fd.network import S3fdNetwork
from talknet import SpeakerScorer, load_scorer
from talknet.light_asd import LightAsd
from talknet.lr_asd import LrAsd
from talknet.talknet_layout import TalkNet

Detect = Callable[[np.ndarray], np.ndarray]
"""Function from one (H, W, 3) picture to its (N, 5) faces."""


@dataclass(frozen=True, slots=True)
class OldModels:
    """Models of the old way."""

    detect: Detect
    network: TalkNet | LrAsd | LightAsd
    boxes: Detect | None = None
    """Source of the faces, where those of `detect` are not to be used."""
    whisper: Whisper | None = None
    """Recogniser of the words; None where they are given."""


class TimedDetector:
    """Face detector that adds up its wall time.

    Args:
        inner: detector that is timed.
        boxes: detector whose faces are used instead; its time is `beside_s`.
    """

    def __init__(self, inner: FaceDetector, boxes: FaceDetector | None = None) -> None:
        self._inner, self._boxes, self.name, self.memory_reductions = inner, boxes, inner.name, 0
        self.wall_s = self.beside_s = 0.0
        self.looks = 0

    def detect(self, frames: np.ndarray, *, scale: float = 1.0, threshold: float | None = None) -> list[np.ndarray]:
        began_s = time.perf_counter()
        found = self._inner.detect(frames, scale=scale, threshold=threshold)
        self.wall_s += (ended_s := time.perf_counter()) - began_s
        self.looks += len(frames)
        if self._boxes is not None:
            found = self._boxes.detect(frames, scale=auto_scale(self._boxes.name, *frames.shape[1:3]))
            self.beside_s += time.perf_counter() - ended_s
        return found


class TimedScorer:
    """Speaker model that adds up its wall time."""

    def __init__(self, inner: SpeakerScorer) -> None:
        self._inner, self.name, self.memory_reductions, self.wall_s = inner, inner.name, 0, 0.0

    def score(self, crops: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        return self.score_tracks([(crops, mfcc)])[0]

    def score_tracks(self, tracks: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        began_s = time.perf_counter()
        scored = self._inner.score_tracks(tracks)
        self.wall_s += time.perf_counter() - began_s
        return scored


def load_old(models: Models) -> OldModels:
    """Load the models as the published demos run them.

    Raises:
        WeightsError: a file is damaged, or of another network.
        SystemExit: the old way has no such detector, or Whisper's weights are nowhere.
    """
    whisper = _whisper(models) if models.words else None
    network = SPEAKER_LAYOUTS[models.speaker_model]()
    load_or_fill(network, find_weights(models.weights_dir, SPEAKER_FILES[models.speaker_model]))
    network.eval().to(models.device)
    if models.face_detector == "yunet":
        return OldModels(_one_by_one(_yunet(models)), network, whisper=whisper)
    if models.face_detector != "s3fd":
        raise SystemExit(f"the old way is written for yunet and s3fd, not for {models.face_detector}")
    s3fd = S3fdNetwork()
    load_or_fill(s3fd, find_weights(models.weights_dir, S3FD_FILE), fill_s3fd)
    s3fd.eval().to(models.device)
    boxes = _one_by_one(_yunet(models))
    return OldModels(lambda picture: plain_faces(s3fd, picture, S3FD_SCALE, S3FD_THRESHOLD), network, boxes, whisper)


def load_ours(models: Models, folder: Path) -> tuple[TimedDetector, TimedScorer]:
    """Load the models as the product runs them, timed; stand-in weights are written to *folder*."""
    name = SPEAKER_FILES[models.speaker_model]
    network = SPEAKER_LAYOUTS[models.speaker_model]()
    path = load_or_write(network, find_weights(models.weights_dir, name), folder / name)
    scorer = TimedScorer(load_scorer(models.speaker_model, path, models.device))
    if models.face_detector == "yunet":
        return TimedDetector(_yunet(models)), scorer
    found = find_weights(models.weights_dir, S3FD_FILE)
    path = load_or_write(S3fdNetwork(), found, folder / S3FD_FILE, fill_s3fd)
    return TimedDetector(load_detector("s3fd", path, models.device), _yunet(models)), scorer


def _yunet(models: Models) -> FaceDetector:
    path = find_weights(models.weights_dir, YUNET_FILE)
    if path is None:
        raise SystemExit(f"{YUNET_FILE} is needed: name its folder with --weights-dir")
    return load_detector("yunet", path)


def _one_by_one(detector: FaceDetector) -> Detect:
    return lambda picture: detector.detect(picture[None], scale=auto_scale(detector.name, *picture.shape[:2]))[0]


def _whisper(models: Models) -> Whisper:
    path = find(f"whisper-{models.words}", models.weights_dir)
    if path is None:
        raise SystemExit(f"fetch it first: python -m pipeline.weights fetch whisper-{models.words}")
    return load_model(path, "cpu")
