"""The offset of picture and sound is found where there is one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.clip_offsets import av_offset_frames
from benchmarks.common.truth import read_truth
from pipeline.media.audio import read_sound
from pipeline.media.decode import read_frames
from pipeline.media.encode import write_clip
from pipeline.media.probe import probe
from pipeline.types import ScoredTracks

pytestmark = pytest.mark.slow

FIRST, COUNT = 120, 70
"""Frames of ``two_shot`` in which the admiral speaks."""


@pytest.mark.parametrize(("picture_late", "sound_late"), [(0, 0), (2, 0), (0, 3)])
def test_a_known_offset(samples: Path, tmp_path: Path, picture_late: int, sound_late: int) -> None:
    source = probe(samples / "two_shot.mp4")
    (truth,) = (each for each in read_truth(samples) if each.stem == "two_shot")
    boxes = truth.boxes_px["admiral"].astype(np.float32)
    count = len(boxes)
    zeros = np.zeros(count, np.float32)
    frames = np.arange(count, dtype=np.int32)
    tracks = ScoredTracks(count, np.zeros(1, np.int32), np.zeros(count, np.int32), frames, boxes, zeros, zeros)
    x1, y1 = boxes[FIRST, :2].astype(int)
    shown = read_frames(source, FIRST - picture_late, FIRST - picture_late + COUNT)
    start_s = Fraction(FIRST - sound_late, 25)
    sound, rate_hz = read_sound(source, start_s, start_s + Fraction(COUNT, 25))
    write_clip(
        tmp_path / "clip.mp4",
        (picture[y1 : y1 + 128, x1 : x1 + 128] for picture in shown),
        size_px=(128, 128),
        rate=Fraction(25),
        sound=sound,
        sound_rate_hz=rate_hz,
        crf=18,
        preset="veryfast",
    )
    clip = {"start_time": FIRST / 25, "speaker_track": 0}
    found = av_offset_frames(clip, tmp_path / "clip.mp4", source, tracks)
    assert found == pytest.approx(picture_late - sound_late, abs=0.1)
