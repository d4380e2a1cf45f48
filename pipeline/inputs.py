"""Which videos a run works on, where the results of each go, and which transcripts belong to them."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import InputError

EXTENSIONS = frozenset(
    {
        *(".3gp", ".asf", ".avi", ".dv", ".f4v", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"),
        *(".mts", ".mxf", ".nut", ".ogg", ".ogm", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".wtv"),
    }
)
"""Names that count as videos in a folder, in small or capital letters. A file named on the command line is taken
whatever it is called."""

TRANSCRIPT_SUFFIXES = (".json", ".srt", ".JSON", ".SRT")
"""Kinds of transcripts that are read, the richer one first."""

RUN_FILES = frozenset({"run.json", "clips.jsonl", "index.html"})
"""What a run itself writes beside the folders of its videos."""


def discover(source: Path, recursive: bool) -> list[Path]:
    """The videos of a folder in order of their names, or the one file that was given.

    Args:
        source: a folder or a file.
        recursive: read the folders inside too; those of earlier results and hidden ones are passed over.

    Returns:
        Absolute paths.

    Raises:
        InputError: ``not_found``, ``unreadable`` or ``no_videos``.
    """
    source = source.absolute()
    if source.is_file():
        return [source]
    if not source.exists():
        raise InputError("not_found", "there is no such file or folder. Name a folder of videos", source)
    try:
        found = sorted(_videos_in(source, recursive), key=os.fsencode)
    except OSError as error:
        raise InputError("unreadable", f"the folder cannot be read: {error.strerror}", source) from error
    if not found:
        inside = any(path.is_dir() for path in source.iterdir())
        hint = " Folders inside it are read with --recursive only." if inside and not recursive else ""
        raise InputError(
            "no_videos", f"no videos in this folder (known: {' '.join(sorted(EXTENSIONS))}).{hint}", source
        )
    return found


def _videos_in(folder: Path, recursive: bool) -> list[Path]:
    found: list[Path] = []
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if recursive and not (path / "output" / "manifest.json").exists():
                found += _videos_in(path, recursive)
        elif path.suffix.lower() in EXTENSIONS and (path.is_file() or not path.exists()):
            found.append(path)  # a broken link too: the run says that it cannot be read
    return found


def result_folders(videos: list[Path], source: Path, output: Path | None) -> list[Path]:
    """Where the results of each video go: a folder of its own that no other video of the run has.

    The folder is named as the video without its extension; with it, where two videos would share a name or the name
    is taken by a file. Beside the video that name is its own, so ``.clips`` is put behind. Names that differ in small
    and capital letters only count as one, as some file systems have it.

    Args:
        videos: absolute paths.
        source: what the run was given; with *output*, folders inside it are kept.
        output: folder of the results; None for beside each video.
    """
    homes = []
    root = source.absolute() if source.is_dir() else source.absolute().parent
    for video in videos:
        homes.append(video.parent if output is None else output.absolute() / video.parent.relative_to(root))
    stems = Counter((home, video.stem.casefold()) for home, video in zip(homes, videos, strict=True))
    folders: list[Path] = []
    taken: set[str] = set()
    for home, video in zip(homes, videos, strict=True):
        names = _folder_names(video, shared=stems[home, video.stem.casefold()] > 1)
        folder = next(home / name for name in names if _is_free(home / name, taken))
        taken.add(str(folder).casefold())
        folders.append(folder)
    return folders


def _folder_names(video: Path, shared: bool) -> Iterator[str]:
    """Names for the results of *video*, the best first; *shared* when others have its name without extension."""
    if not shared:
        yield video.stem
    yield video.name
    yield f"{video.name}.clips"
    yield from (f"{video.name}.clips-{number}" for number in itertools.count(2))


def _is_free(folder: Path, taken: set[str]) -> bool:
    return str(folder).casefold() not in taken and folder.name.casefold() not in RUN_FILES and not folder.is_file()


def given_transcripts(videos: list[Path], source: Path, folders: list[Path], given: Path) -> list[Path | None]:
    """The user's own transcript of each video, where there is one.

    For ``talk.mp4`` these names are tried: ``talk.mp4.json``, ``talk.mp4.srt``, ``talk.json``, ``talk.srt``, and what
    an earlier run left, ``talk.mp4/transcript.json`` and ``talk/transcript.json``. A video of a folder inside *source*
    is looked for in the folder of that name inside *given* first. What lies in the folder of the video's own results is
    never taken: this run would write over it.

    Args:
        videos: absolute paths.
        source: what the run was given.
        folders: of the results of each video, as of `result_folders`.
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
        found.append(next((path for path in paths if path.is_file() and not _same(path.parent, folder)), None))
    return found


def _same(one: Path, other: Path) -> bool:
    return other.is_dir() and one.samefile(other)
