"""Discovery of the videos of a run, of the folders for their results, and of the transcripts that belong to them."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.errors import InputError
from pipeline.types import CLIP_NAME

T = TypeVar("T")

EXTENSIONS = frozenset(
    {
        *(".3gp", ".asf", ".avi", ".dv", ".f4v", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"),
        *(".mts", ".mxf", ".nut", ".ogg", ".ogm", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".wtv"),
    }
)
"""Names that count as videos in a folder, in small or capital letters. A file named on the command line may
have any name."""

TRANSCRIPT_SUFFIXES = (".json", ".srt", ".JSON", ".SRT")
"""Kinds of transcripts that are read, the richer one first."""

RUN_FILES = ("run.json", "clips.jsonl", "index.html")
"""Files that a run writes beside the folders of its videos; a shard of a run names them by `Shard.name_of`."""

SHARDS_FILE = re.compile(r"(run|clips|index)\.shard-(\d+)-of-(\d+)\.(json|jsonl|html)")
"""Every name that `Shard.name_of` gives to one of `RUN_FILES`."""

OUTPUT = "output"
"""Folder inside a video's results that holds its clips."""

ANNOTATED = "annotated.mp4"
"""The whole video with boxes drawn on it, in the folder of its results: beside `TABLE`, it is no video to work on."""

TABLE = "tracks.npz"

SIGNS_OF_RESULTS = ("log.txt", "transcript.json", TABLE, "failure.json")
"""Files that this program leaves beside a folder of clips, from the beginning of its work on."""

LONGEST_NAME_BYTES = 255
"""Longest name that file systems take."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One of *world* runs that share out a list of videos: each takes every *world*-th one, from its *rank* on.

    On any machines, together they take every video of the list once, as long as the list is the same.
    """

    rank: int
    """Number of the run, from 0."""
    world: int

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world:
            raise ValueError(f"Shard: rank {self.rank} is not within 0 to {self.world - 1}")

    def __str__(self) -> str:
        return f"{self.rank}/{self.world}"

    def of(self, items: Sequence[T]) -> list[T]:
        """Return this shard's share of *items*, in their order."""
        return list(items[self.rank :: self.world])

    def name_of(self, name: str) -> str:
        """Return this shard's name of one of `RUN_FILES`, so that no two shards write the same file.

        >>> Shard(3, 16).name_of("run.json")
        'run.shard-03-of-16.json'
        >>> Shard(0, 1).name_of("run.json")
        'run.json'
        """
        if self.world == 1:
            return name
        stem, _, ending = name.partition(".")
        digits = max(len(str(self.world)), 2)
        return f"{stem}.shard-{self.rank:0{digits}}-of-{self.world:0{digits}}.{ending}"


WHOLE = Shard(0, 1)
"""All of the list."""


def list_digest(videos: Sequence[Path], source: Path) -> str:
    """Return 64 hexadecimal digits that tell one list of videos, in its order, from another; nothing is read.

    Args:
        videos: absolute paths.
        source: the folder that they lie in, or the only one of them.

    Raises:
        ValueError: a video is not inside *source*, or its name cannot be that of a file.
    """
    names = [video.relative_to(source) if video != source else Path(video.name) for video in videos]
    return hashlib.sha256(b"\0".join(os.fsencode(name) for name in names)).hexdigest()


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
        raise InputError("not_found", "there is no such file or folder. Name a folder of videos", source) from error
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
        clips = folder != source and _holds_clips(folder, names)
        drawn = folder != source and TABLE in names
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders += [path] if recursive else []
            elif (clips and CLIP_NAME.fullmatch(entry.name)) or (drawn and entry.name == ANNOTATED):
                continue
            elif path.suffix.lower() in EXTENSIONS:
                found += [path] if _may_be_video(path) else []
    return found


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


def _given_lists(videos: list[Path], given: Path, ending: str, what: str) -> list[Path | None]:
    """Return the user's list of each video, where there is one.

    In a folder, for ``talk.mp4`` these names are tried: ``talk.mp4`` and ``talk`` with *ending*, ``talk.mp4.csv``,
    ``talk.csv``.

    Args:
        videos: absolute paths.
        given: a folder of lists, or the list of the only video.
        ending: end of their names, such as ``-Scenes.csv``.
        what: content of the lists, for messages.

    Raises:
        InputError: ``not_found`` when there is no such file or folder; ``bad_setting`` for one list and several videos.
    """
    given = given.expanduser().absolute()
    if given.is_dir():
        tried = [
            [given / f"{name}{end}" for end in (ending, ".csv") for name in (video.name, video.stem)]
            for video in videos
        ]
        return [next((path for path in paths if _is_file(path)), None) for paths in tried]
    if not given.is_file():
        raise InputError("not_found", f"there is no such list of {what}, nor a folder of them", given)
    if len(videos) != 1:
        message = f"is the list of one video, and here are {len(videos)}. Name a folder of lists, or one video"
        raise InputError("bad_setting", message, given)
    return [given]
