"""A stage that stands nowhere else: it counts the faces of each shot. All that it takes is in this file.

`GRAPH` has it behind the stages without networks, the last of which leaves a manifest that holds.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from config import Config
from pipeline.artifacts import MANIFEST, TRACKS
from pipeline.machine import ResolvedConfig
from pipeline.outputs.files import write_json
from pipeline.outputs.manifest import manifest_json, write_manifest
from pipeline.outputs.tracks import read_faces, read_tracks
from pipeline.results import OUTPUTS, Artifact, replace_results
from pipeline.settings import NOTHING, Number, Switch, setting
from pipeline.stage import OUTPUTS_POOL, Stage, StageResult, Work
from pipeline.types import FinishedVideo
from tests.support import fake_stages

NAME = "count_faces"
FACES_PER_SHOT = Artifact("faces_per_shot.json")
OUTPUTS[NAME] = (FACES_PER_SHOT.file,)


@dataclass(frozen=True, slots=True)
class CountingConfig(ResolvedConfig):
    """The settings of a run, and those of the stage."""

    COUNT_FACES: bool = setting(False, "count the faces of each shot", Switch(), NOTHING)
    COUNT_FROM: int = setting(0, "the first frame to count", Number(0, whole=True), NAME)


def counting_config(config: ResolvedConfig, **changed: Any) -> CountingConfig:
    """Return *config* with the settings of the stage, and those *changed*."""
    return CountingConfig(**{each.name: getattr(config, each.name) for each in dataclasses.fields(config)} | changed)


def run_count(work: Work) -> StageResult:
    """Count the faces of each shot into ``faces_per_shot.json``."""
    fake_stages.behave(work.video.path, NAME)
    tracks = read_faces(work.path(TRACKS))
    first: int = getattr(work.config, "COUNT_FROM", 0)
    shots = np.searchsorted(tracks.shot_starts, tracks.frame[tracks.frame >= first], "right") - 1
    counts = np.bincount(shots, minlength=len(tracks.shot_starts)).tolist()
    work.report(work.opened.probe.length_s, work.opened.probe.length_s)
    write_json(work.pending(FACES_PER_SHOT), {"first": first, "faces": counts})
    return StageResult()


COUNT_FACES = Stage(
    NAME,
    run_count,
    OUTPUTS_POOL,
    makes=(FACES_PER_SHOT,),
    needs=(TRACKS,),
    optional=True,
    setting="COUNT_FACES",
    reads_source=False,
)


def run_clips(work: Work) -> StageResult:
    """Leave a manifest without clips that holds for later runs."""
    fake_stages.behave(work.video.path, "clips")
    tracks = read_tracks(work.path(TRACKS))
    content: dict[str, Any] = manifest_json(
        probe=work.opened.probe,
        frame_count=tracks.frame_count,
        language="en",
        fingerprint=work.video.prints.of("clips"),
        config=Config(),
        models=(),
        clips=[],
        dropped=[],
    )
    write_manifest(work.folder / MANIFEST.file, content)
    if work.video.renews:
        replace_results(work.video.folder)
    work.report(1, 1)
    path = work.video.folder / MANIFEST.file
    return StageResult(summary=FinishedVideo(path, 0, 0, 0, frame_count=tracks.frame_count))


GRAPH = dataclasses.replace(
    fake_stages.GRAPH,
    stages=(
        *(dataclasses.replace(each, run=run_clips) if each.name == "clips" else each for each in fake_stages.STAGES),
        COUNT_FACES,
    ),
)
