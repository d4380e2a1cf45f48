"""The artifacts of the pipeline's stages, and which of them an earlier run has left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from config import Config
from pipeline import results
from pipeline.errors import InputError
from pipeline.outputs.attribution import attribution_mark
from pipeline.outputs.own_manifest import read_summary
from pipeline.outputs.tracks import read_losses, read_picture_sizes, read_tracks, tracks_mark
from pipeline.outputs.transcript import read_own_transcript
from pipeline.results import Artifact, made_of
from pipeline.stage import Graph, Stage
from pipeline.types import Fingerprints


def _tracks_hold(path: Path, mark: str, most_px: int) -> bool:
    if tracks_mark(path) != mark:
        return False
    read_tracks(path)
    read_losses(path)
    sizes = read_picture_sizes(path)
    return sizes is None or sizes.hold(most_px)


def _transcript_holds(path: Path, mark: str, most_px: int) -> bool:
    return read_own_transcript(path)[1] == mark


def _attribution_holds(path: Path, mark: str, most_px: int) -> bool:
    return attribution_mark(path) == mark


def _manifest_holds(path: Path, mark: str, most_px: int) -> bool:
    """Return True where every clip that the manifest names is there, too."""
    summary, names = read_summary(path)
    if summary.fingerprint != mark or not (summary.sizes is None or summary.sizes.hold(most_px)):
        return False
    with os.scandir(path.parent) as entries:
        return {entry.name for entry in entries if entry.is_file()}.issuperset(names)


TRACKS = Artifact(results.TRACKS, 2, _tracks_hold)
"""Faces and their scores."""
TRANSCRIPT = Artifact(results.TRANSCRIPT, 4, _transcript_holds)
"""The words."""
ATTRIBUTION = Artifact(results.ATTRIBUTION, 0, _attribution_holds)
"""Who says each word, and the sentences."""
MANIFEST = Artifact(results.MANIFEST, 3, _manifest_holds)
"""The clips: it is written after all of them."""


def holds(artifact: Artifact, folder: Path, mark: str, most_px: int = 0) -> bool:
    """Return True where the file in *folder* is whole and has the fingerprint *mark*."""
    test: Callable[[Path, str, int], bool] | None = artifact.holds
    path = folder / artifact.file
    try:
        return bool(mark) and test is not None and path.is_file() and test(path, mark, most_px)
    except (InputError, OSError):
        return False


def is_made(stage: Stage, folder: Path, prints: Fingerprints, config: Config) -> bool:
    """Return True where an output need not be made again: it is whole, and made of what it would be made of now."""
    if made_of(folder, stage.name) != prints.of(stage.name):
        return False
    if stage.is_whole is not None:
        return stage.is_whole(folder, config)
    return all((folder / artifact.file).is_file() for artifact in stage.makes)


def kept_stages(graph: Graph, prints: Fingerprints, *folders: Path) -> frozenset[str]:
    """Return the stages before the final one whose artifacts lie in one of *folders* whole.

    A stage whose result is made anew takes along those that need it: fingerprints do not tell everything, such as the
    size at which large pictures are analysed.
    """
    kept: set[str] = set()
    for stage in graph.required:
        mark = prints.of(stage.name)
        is_there = all(any(holds(each, folder, mark, prints.most_px) for folder in folders) for each in stage.makes)
        if stage is not graph.final and is_there and graph.before(stage) <= kept:
            kept.add(stage.name)
    return frozenset(kept)


def kept_outputs(graph: Graph, folder: Path, prints: Fingerprints, config: Config) -> frozenset[str]:
    """Return the outputs that the settings ask for and that need not be made again."""
    return frozenset(
        stage.name for stage in graph.outputs if stage.is_asked(config) and is_made(stage, folder, prints, config)
    )


def finished(graph: Graph, folder: Path, prints: Fingerprints) -> Path | None:
    """Return the manifest in *folder* where it has the fingerprint of the final stage and every clip is there."""
    (artifact,) = graph.final.makes
    return folder / artifact.file if holds(artifact, folder, prints.all, prints.most_px) else None


def missing_outputs(graph: Graph, folder: Path, prints: Fingerprints, config: Config) -> frozenset[str]:
    """Return the outputs that the settings ask for and that must be made."""
    asked = {stage.name for stage in graph.outputs if stage.is_asked(config)}
    return frozenset(asked) - kept_outputs(graph, folder, prints, config)


def stages_needed(graph: Graph, folder: Path, prints: Fingerprints, outputs: frozenset[str]) -> frozenset[str]:
    """Return the stages before *outputs* that must be run for them, as their artifacts do not lie in *folder* whole.

    The final stage is none of them: its results are finished. A folder of an earlier version, or one that somebody has
    tidied, may lack what the results were made of.
    """
    needed: set[str] = set()
    wanted = {artifact for stage in graph.outputs if stage.name in outputs for artifact in stage.needs}
    for stage in reversed(graph.required):
        lost = [each for each in stage.makes if each in wanted]
        if stage is graph.final or all(holds(each, folder, prints.of(stage.name), prints.most_px) for each in lost):
            continue
        needed.add(stage.name)
        wanted.update(stage.needs)
    return frozenset(needed)
