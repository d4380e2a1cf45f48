"""Stages run by hand, without an executor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from config import Config
from pipeline import results
from pipeline.artifacts import TRACKS
from pipeline.machine import ResolvedConfig, resolved
from pipeline.outputs.tracks import write_tracks
from pipeline.outputs.transcript import write_transcript
from pipeline.stage import Models, OpenedVideo, VideoJob, Work
from pipeline.types import Fingerprints, Losses, ScoredTracks, Transcript
from pipeline.vision.stage import keep_tracks

WHOLE = Losses()


def prints(
    vision: str = "", speech: str = "", clips: str = "", failure: str = "", attribution: str = "", **outputs: str
) -> Fingerprints:
    """Return fingerprints of the stages named."""
    stages = {"vision": vision, "speech": speech, "attribution": attribution, "clips": clips, **outputs}
    return Fingerprints({name: text for name, text in stages.items() if text}, failure)


def on_cpu(**settings: Any) -> ResolvedConfig:
    """Return settings as a run on a CPU has them."""
    return resolved(Config(VISION_DEVICE="cpu", WHISPER_DEVICE="cpu", **settings))


def work_of(
    video: VideoJob,
    opened: OpenedVideo,
    config: Config,
    models: Models = (),
    report: Callable[[float, float], None] = lambda done, total: None,
) -> Work:
    """Return the work of a stage of *video*."""
    return Work(video, opened, resolved(config), models, report=report)


def tracks_of(video: VideoJob, opened: OpenedVideo, tracks: ScoredTracks, lost_packets: int = 0) -> Path:
    """Write *tracks* as the stage of vision does; return the file."""
    work = work_of(video, opened, Config())
    work.folder.mkdir(parents=True, exist_ok=True)
    keep_tracks(work, tracks, lost_packets)
    results.commit(work.pending(TRACKS), TRACKS)
    return work.folder / TRACKS.file


def kept(
    folder: Path, tracks: ScoredTracks, transcript: Transcript, found: Fingerprints, losses: Losses = WHOLE
) -> None:
    """Write the results of vision and speech into *folder* as an earlier run left them."""
    write_tracks(folder / results.TRACKS, tracks, losses, found.of("vision"))
    write_transcript(folder / results.TRANSCRIPT, transcript, mark=found.of("speech"))
