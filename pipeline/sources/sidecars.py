"""Files of the user that belong to a video: its transcript, its scenes, its faces, its ranges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import InputError
from pipeline.sources.ranges import SUFFIXES as RANGES_SUFFIXES

TRANSCRIPT_SUFFIXES = (".json", ".srt", ".JSON", ".SRT")
"""Kinds of transcripts that are read, the richer one first."""


def given_transcripts(videos: list[Path], source: Path, folders: list[Path], given: Path) -> list[Path | None]:
    """Return the user's own transcript of each video, where there is one.

    For ``talk.mp4`` these names are tried: ``talk.mp4.json``, ``talk.mp4.srt``, ``talk.json``, ``talk.srt``, and those
    of an earlier run, ``talk.mp4/transcript.json`` and ``talk/transcript.json``. A video of a folder inside *source*
    is looked for in the folder of that name inside *given* first. A transcript in the folder of the video's own results
    is never taken: this run would write over it.

    Args:
        videos: absolute paths.
        source: input of the run.
        folders: result of `result_folders`.
        given: the folder of transcripts.

    Raises:
        InputError: ``not_found`` when *given* is no folder.
    """
    given = given.expanduser().absolute()
    if not given.is_dir():
        raise InputError("not_found", "there is no such folder of transcripts. Name one with --transcripts", given)
    root = source.absolute() if source.is_dir() else source.absolute().parent
    found: list[Path | None] = []
    for video, folder in zip(videos, folders, strict=True):
        homes = dict.fromkeys([given / video.parent.relative_to(root), given])
        names = [f"{name}{suffix}" for name in (video.name, video.stem) for suffix in TRANSCRIPT_SUFFIXES]
        names += [f"{name}/transcript.json" for name in (video.name, video.stem)]
        paths = (home / name for home in homes for name in names)
        found.append(next((path for path in paths if _is_file(path) and not _same(path.parent, folder)), None))
    return found


def _is_file(path: Path) -> bool:
    """Return True where *path* is a file; a name that is too long for the system is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _same(one: Path, other: Path) -> bool:
    return other.is_dir() and one.samefile(other)


def given_scenes(videos: list[Path], given: Path) -> list[Path | None]:
    """Return the user's list of the scenes of each video, where there is one. ``talk-Scenes.csv`` is PySceneDetect's
    name for that of ``talk.mp4``. See `_given_lists`."""
    return _given_lists(videos, given, "-Scenes.csv", "scenes")


def given_face_boxes(videos: list[Path], given: Path) -> list[Path | None]:
    """Return the user's list of the faces in each video, where there is one: ``talk-faces.csv`` for ``talk.mp4``. See
    `_given_lists`."""
    return _given_lists(videos, given, "-faces.csv", "faces")


def given_ranges(videos: list[Path], given: Path) -> list[Path | None]:
    """Return the user's list of the ranges wanted of each video, where there is one: ``talk-ranges.csv``, ``talk.csv``,
    ``talk.json``, ``talk.srt`` or ``talk.edl`` for ``talk.mp4``. See `_given_lists`."""
    return _given_lists(videos, given, "-ranges.csv", "ranges", (*RANGES_SUFFIXES, *map(str.upper, RANGES_SUFFIXES)))


def _given_lists(
    videos: list[Path], given: Path, ending: str, what: str, suffixes: Sequence[str] = (".csv",)
) -> list[Path | None]:
    """Return the user's list of each video, where there is one.

    In a folder, for ``talk.mp4`` these names are tried: ``talk.mp4`` and ``talk`` with *ending*, then both with each of
    *suffixes*, such as ``talk.mp4.csv`` and ``talk.csv``.

    Args:
        videos: absolute paths.
        given: a folder of lists, or the list of the only video.
        ending: end of their names, such as ``-Scenes.csv``.
        what: content of the lists, for messages.
        suffixes: further ends of their names.

    Raises:
        InputError: ``not_found`` when there is no such file or folder; ``bad_setting`` for one list and several videos.
    """
    given = given.expanduser().absolute()
    if given.is_dir():
        tried = [
            [given / f"{name}{end}" for end in (ending, *suffixes) for name in (video.name, video.stem)]
            for video in videos
        ]
        return [next((path for path in paths if _is_file(path)), None) for paths in tried]
    if not given.is_file():
        raise InputError("not_found", f"there is no such list of {what}, nor a folder of them", given)
    if len(videos) != 1:
        message = f"is the list of one video, and here are {len(videos)}. Name a folder of lists, or one video"
        raise InputError("bad_setting", message, given)
    return [given]
