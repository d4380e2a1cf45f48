"""Clips of both ways show the same face, or another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.speed import baseline
from benchmarks.speed.baseline import same_speaker
from pipeline.outputs.tracks import write_tracks
from pipeline.types import ScoredTracks

LEFT, RIGHT = (0.0, 0.0, 40.0, 40.0), (100.0, 0.0, 140.0, 40.0)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of ``a.mp4``: 100 frames, track 0 on the left, track 1 on the right, and one clip of track 1 from 1 to 3 s."""
    frames = np.arange(100, dtype=np.int32)
    tracks = ScoredTracks(
        frame_count=100,
        shot_starts=np.zeros(1, np.int32),
        track=np.repeat(np.arange(2, dtype=np.int32), 100),
        frame=np.tile(frames, 2),
        box_px=np.repeat(np.array([LEFT, RIGHT], np.float32), 100, axis=0),
        logit=np.zeros(200, np.float32),
        probability=np.full(200, 0.5, np.float32),
        person=np.repeat(np.arange(2, dtype=np.int32), 100),
    )
    (tmp_path / "a").mkdir()
    write_tracks(tmp_path / "a" / "tracks.npz", tracks)
    clips = [{"speaker_track": 1, "start_time": 1.0, "end_time": 3.0}]
    monkeypatch.setattr(baseline, "read_manifest", lambda _: {"clips": clips})
    return tmp_path


def old(start_s: float, end_s: float, box_px: tuple[float, ...]) -> dict[str, Any]:
    return {"start": start_s, "end": end_s, "frame": round((start_s + end_s) / 2 * 25), "box_px": list(box_px)}


@pytest.mark.parametrize(
    ("clips", "share"),
    [
        ([old(1.0, 3.0, RIGHT)], 1.0),
        ([old(1.0, 3.0, LEFT)], 0.0),
        ([old(1.0, 3.0, RIGHT), old(3.0, 3.9, RIGHT)], 0.5),
        ([], None),
    ],
    ids=["same", "the other face", "no clip of ours at that moment", "no clips"],
)
def test_the_face_in_the_middle_of_the_clip_counts(results: Path, clips: list, share: float | None) -> None:
    assert same_speaker([{"path": "/videos/a.mp4", "clips": clips}], results) == share
