"""Discovery of the videos of a run, and of the folders for their results."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import InputError
from pipeline.results import RANGE_NAME, RANGES, RANGES_LIST
from pipeline.sources.shard import RUN_FILES, SHARDS_FILE
from pipeline.types import CLIP_NAME

EXTENSIONS = frozenset(
    {
        *(".3gp", ".asf", ".avi", ".dv", ".f4v", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"),
        *(".mts", ".mxf", ".nut", ".ogg", ".ogm", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".wtv"),
    }
)
"""Names that count as videos in a folder, in small or capital letters. A file named on the command line may
have any name."""

OUTPUT = "output"
"""Folder inside a video's results that holds its clips."""

WRITTEN = frozenset({"annotated.mp4", "reframed.mp4"})
"""Videos that this program makes of whole videos, in the folder of their results: beside a file of `TABLES`, they are
no videos to work on."""

TABLE = "tracks.npz"

TABLES = (TABLE, "reframe.json")
"""Files of which one at least lies in the folder of a result of `WRITTEN`."""

SIGNS_OF_RESULTS = ("log.txt", "transcript.json", TABLE, "failure.json")
"""Files that this program leaves beside a folder of clips, from the beginning of its work on."""

LONGEST_NAME_BYTES = 255
"""Longest name that file systems take."""


def discover(source: Path, recursive: bool) -> list[Path]:
    """Return the videos of a folder in order of their names, or the one file that was given.

    Args:
        source: a folder or a file.
        recursive: read the folders inside too, but for hidden ones and links. The clips and drawn-on videos of earlier
            runs are no videos, whether those runs ended well or not; other files among them are.

    Returns:
        Absolute paths. Broken links and folders that may not be read are among them, so that the run reports them and
        does the rest.

    Raises:
        InputError: ``not_found``, ``unreadable`` or ``no_videos``.
    """
    source = source.absolute()
    try:
        source.stat()
        if source.is_file():
            return [source]
        found = sorted(_videos_in(source, recursive), key=os.fsencode)
    except (FileNotFoundError, NotADirectoryError) as error:
        if source.exists():
            raise InputError("unreadable", "is neither a folder nor a file", source) from error
        message = "there is no such file or folder. Name a folder of videos, or one video"
        raise InputError("not_found", message, source) from error
    except OSError as error:
        raise InputError("unreadable", f"cannot be read: {error.strerror}. Check its permissions", source) from error
    if not found:
        inside = any(path.is_dir() for path in source.iterdir())
        hint = " Folders inside it are read with --recursive only." if inside and not recursive else ""
        raise InputError(
            "no_videos", f"no videos in this folder (known: {' '.join(sorted(EXTENSIONS))}).{hint}", source
        )
    return found


def _videos_in(source: Path, recursive: bool) -> list[Path]:
    found: list[Path] = []
    folders = [source]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            if folder == source:
                raise
            found.append(folder)
            continue
        names = {entry.name for entry in entries}
        ours = _written_in(folder, names) if folder != source else []
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders += [path] if recursive else []
            elif any(pattern.fullmatch(entry.name) for pattern in ours):
                continue
            elif path.suffix.lower() in EXTENSIONS:
                found += [path] if _may_be_video(path) else []
    return found


def _written_in(folder: Path, names: set[str]) -> list[re.Pattern[str]]:
    """Return patterns for the videos in *folder*, in which *names* are, that this program has written."""
    return [
        *([CLIP_NAME] if _holds_clips(folder, names) else []),
        *([re.compile("|".join(map(re.escape, WRITTEN)))] if not names.isdisjoint(TABLES) else []),
        *([RANGE_NAME] if folder.name == RANGES and RANGES_LIST in names else []),
    ]


def _holds_clips(folder: Path, names: set[str]) -> bool:
    """Return True where *folder*, in which *names* are, was written by this program."""
    if folder.name != OUTPUT:
        return False
    return "manifest.json" in names or any((folder.parent / sign).is_file() for sign in SIGNS_OF_RESULTS)


def _may_be_video(path: Path) -> bool:
    """Return True where *path* is a file, or may be one: a broken link, or one to a place that we may not read."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def result_folders(videos: list[Path], source: Path, output: Path | None) -> list[Path]:
    """Return the folder for the results of each video: one of its own that no other video of the run has.

    The folder is named as the video without its extension; with it, where two videos would share a name or the name
    is taken by a file. Beside the video that name is its own, so ``.clips`` is put behind. Names that differ in small
    and capital letters only count as one, as some file systems have it. None is called ``output``: in the results of
    a video, that is the folder of the clips. Names too long for a file system are cut, and a digest tells them apart.

    Args:
        videos: absolute paths.
        source: input of the run; with *output*, folders inside it are kept.
        output: folder of the results; None for beside each video.
    """
    homes = []
    root = source.absolute() if source.is_dir() else source.absolute().parent
    for video in videos:
        homes.append(video.parent if output is None else output.absolute() / video.parent.relative_to(root))
    stems = Counter((home, video.stem.casefold()) for home, video in zip(homes, videos, strict=True))
    folders: list[Path] = []
    taken = {str(video).casefold() for video in videos}
    for home, video in zip(homes, videos, strict=True):
        names = _folder_names(video, shared=stems[home, video.stem.casefold()] > 1)
        folder = next(home / name for name in names if _is_free(home / name, taken))
        taken.add(str(folder).casefold())
        folders.append(folder)
    return folders


def _folder_names(video: Path, shared: bool) -> Iterator[str]:
    """Yield names for the results of *video*, the best first; *shared* when others have its name without extension."""
    if not shared:
        yield video.stem
    yield video.name
    yield _cut(video.name, ".clips")
    yield from (_cut(video.name, f".clips-{number}") for number in itertools.count(2))


def _cut(name: str, ending: str) -> str:
    """Return *name* with *ending*; where that is too long, its beginning and a digest of the whole."""
    if len(os.fsencode(name + ending)) <= LONGEST_NAME_BYTES:
        return name + ending
    ending = "~" + hashlib.sha256(os.fsencode(name)).hexdigest()[:8] + ending
    kept = name
    while len(os.fsencode(kept + ending)) > LONGEST_NAME_BYTES:
        kept = kept[:-1]
    return kept + ending


def _is_free(folder: Path, taken: set[str]) -> bool:
    name = folder.name.casefold()
    ours = name in RUN_FILES or name == OUTPUT or SHARDS_FILE.fullmatch(name) is not None
    return str(folder).casefold() not in taken and not ours and not folder.is_file()
