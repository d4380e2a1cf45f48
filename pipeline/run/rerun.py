"""The command line that works on one video of a run again, for the pages of its results."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from config import Config
from pipeline.machine import ResolvedConfig
from pipeline.settings import NOTHING, flags_for
from pipeline.sources.discover import result_folders
from pipeline.stage import VideoJob

OF_THE_MACHINE = ("this machine", "more machines")
"""Groups of settings that say where and how fast things run: such of them as change no result are left out."""

OF_THE_RUN = (
    "OUTPUT_DIR",
    "FORCE",
    "RETRY_FAILED",
    "RECURSIVE",
    "TRANSCRIPTS",
    "SCENES",
    "FACE_BOXES",
    "RANGES",
    "AUDIO_FILE",
)
"""Settings that concern all videos of a run, or that name files of one video, which are given by their own paths."""

PATHS = ("WEIGHTS_DIR", "FACE_EMBEDDINGS")
"""Settings that name a path of this machine, which is given whole."""


def rerun_of(job: VideoJob, config: ResolvedConfig) -> tuple[str, ...]:
    """Return the words, after the program's name, that work on the video of *job* alone, with the settings of its run.

    Paths are absolute. Devices, numbers of processes and other settings of the machine are left out.

    Args:
        job: the video, its folder and the files that the user gives for it.
        config: settings of the run.

    Returns:
        Empty where the results of the video, worked on alone, would lie in another folder: another video has the name
        without the extension.
    """
    if result_folders([job.path], job.path, job.folder.parent) != [job.folder]:
        return ()
    source, home = str(job.path), str(job.folder.parent)
    if job.remote is not None:
        source = job.display_path
        home = home if job.remote.results is None else job.remote.results.url.rpartition("/")[0]
    files = {"SCENES": job.scenes, "FACE_BOXES": job.face_boxes, "RANGES": job.ranges, "AUDIO_FILE": job.sound_file}
    given = {name: str(path) for name, path in files.items() if path is not None}
    if job.transcript is not None:
        given["TRANSCRIPTS"] = str(_folder_of_transcripts(job.transcript, job.path))
    kept = {name: _absolute(getattr(config, name)) for name in PATHS}
    own = dataclasses.replace(config, **{**kept, **given, "OUTPUT_DIR": home})
    return (source, *flags_for(own, {*_repeated(), "OUTPUT_DIR", *given}))


def _repeated() -> Sequence[str]:
    """Return the names of the settings that are given again as they are."""
    names, group = [], ""
    for declared in dataclasses.fields(Config):
        group = declared.metadata["begins"] or group
        changes_results = declared.metadata["affects"] != (NOTHING,)
        if declared.name not in OF_THE_RUN and (changes_results or group not in OF_THE_MACHINE):
            names.append(declared.name)
    return names


def _folder_of_transcripts(transcript: Path, video: Path) -> Path:
    """Return the folder in which `pipeline.sources.sidecars.given_transcripts` finds *transcript* for *video*."""
    is_of_earlier_run = transcript.name == "transcript.json" and transcript.parent.name in (video.name, video.stem)
    return transcript.parent.parent if is_of_earlier_run else transcript.parent


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path and not path.startswith("~") else path
