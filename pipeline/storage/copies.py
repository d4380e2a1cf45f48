"""Files of a video on a storage, fetched into the mirror and pushed from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from filelock import FileLock

from pipeline.errors import InputError
from pipeline.results import FAILURE, MADE, MANIFEST, NEXT, RANGES, RANGES_LIST, REPORT, STAGED, is_result
from pipeline.storage.mirror import Remote
from pipeline.storage.objects import fetch, listing, push, remove, size_of

SMALL = frozenset({MANIFEST, FAILURE, f"{RANGES}/{RANGES_LIST}"})
"""Files that tell if a video is done, or cannot be done: fetched whole for that, as are the notes in `MADE`."""

ASKED_AT_ONCE = 16
"""Videos that a storage is asked about at the same time: each question waits for the network most of the time."""

PUSHED_AT_ONCE = 4
"""Results that are pushed at the same time: each may be held in memory as a few parts."""

Stamps = Mapping[str, tuple[int, int, int]]
"""Of each file in a folder, by its name from there: inode, size in bytes, time of the last change in nanoseconds."""


def next_names(folder: Path) -> tuple[str, ...]:
    """Return where the results of stages lie that were made beside finished ones of an earlier state in *folder*."""
    return tuple(f"{NEXT}/{name}" for name in STAGED) if (folder / MANIFEST).is_file() else ()


def look(remote: Remote) -> None:
    """Makes the folder of a video's results look as on the storage, with the small files whole.

    Raises:
        InputError: the storage cannot be read.
    """
    if remote.results is None:
        return
    url, folder = remote.results.url, remote.results.path
    for entry in listing(url):
        path = folder / entry.name
        if entry.name in SMALL or entry.name.startswith(f"{MADE}/"):
            fetch(f"{url}/{entry.name}", path)
        elif (is_result(entry.name) or entry.name in STAGED) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


def bring_video(remote: Remote, on_bytes: Callable[[int], None] = lambda _: None) -> None:
    """Fetches the video, unless it is here whole.

    Raises:
        InputError: it cannot be had.
        OSError: there is no room for it.
    """
    if remote.video is not None and not _bring(remote.video.url, remote.video.path, on_bytes):
        raise InputError("not_found", "the video is not there any more", remote.video.url)


def bring(remote: Remote, names: Iterable[str], on_bytes: Callable[[int], None] = lambda _: None) -> None:
    """Fetches those results that are on the storage and not here whole.

    Raises:
        InputError: they cannot be had.
        OSError: there is no room for them.
    """
    if remote.results is not None:
        for name in names:
            _bring(f"{remote.results.url}/{name}", remote.results.path / name, on_bytes)


def _bring(url: str, path: Path, on_bytes: Callable[[int], None]) -> bool:
    """Fetch an object; return False where there is none. Of several processes one fetches it, the others wait."""
    size = size_of(url)
    if size is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(_lock_of(path)):
        if not path.is_file() or path.stat().st_size != size:
            fetch(url, path, on_bytes)
    return True


def push_named(remote: Remote, path: Path, name: str) -> None:
    """Pushes the file *path* as the result *name*, where results are pushed.

    Raises:
        InputError: it cannot be written.
    """
    if remote.results is not None:
        push(path, f"{remote.results.url}/{name}")


def remove_named(remote: Remote, name: str) -> None:
    """Remove the result *name* from the storage, if it is there.

    Raises:
        InputError: it cannot be removed.
    """
    if remote.results is not None:
        remove(f"{remote.results.url}/{name}")


def stamps(folder: Path) -> Stamps:
    """Return the files in *folder* now, for `push_changed`; hidden and half-written ones are left out."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            seen = path.stat()
            found[name.as_posix()] = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
    return found


def push_changed(remote: Remote, before: Stamps, on_file: Callable[[], None] = lambda: None) -> list[str]:
    """Pushes the results that were written since *before*, the manifest last; *on_file* is called after each.

    A new manifest takes the place of everything: the old one goes first, and results that are not in this folder go
    too.

    Returns:
        The names of what was pushed.

    Raises:
        InputError: something cannot be written.
    """
    if remote.results is None:
        return []
    url, folder = remote.results.url, remote.results.path
    changed = [name for name, stamp in stamps(folder).items() if before.get(name) != stamp]
    is_new = MANIFEST in changed
    if is_new:
        remove(f"{url}/{MANIFEST}")
    others = [name for name in changed if name != MANIFEST]
    with ThreadPoolExecutor(PUSHED_AT_ONCE, "push") as pool:
        pushing = [pool.submit(push, folder / name, f"{url}/{name}") for name in others]
        try:
            for future in as_completed(pushing):
                future.result()
                on_file()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if is_new:
        remove_gone(remote)
        push(folder / MANIFEST, f"{url}/{MANIFEST}")
    return [*others, *([MANIFEST] if is_new else [])]


def remove_gone(remote: Remote) -> None:
    """Removes from the storage the results that are no more in their folder here, the manifest first.

    Raises:
        InputError: they cannot be removed.
    """
    if remote.results is None:
        return
    url, folder = remote.results.url, remote.results.path
    gone = [each.name for each in listing(url) if is_result(each.name) and not (folder / each.name).exists()]
    for name in sorted(gone, key=lambda name: name != MANIFEST):
        remove(f"{url}/{name}")


def trim(remote: Remote) -> None:
    """Removes the copies of a video that has ended, save its manifest; the report is left as an empty file. The pages
    of the run are made of these."""
    if remote.results is not None:
        for path in remote.results.path.rglob("*"):
            name = path.relative_to(remote.results.path).as_posix()
            if name == REPORT:
                path.unlink()
                path.touch()
            elif name != MANIFEST and not path.is_dir():
                path.unlink(missing_ok=True)
    if remote.video is not None:
        _remove_video(remote, remote.video.path)


def _remove_video(remote: Remote, path: Path) -> None:
    _check_inside(remote, path)
    for each in (path, _lock_of(path)):
        each.unlink(missing_ok=True)


def _check_inside(remote: Remote, path: Path) -> None:
    if not path.is_relative_to(remote.root):
        raise ValueError(f"expected a path in the mirror {remote.root}, got {path}")


def _lock_of(path: Path) -> Path:
    """The name is short whatever that of the file is: some names have no room for more."""
    return path.with_name(re.sub(r"(?s)^(.{32}).*$", r"\1", f".{path.name}") + ".lock")
