"""CPU seconds of the work beside the networks, and the driver's time: for `stage_costs`."""

from __future__ import annotations

import math
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.attribution.stage import ATTRIBUTION
from pipeline.clips.stage import CLIPS
from pipeline.executors.locks import VideoLocks
from pipeline.executors.picture_format import fit
from pipeline.executors.runtime import run_stage
from pipeline.fingerprint import fingerprints_of
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig
from pipeline.opening import open_video, read_frames
from pipeline.outputs.tracks import tracks_mark
from pipeline.outputs.transcript import read_own_transcript
from pipeline.results import TRACKS, TRANSCRIPT
from pipeline.run.report import RunReport
from pipeline.settings import SPEECH, VISION
from pipeline.stage import Models, OpenedVideo, VideoJob, Work
from pipeline.types import Fingerprints, FrameBatch, VideoResult
from pipeline.vision.settings import DECODE_BATCH
from pipeline.vision.stage import frames_held, load_vision, run_vision
from s3fd import FaceDetector
from talknet import SpeakerScorer

LINES = 1000
"""Videos of the made-up run report whose writing is timed."""

MARK = "0" * 64
"""Fingerprint that no results have."""

SOME_TIMINGS: Mapping[str, Sequence[float]] = dict.fromkeys(("decode", "vision", "speech", "clips"), (0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds of the stages of one video."""

    video: str
    width_px: int
    height_px: int
    minutes: float
    sound_s: float
    decode_s: float
    vision_s: float
    """Vision without face detector and speaker model."""
    clips_s: float


def spent_on(video: Mapping[str, Any], config: ResolvedConfig, models: Models) -> Spent:
    """Time the stages of a video of ``run.json``, all but speech, by doing them again in a temporary folder."""
    path = Path(video["path"])
    with tempfile.TemporaryDirectory(prefix="costs-") as temporary:
        folder = Path(temporary) / "results"
        shutil.copytree(Path(video["manifest"]).parent.parent, folder)
        job = VideoJob(0, path, folder, _marks_of(folder))
        with cpu_clock() as sound:
            opened = open_video(job, Path(temporary) / "sound.pcm", config, lambda _: None)
        size_px = opened.probe.width_px, opened.probe.height_px
        with cpu_clock() as decode:
            for _ in read_frames(opened, size_px, 1, lambda _: None):
                pass
        vision_s = _vision_beside_networks(job, opened, config, models)
        with cpu_clock() as clips:
            for stage in (ATTRIBUTION, CLIPS):
                run_stage(stage, Work(job, opened, config, models))
    return Spent(path.name, *size_px, video["video_seconds"] / 60, sound(), decode(), vision_s, clips())


def _marks_of(folder: Path) -> Fingerprints:
    """Return fingerprints by which the faces and words in *folder* hold, and nothing that is made of them."""
    _, words = read_own_transcript(folder / TRANSCRIPT)
    marks = dict.fromkeys((stage.name for stage in GRAPH.stages), MARK)
    return Fingerprints({**marks, VISION: tracks_mark(folder / TRACKS), SPEECH: words})


@contextmanager
def cpu_clock() -> Iterator[Callable[[], float]]:
    """Yield a function that returns the CPU seconds spent inside so far, by this process and programs it waited for."""
    began_s, ended_s = _cpu_now(), math.inf
    try:
        yield lambda: min(_cpu_now(), ended_s) - began_s
    finally:
        ended_s = _cpu_now()


def _cpu_now() -> float:
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


def _vision_beside_networks(job: VideoJob, opened: OpenedVideo, config: ResolvedConfig, models: Models) -> float:
    """Return the CPU seconds of vision over the whole video, without decoding, face detector and speaker model."""
    loaded = load_vision(config, models, "cpu")
    assert loaded.detector and loaded.scorer
    detector, scorer = TimedDetector(loaded.detector), TimedScorer(loaded.scorer)
    timed = replace(loaded, detector=detector, scorer=scorer)
    form = fit(opened.probe, config.RING_MB << 20, frames_held(config))
    session = run_vision(Work(job, opened, config, models, timed, capacity=form.capacity)).session
    total_s = 0.0
    for batch in _batches(opened, (form.width_px, form.height_px), form.scale):
        with cpu_clock() as pushing:
            session.push(batch)
        total_s += pushing()
    with cpu_clock() as finishing:
        session.finish()
    return max(total_s + finishing() - detector.cpu_s - scorer.cpu_s, 0.0)


def _batches(opened: OpenedVideo, size_px: tuple[int, int], scale: float) -> Iterator[FrameBatch]:
    first, held = 0, []
    for picture in read_frames(opened, size_px, 1, lambda _: None):
        held.append(picture.copy())
        if len(held) == DECODE_BATCH:
            yield FrameBatch(first, np.stack(held), scale)
            first, held = first + len(held), []
    if held:
        yield FrameBatch(first, np.stack(held), scale)


class TimedDetector:
    """Face detector that adds up its CPU seconds."""

    def __init__(self, inner: FaceDetector) -> None:
        self._inner, self.name, self.memory_reductions, self.cpu_s = inner, inner.name, 0, 0.0

    def detect(self, frames: np.ndarray, *, scale: float = 1.0, threshold: float | None = None) -> list[np.ndarray]:
        with cpu_clock() as inside:
            found = self._inner.detect(frames, scale=scale, threshold=threshold)
        self.cpu_s += inside()
        return found


class TimedScorer:
    """Speaker model that adds up its CPU seconds."""

    def __init__(self, inner: SpeakerScorer) -> None:
        self._inner, self.memory_reductions, self.cpu_s = inner, 0, 0.0

    def score(self, crops: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        return self.score_tracks([(crops, mfcc)])[0]

    def score_tracks(self, tracks: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        with cpu_clock() as inside:
            scored = self._inner.score_tracks(tracks)
        self.cpu_s += inside()
        return scored


def driver_seconds(paths: Sequence[Path], config: ResolvedConfig, models: Models) -> dict[str, float]:
    """Return the driver's wall seconds for a video, on the disk of temporary files: before it, after it, and in
    each writing of ``run.json``."""
    begin_s, end_s = [], []
    with tempfile.TemporaryDirectory(prefix="costs-") as temporary:
        locks = VideoLocks(config, Path(temporary), GRAPH)
        report = RunReport(Path(temporary), Path(temporary), [Path(f"/{number}") for number in range(LINES)])
        for number, path in enumerate(paths):
            began_s = time.perf_counter()
            prints = fingerprints_of(GRAPH, path, config, models)
            locks.acquire(job := VideoJob(number, path, Path(temporary) / str(number), prints))
            middle_s = time.perf_counter()
            locks.release(job)
            begin_s.append(middle_s - began_s)
            end_s.append(time.perf_counter() - middle_s)
        for number in range(LINES):
            report.add(VideoResult(Path(f"/{number}"), "done", manifest=Path("/manifest.json"), timings=SOME_TIMINGS))
        began_s = time.perf_counter()
        report.write()
        line_s = (time.perf_counter() - began_s) / LINES
    return {
        "begin_s": statistics.median(begin_s),
        "end_s": statistics.median(end_s),
        "line_s": line_s,
    }
