"""Talking heads cut from real footage: one face, its sound, and the frames on which it speaks."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common.places import YUNET_FILE
from pipeline.errors import InputError
from pipeline.media.audio import extract_sound
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.speech.regions import RegionRules, find_speech
from pipeline.speech.regions import load_detector as load_speech_detector
from pipeline.types import SAMPLES_PER_FRAME
from s3fd import FaceDetector, auto_scale, load_detector

SOURCES = (
    *(f"retalking_face{number}.mp4" for number in range(1, 6)),
    *("talknet_pycrop_00000.avi", "talknet_pycrop_00003.avi", "syncnet_example.avi", "latentsync_demo1.mp4"),
    "grid/s1_bbaf2n.mpg",
)
"""Videos of the footage for tests in which one person talks to the camera."""

HEAD_PX = 256
"""Side of the square that holds a head."""

FACE_SHARE = 0.5
"""Side of the face as a share of that square, where the source shows enough around it."""

LOOKS = 9
"""Number of frames, spread over the source, on which the face is looked for."""

RULES = RegionRules(padding_s=0.0)
"""Speech without the margin that a recogniser wants around it."""


@dataclass(frozen=True, slots=True)
class Head:
    """One person who talks, on the 25 fps grid."""

    name: str
    pictures: np.ndarray
    """(N, HEAD_PX, HEAD_PX, 3) uint8 BGR."""
    sound: np.ndarray
    """(N * 640,) int16 at 16 kHz."""
    spoken: np.ndarray
    """(N,) bool: frames whose middle lies in speech."""

    def __len__(self) -> int:
        return len(self.pictures)

    def silence(self) -> tuple[int, int]:
        """Return the first frame of its longest silent stretch, and the frame after the last."""
        edges = [-1, *np.flatnonzero(self.spoken).tolist(), len(self)]
        before, after = max(pairwise(edges), key=lambda pair: pair[1] - pair[0])
        return before + 1, after


def heads_of(footage: Path, weights_dir: Path, names: Sequence[str] = ()) -> list[Head]:
    """Return the heads in `SOURCES`, or in *names*, of the folder *footage*; *weights_dir* has the weights of YuNet."""
    return load_heads([footage / name for name in names or SOURCES], load_detector("yunet", weights_dir / YUNET_FILE))


def load_heads(paths: Sequence[Path], detector: FaceDetector) -> list[Head]:
    """Return the heads in these videos, one in each.

    Raises:
        InputError: ``no_face`` where no face is found.
    """
    speech = load_speech_detector()
    heads = []
    for path in paths:
        found = probe(path.resolve())
        with tempfile.TemporaryDirectory() as folder:
            audio = extract_sound(found, Path(folder) / "sound")
            regions = find_speech(speech, audio, RULES)
            pictures = [picture.copy() for picture in read_frames(found, threads=2)]
            sound = audio.read(0, len(pictures) * SAMPLES_PER_FRAME)
        x, y, side = _window(np.stack(pictures[:: max(len(pictures) // LOOKS, 1)]), detector, path)
        squares = [cv2.resize(p[y : y + side, x : x + side], (HEAD_PX, HEAD_PX), interpolation=_filter(side))
                   for p in pictures]  # fmt: skip
        middles = (np.arange(len(pictures)) + 0.5) * SAMPLES_PER_FRAME
        spoken = np.zeros(len(pictures), bool)
        for start, end in regions.tolist():
            spoken |= (middles >= start) & (middles < end)
        heads.append(Head(path.stem, np.stack(squares), sound, spoken))
    return heads


def _window(pictures: np.ndarray, detector: FaceDetector, path: Path) -> tuple[int, int, int]:
    """Return left, top and side of the square around the largest face, by the median over *pictures*."""
    height, width = pictures.shape[1:3]
    found = detector.detect(pictures, scale=auto_scale(detector.name, height, width))
    boxes = [max(faces, key=lambda face: face[3] - face[1])[:4] for faces in found if len(faces)]
    if not boxes:
        raise InputError("no_face", "no face is found in it", path)
    x1, y1, x2, y2 = np.median(np.stack(boxes), axis=0).tolist()
    side = int(min(max(x2 - x1, y2 - y1) / FACE_SHARE, height, width))
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    return int(np.clip(left, 0, width - side)), int(np.clip(top, 0, height - side)), side


def _filter(side: int) -> int:
    return cv2.INTER_AREA if side > HEAD_PX else cv2.INTER_CUBIC
