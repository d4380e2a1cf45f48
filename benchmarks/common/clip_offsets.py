"""Offset between picture and sound of a clip, found by comparing both with the source."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.signal import correlate

from pipeline.media.audio import extract_sound
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.types import AUDIO_RATE_HZ, GRID_FPS, SAMPLES_PER_FRAME, Probe, ScoredTracks

MAX_FRAMES = 6
"""Largest offset that is looked for, in frames."""

MIN_LIKENESS = 0.5
"""Correlation below which a clip is not measured: a face that hardly moves, or silence."""

THUMB_PX = 64


def av_offset_frames(clip: dict[str, Any], path: Path, source: Probe, tracks: ScoredTracks) -> float | None:
    """Return the frames, at 25 a second, by which the picture of a clip lags its sound; None where it cannot be told.

    Args:
        clip: its entry in the manifest.
        path: its file.
        source: the video that it was cut from.
        tracks: the faces of that video.
    """
    first = round(clip["start_time"] * GRID_FPS)
    picture = _picture_lag(clip, path, source, tracks, first)
    sound = _sound_lag_s(path, source, first)
    return None if picture is None or sound is None else picture - sound * GRID_FPS


def _picture_lag(clip: dict[str, Any], path: Path, source: Probe, tracks: ScoredTracks, first: int) -> float | None:
    """Frames by which the movement in the clip comes later than that of the face in the source."""
    rows = tracks.rows(clip["speaker_track"])
    shown = list(read_frames(probe(path)))
    near = np.abs(tracks.frame[rows] - first - len(shown) / 2) <= len(shown) / 2
    if not near.any():
        return None
    x1, y1, x2, y2 = np.median(tracks.box_px[rows][near], axis=0).astype(int).clip(0).tolist()
    begin = max(first - MAX_FRAMES, 0)
    wide = read_frames(source, begin, first + len(shown) + MAX_FRAMES)
    moved = _movement([frame[y1 : y2 + 1, x1 : x2 + 1] for frame in wide])
    return _lag(moved, _movement(shown), first - begin)


def _movement(pictures: list[np.ndarray]) -> np.ndarray:
    """(N - 1,) mean change from each picture to the next."""
    small = [cv2.resize(picture, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA) for picture in pictures]
    grey = np.stack([cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in small]).astype(np.float32)
    return np.abs(np.diff(grey, axis=0)).mean(axis=(1, 2))


def _lag(whole: np.ndarray, part: np.ndarray, expected: int) -> float | None:
    """Return by how much later than at *expected* the signal *part* lies in *whole*."""
    likeness: dict[int, float] = {}
    for lag in range(-MAX_FRAMES, MAX_FRAMES + 1):
        start = expected - lag
        low, high = max(start, 0), min(start + len(part), len(whole))
        if high - low > 2 * MAX_FRAMES:
            a, b = whole[low:high], part[low - start : high - start]
            spread = float(a.std() * b.std())
            likeness[lag] = float(((a - a.mean()) * (b - b.mean())).mean()) / spread if spread > 0 else 0.0
    best = max(likeness, key=lambda lag: likeness[lag], default=None)
    return None if best is None or likeness[best] < MIN_LIKENESS else float(best)


def _sound_lag_s(path: Path, source: Probe, first: int) -> float | None:
    """Seconds by which the sound of the clip comes later than in the source."""
    reach = MAX_FRAMES * SAMPLES_PER_FRAME
    with tempfile.TemporaryDirectory() as folder:
        clip = extract_sound(probe(path), Path(folder) / "clip")
        whole = extract_sound(source, Path(folder) / "source")
        part = clip.read(0, clip.sample_count).astype(np.float64)
        start = first * SAMPLES_PER_FRAME
        around = whole.read(start - reach, start + len(part) + reach).astype(np.float64)
    match = correlate(around, part, mode="valid")
    energy = np.sqrt(np.sum(part**2) * np.convolve(around**2, np.ones(len(part)), mode="valid"))
    likeness = np.divide(match, energy, out=np.zeros_like(match), where=energy > 0)
    best = int(np.argmax(likeness))
    return None if likeness[best] < MIN_LIKENESS else (reach - best) / AUDIO_RATE_HZ
