"""The same models for both arms of ``benchmarks.baseline``: as the published demos run them, and as ours does.

Where a file of weights is missing, the network gets reproducible numbers, which cost the same. S3FD finds nothing
sensible with those: then it is run and timed, and the boxes come from YuNet, whose time is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from whisper.model import Whisper

from benchmarks.baselines.published_detection import plain_faces
from benchmarks.common.measuring import fill_reproducibly
from benchmarks.common.timed_runs import Models
from benchmarks.speed.detection import FILE as S3FD_FILE
from benchmarks.speed.detection import THRESHOLD, fill
from benchmarks.speed.scoring import FILES, LAYOUTS
from pipeline.checkpoint import load_weights
from pipeline.speech.whisper_file import load_model
from pipeline.weights import find
from s3fd import FaceDetector, auto_scale, load_detector
from s3fd.common import S3FD_SCALE
from s3fd.network import S3fdNetwork
from talknet import SpeakerScorer, load_scorer
from talknet.light_asd import LightAsd
from talknet.lr_asd import LrAsd
from talknet.talknet_layout import TalkNet

YUNET_FILE = "yunet_n_dynamic.onnx"

Detect = Callable[[np.ndarray], np.ndarray]
"""(N, 5) faces of one (H, W, 3) picture."""


@dataclass(frozen=True, slots=True)
class OldModels:
    """What the old way uses."""

    detect: Detect
    network: TalkNet | LrAsd | LightAsd
    boxes: Detect | None = None
    """Where the faces come from, when those of `detect` are not to be used."""
    whisper: Whisper | None = None
    """What hears the words; None where they are given."""


class TimedDetector:
    """A face detector that adds up its wall time.

    Args:
        inner: what is timed.
        boxes: where the faces come from instead; its time is `beside_s`.
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
    """A speaker model that adds up its wall time."""

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
    """The models as the published demos run them.

    Raises:
        WeightsError: a file is damaged, or of another network.
        SystemExit: the old way has no such detector, or Whisper's weights are nowhere.
    """
    whisper = _whisper(models) if models.words else None
    network = LAYOUTS[models.speaker_model]()
    path = _file(models, FILES[models.speaker_model])
    if path is None:
        fill_reproducibly(network)
    else:
        load_weights(network, path)
    network.eval().to(models.device)
    if models.face_detector == "yunet":
        return OldModels(_one_by_one(_yunet(models)), network, whisper=whisper)
    if models.face_detector != "s3fd":
        raise SystemExit(f"the old way is written for yunet and s3fd, not for {models.face_detector}")
    s3fd, path = S3fdNetwork(), _file(models, S3FD_FILE)
    if path is None:
        fill(s3fd)
    else:
        load_weights(s3fd, path)
    s3fd.eval().to(models.device)
    boxes = _one_by_one(_yunet(models))
    return OldModels(lambda picture: plain_faces(s3fd, picture, S3FD_SCALE, THRESHOLD), network, boxes, whisper)


def load_ours(models: Models, folder: Path) -> tuple[TimedDetector, TimedScorer]:
    """The models as ours runs them, timed; stand-in weights are written to *folder*."""
    path = _file(models, FILES[models.speaker_model])
    if path is None:
        network = LAYOUTS[models.speaker_model]()
        fill_reproducibly(network)
        path = folder / FILES[models.speaker_model]
        torch.save(network.state_dict(), path)
    scorer = TimedScorer(load_scorer(models.speaker_model, path, models.device))
    if models.face_detector == "yunet":
        return TimedDetector(_yunet(models)), scorer
    path = _file(models, S3FD_FILE)
    if path is None:
        s3fd = S3fdNetwork()
        fill(s3fd)
        path = folder / S3FD_FILE
        torch.save(s3fd.state_dict(), path)
    return TimedDetector(load_detector("s3fd", path, models.device), _yunet(models)), scorer


def _file(models: Models, name: str) -> Path | None:
    path = models.weights_dir / name if models.weights_dir else None
    return path if path is not None and path.is_file() else None


def _yunet(models: Models) -> FaceDetector:
    path = _file(models, YUNET_FILE)
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
