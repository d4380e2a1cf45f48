"""The artifacts of the pipeline's stages, and which of them an earlier run has left."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from config import Config
from pipeline import results
from pipeline.errors import InputError
from pipeline.outputs.attribution import attribution_marks, digest_of
from pipeline.outputs.own_manifest import read_summary
from pipeline.outputs.tracks import read_faces, read_losses, read_picture_sizes, tracks_mark
from pipeline.outputs.transcript import read_own_transcript
from pipeline.results import Artifact, made_of
from pipeline.stage import Graph, Stage
from pipeline.types import Fingerprints


def _tracks_hold(path: Path, mark: str, most_px: int) -> bool:
    if tracks_mark(path) != mark:
        return False
    read_faces(path)
    read_losses(path)
    sizes = read_picture_sizes(path)
    return sizes is None or sizes.hold(most_px)


def _transcript_holds(path: Path, mark: str, most_px: int) -> bool:
    return read_own_transcript(path)[1] == mark


def _attribution_holds(path: Path, mark: str, most_px: int) -> bool:
    return attribution_marks(path)[0] == mark


def _attribution_fits(path: Path, needs: Sequence[Path]) -> bool:
    tracks, transcript = needs
    return attribution_marks(path)[1] == digest_of(tracks, read_own_transcript(transcript)[0].words)


def _manifest_holds(path: Path, mark: str, most_px: int) -> bool:
    """Return True where every clip that the manifest names is there, too."""
    summary, names = read_summary(path)
    if summary.fingerprint != mark or not (summary.sizes is None or summary.sizes.hold(most_px)):
        return False
    with os.scandir(path.parent) as entries:
        return {entry.name for entry in entries if entry.is_file()}.issuperset(names)


TRACKS = Artifact(results.TRACKS, 6, _tracks_hold)
"""Faces and their scores; faces alone where the video has no sound."""
TRANSCRIPT = Artifact(results.TRANSCRIPT, 8, _transcript_holds)
"""The words."""
ATTRIBUTION = Artifact(results.ATTRIBUTION, 2, _attribution_holds, _attribution_fits)
"""Who says each word, and the sentences."""
MANIFEST = Artifact(results.MANIFEST, 4, _manifest_holds)
"""The clips: it is written after all of them."""


def holds(artifact: Artifact, path: Path, mark: str, most_px: int = 0, needs: Sequence[Path] = ()) -> bool:
    """Return True where the file is whole and has a fingerprint.

    Args:
        artifact: which one it is.
        path: the file.
        mark: the fingerprint.
        most_px: `Fingerprints.most_px`.
        needs: the files that it must have been made of.
    """
    try:
        if not mark or artifact.holds is None or not path.is_file() or not artifact.holds(path, mark, most_px):
            return False
        return artifact.fits is None or artifact.fits(path, needs)
    except (InputError, OSError):
        return False


def is_made(stage: Stage, folder: Path, prints: Fingerprints, config: Config) -> bool:
    """Return True where an output need not be made again: it is whole, and made of what it would be made of now."""
    if made_of(folder, stage.name) != prints.of(stage.name):
        return False
    if stage.is_whole is not None:
        return stage.is_whole(folder, config)
    return all((folder / artifact.file).is_file() for artifact in stage.makes)


def kept_artifacts(graph: Graph, prints: Fingerprints, *folders: Path) -> dict[Artifact, Path]:
    """Return the artifacts of the stages before the final one that need not be made anew, each in the first folder.

    A stage that is made anew, as one of its artifacts is gone, takes along those that need any of them.
    """
    found: dict[Artifact, Path] = {}
    for stage in graph.required:
        if stage is graph.final or not all(artifact in found for artifact in stage.needs):
            continue
        needs, mark = [found[artifact] for artifact in stage.needs], prints.of(stage.name)
        made: dict[Artifact, Path] = {}
        for artifact in stage.makes:
            paths = (folder / artifact.file for folder in folders)
            path = next((path for path in paths if holds(artifact, path, mark, prints.most_px, needs)), None)
            if path is not None:
                made[artifact] = path
        if len(made) == len(stage.makes):
            found |= made
    return found


def stages_of(graph: Graph, found: Collection[Artifact]) -> frozenset[str]:
    """Return the stages before the final one all of whose artifacts are among *found*."""
    before = [stage for stage in graph.required if stage is not graph.final]
    return frozenset(stage.name for stage in before if all(artifact in found for artifact in stage.makes))


def kept_stages(graph: Graph, prints: Fingerprints, *folders: Path) -> frozenset[str]:
    """Return the stages before the final one that need not be run, by what lies in *folders*."""
    return stages_of(graph, kept_artifacts(graph, prints, *folders))


def kept_outputs(graph: Graph, folder: Path, prints: Fingerprints, config: Config) -> frozenset[str]:
    """Return the outputs that the settings ask for and that need not be made again."""
    return frozenset(
        stage.name for stage in graph.outputs if stage.is_asked(config) and is_made(stage, folder, prints, config)
    )


def made_without_sound(graph: Graph, folder: Path, prints: Fingerprints, config: Config) -> frozenset[str]:
    """Return the outputs in *folder* that would be made of the video without sound as they are.

    Args:
        graph: the stages.
        folder: of the video's results.
        prints: of the video, as it would be worked on with sound.
        config: settings of the run.
    """
    able = [stage for stage in graph.outputs if not graph.needs_sound(stage)]
    return frozenset(stage.name for stage in able if is_made(stage, folder, prints.without_sound(), config))


def finished(graph: Graph, folder: Path, prints: Fingerprints) -> Path | None:
    """Return the manifest in *folder* where it has the fingerprint of the final stage and every clip is there."""
    (artifact,) = graph.final.makes
    path = folder / artifact.file
    return path if holds(artifact, path, prints.of(graph.final.name), prints.most_px) else None


def missing_outputs(graph: Graph, folder: Path, prints: Fingerprints, config: Config) -> frozenset[str]:
    """Return the outputs that the settings ask for and that must be made."""
    asked = {stage.name for stage in graph.outputs if stage.is_asked(config)}
    return frozenset(asked) - kept_outputs(graph, folder, prints, config)


def stages_needed(graph: Graph, folder: Path, prints: Fingerprints, outputs: frozenset[str]) -> frozenset[str]:
    """Return the stages before *outputs* that must be run for them, as their artifacts do not lie in *folder* whole.

    The final stage is none of them: its results are finished. A folder of an earlier version, or one that somebody has
    tidied, may lack what the results were made of.
    """
    kept, needed = kept_stages(graph, prints, folder), set[str]()
    made = [stage for stage in graph.outputs if stage.name in outputs]
    wanted = {artifact for stage in made for artifact in (*stage.needs, *stage.wants)}
    for stage in reversed(graph.required):
        if stage is not graph.final and stage.name not in kept and wanted & set(stage.makes):
            needed.add(stage.name)
            wanted.update(stage.needs)
    return frozenset(needed)
