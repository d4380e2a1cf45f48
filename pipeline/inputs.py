"""Which videos a run works on, and where the results of each go."""

from __future__ import annotations

import os
from collections import Counter
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
        elif path.suffix.lower() in EXTENSIONS:
            found.append(path)
    return found


def result_folders(videos: list[Path], source: Path, output: Path | None) -> list[Path]:
    """Where the results of each video go: a folder of its own that no other video of the run has.

    The folder is named as the video without its extension; with it, where two videos would share a name or the name
    is taken by a file. Beside the video that name is its own, so ``.clips`` is put behind.

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
    folders = []
    for home, video in zip(homes, videos, strict=True):
        shared = stems[home, video.stem.casefold()] > 1
        name = video.name if shared or video.stem in RUN_FILES or (home / video.stem).is_file() else video.stem
        folders.append(home / (f"{name}.clips" if (home / name).is_file() else name))
    return folders
