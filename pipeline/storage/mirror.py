"""A folder of this machine that stands for places on a storage: so that all other code sees paths only.

What is needed is fetched into it, what a video leaves is pushed from it, and what is needed no more is removed. An
empty file stands for an object that is there and that nobody has to read here: so "every clip is there" is asked of a
mirror as of any folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InputError
from pipeline.results import MANIFEST
from pipeline.sources.discover import EXTENSIONS, SIGNS_OF_RESULTS
from pipeline.storage.objects import Entry, listing


@dataclass(frozen=True, slots=True)
class Copy:
    """Something on a storage, and its place in the mirror."""

    url: str
    path: Path


@dataclass(frozen=True, slots=True)
class Remote:
    """The parts of a video that lie on a storage. It holds on any machine: the mirror is made where it is missing."""

    root: Path
    """Folder of the mirror; nothing outside is ever removed."""
    video: Copy | None
    """The video; None where that is a file of this machine."""
    results: Copy | None
    """The folder of its results, likewise."""

    def moved(self, root: Path) -> Remote:
        """The same with its mirror in the folder *root*."""
        video, results = (
            each and Copy(each.url, root / each.path.relative_to(self.root)) for each in (self.video, self.results)
        )
        return Remote(root, video, results)

    @property
    def copies(self) -> tuple[Copy, ...]:
        return tuple(each for each in (self.results, self.video) if each is not None)

    def told(self, text: str) -> str:
        """*text* with the URLs in place of the paths in the mirror."""
        for copy in self.copies:
            for path in (f"file:{copy.path}", str(copy.path)):  # FFmpeg calls a path so
                text = text.replace(path, copy.url)
        return text


@dataclass(frozen=True, slots=True)
class Mirror:
    """The mirror of a run."""

    root: Path
    source: str = ""
    """URL of the folder of videos; empty where that is on this machine."""
    results: str = ""
    """URL of the folder of results, where it is another one on a storage."""

    @property
    def source_folder(self) -> Path:
        return self.root / "source"

    @property
    def results_folder(self) -> Path:
        return self.root / "results"

    def url_of(self, path: Path) -> str:
        """The URL that *path* stands for; empty for what is no part of the mirror."""
        for url, folder in ((self.source, self.source_folder), (self.results, self.results_folder)):
            if url and path.is_relative_to(folder):
                inside = path.relative_to(folder).as_posix()
                return url if inside == "." else f"{url}/{inside}"
        return ""

    def shown(self, path: Path) -> str:
        """*path* for people and programs: as a URL where it stands for one."""
        return self.url_of(path) or str(path)

    def told(self, error: InputError) -> InputError:
        """*error* with the URL in place of the path."""
        if error.path is None:
            return error
        return InputError(error.reason_code, error.message, self.shown(Path(error.path)))

    def remote_of(self, video: Path, folder: Path) -> Remote | None:
        """Return the parts of a video that lie on the storage; *folder* is that of its results."""
        found = [Copy(url, path) if (url := self.url_of(path)) else None for path in (video, folder)]
        return Remote(self.root, *found) if any(found) else None

    def lay_out(self, recursive: bool) -> None:
        """Make the folder of videos look as on the storage, as far as it matters which of them are videos.

        Raises:
            InputError: it cannot be listed, or holds a name that no file can have here (``bad_name``).
        """
        self.source_folder.mkdir(parents=True, exist_ok=True)
        for entry in listing(self.source, recursive):
            if _matters(entry):
                self.stand_in(entry)

    def stand_in(self, entry: Entry) -> None:
        """Put an empty file, or a folder, in the place of *entry*.

        Raises:
            InputError: ``bad_name``.
        """
        path = self.source_folder / entry.name
        try:
            if not {"", ".", ".."}.isdisjoint(entry.name.split("/")):
                raise ValueError("a part of it is empty, . or ..")
            (path if entry.size is None else path.parent).mkdir(parents=True, exist_ok=True)
            if entry.size is not None:
                path.touch()
        except (OSError, ValueError) as error:
            message = f"no file of this machine can have its name ({error}). Rename it, or leave out its folder"
            raise InputError("bad_name", message, f"{self.source}/{entry.name}") from error


def _matters(entry: Entry) -> bool:
    """Return True for a folder, a possible video, or a sign of this program's clips. Hidden ones, such as
    ``..``, are none of these."""
    *_, name = parts = entry.name.split("/")
    if any(part.startswith(".") for part in parts):
        return False
    signs = (*SIGNS_OF_RESULTS, Path(MANIFEST).name)
    return entry.size is None or Path(name).suffix.lower() in EXTENSIONS or name in signs
