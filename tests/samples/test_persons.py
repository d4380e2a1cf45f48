"""The people of a sample video keep one number each across its cuts, with the published network of identity."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.media.audio import extract_sound
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.models.choose import choose
from pipeline.types import FrameBatch
from pipeline.vision.session import VisionSession
from pipeline.vision.settings import DECODE_BATCH, VisionSettings
from pipeline.vision.stage import load_vision
from tests.support.by_hand import on_cpu

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("stem", ["cuts"], indirect=True)
def test_two_people_are_two_persons(
    truth: dict[str, Any], video: Path, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = on_cpu(DETECT_EVERY=5, FACE_DETECTOR="yunet", SPEAKER_MODEL="lip-motion")
    chosen = choose(
        *(config.FACE_DETECTOR, config.SPEAKER_MODEL, None, config.IDENTITY_MODEL),
        weights_dir=shared / "weights",
        download=False,
        strict=True,
    )
    assert chosen[2].weights == shared / "weights" / "mobilefacenet.pt"
    vision = load_vision(config, chosen, "cpu")
    seen, settings = probe(video), VisionSettings.of(config)
    audio = extract_sound(seen, tmp_path / "sound.pcm")
    session = VisionSession(vision, settings, audio, settings.frames_held(2))
    pictures, first = (picture.copy() for picture in read_frames(seen)), 0
    while batch := list(islice(pictures, DECODE_BATCH)):
        session.push(FrameBatch(first, np.stack(batch)))
        first += len(batch)
    found = session.finish()

    boxes = {name: rows for name, rows in truth["boxes"].items() if name != "grid_fps"}
    persons: dict[str, set[int]] = {name: set() for name in boxes}
    for frame, (x1, y1, x2, y2), person in zip(found.frame.tolist(), found.box_px.tolist(), found.person, strict=True):
        middle = (x1 + x2) / 2, (y1 + y2) / 2
        there = [name for name, rows in boxes.items() if rows[frame] is not None and _inside(middle, rows[frame])]
        if len(there) == 1:  # at a cut, the truth may be a frame apart
            persons[there[0]].add(int(person))
    assert len(found.track_ids) > 2
    assert [len(numbers) for numbers in persons.values()] == [1, 1]
    assert set.union(*persons.values()) == {0, 1} == set(found.persons.values())


def _inside(point: tuple[float, float], box: list[float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
