"""Objects on a storage that is no folder of this machine, named by URLs such as ``s3://bucket/videos/a.mp4``.

Everything goes through fsspec, which is imported when the first URL is used and not before. Credentials, and the
address of a service other than AWS, come from where every S3 program looks: ``AWS_ACCESS_KEY_ID``,
``AWS_SECRET_ACCESS_KEY``, ``AWS_ENDPOINT_URL`` and the files in ``~/.aws``. What fails for a moment is tried again by
s3fs, up to five times.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import InputError

PACKAGES = {"s3": "s3fs", "file": "fsspec"}
"""Protocols that are served, and the package that each needs. All others are refused: the name of a video must not make
this machine ask any address on the web."""

OPTIONS = {"s3": {"use_listings_cache": False}, "file": {"auto_mkdir": True}}
"""Options of the file systems. Listings are asked for anew each time: other machines write there."""

INSTALL = "pip install -r requirements-ray.txt"

PART_BYTES, PARTS_AT_ONCE = 8 << 20, 4
"""Size of the parts in which large objects travel, and number of parts at a time: fsspec's own 10 parts of 50 MiB would
take half a gigabyte of memory for each video that is fetched."""

MAX_PARTS = 9000
"""Most parts of an object; S3 takes 10,000."""

_OWN_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENAMETOOLONG})
"""Errors that this machine's disk has and a storage has not."""

_CREDENTIALS = frozenset({"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"})
"""Names of botocore's errors for missing credentials."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Line of a listing."""

    name: str
    """Name relative to the folder that was listed, with ``/`` between its parts."""
    size: int | None
    """Size in bytes; None for a folder."""


def size_of(url: str) -> int | None:
    """Return the size in bytes of the object *url*; None where there is no such object.

    Raises:
        InputError: the storage cannot be asked: ``storage_denied``, ``storage_failed``.
    """
    found = _seen(url)
    return None if found is None else found[0]


def listing(url: str, recursive: bool = True) -> list[Entry]:
    """List the folder *url*, in order of the names; with *recursive*, all objects in the folders inside too, and no
    folders. Empty where there is no such folder.

    Raises:
        InputError: ``not_found`` when there is no such bucket; ``storage_denied``, ``storage_failed``.
    """
    system, place = _system(url)
    bucket = place.split("/")[0]
    with _asking(url):
        try:
            found = system.find(place, detail=True).values() if recursive else system.ls(place, detail=True)
        except FileNotFoundError:
            if bucket and not system.exists(bucket):
                raise
            return []
    entries = {}
    for each in found:
        name = str(each["name"])[len(place) + 1 :]
        if name and not (each["type"] == "file" and name.endswith("/")):  # such an object only marks a folder
            entries[name] = Entry(name, int(each["size"]) if each["type"] == "file" else None)
    return [entries[name] for name in sorted(entries)]


def read_part(url: str, start: int, stop: int) -> bytes:
    """Read the bytes ``[start, stop)`` of an object that has them.

    Raises:
        InputError: those of `fetch`.
    """
    if start >= stop:
        return b""
    system, place = _system(url)
    with _asking(url):
        return system.cat_file(place, start=start, end=stop)


def fetch(url: str, path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> None:
    """Copy an object to *path*, whole or not at all; *on_bytes* is called with the number of bytes as they come over a
    network.

    The copy has the object's own time of change: so one that is fetched twice counts as unchanged.

    Raises:
        InputError: ``not_found``, ``storage_denied``, ``storage_failed``.
        OSError: it cannot be written here.
    """
    system, place = _system(url)
    found = _seen(url)
    if found is None:
        raise InputError("not_found", "there is no such object", url)
    size, changed_s = found
    path.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(path.parent).free < size:
        text = f"the copy of {url} needs {size / 1e6:.0f} MB of temporary files"
        raise OSError(errno.ENOSPC, text, str(path.parent))
    partial = path.with_name(f".{uuid.uuid4().hex}.part")  # short: the name of the file may be as long as names can be
    try:
        with _asking(url, partial):
            system.get_file(place, str(partial), callback=_callback(on_bytes), **_parts(url, size))
        if (got := partial.stat().st_size) != size:
            message = f"{got} of its {size} bytes came: it was changed meanwhile, or the line broke. Run it again"
            raise InputError("changed", message, url)
        os.utime(partial, (changed_s, changed_s))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def push(path: Path, url: str) -> None:
    """Copy the file *path* to an object, which appears whole or not at all.

    Raises:
        InputError: ``storage_denied``, ``storage_failed``, ``not_found`` for the bucket.
        OSError: the file cannot be read.
    """
    system, place = _system(url)
    size = path.stat().st_size
    with _asking(url, path):
        if url.startswith("file:"):
            partial = f"{os.path.dirname(place)}/.{os.path.basename(place)}.{uuid.uuid4().hex[:8]}.part"  # noqa: PTH119, PTH120
            system.put_file(str(path), partial)
            Path(partial).replace(place)
        else:
            system.put_file(str(path), place, **_parts(url, size))


def remove(url: str) -> None:
    """Remove an object; it is no error where there is none.

    Raises:
        InputError: ``storage_denied``, ``storage_failed``.
    """
    system, place = _system(url)
    with _asking(url):
        try:
            system.rm_file(place)
        except FileNotFoundError:
            return


def try_out(folder: str) -> None:
    """Write, read and remove a small object in *folder*.

    Raises:
        InputError: one of the three cannot be done.
    """
    url = f"{folder}/.check-{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
    content = b"may be removed"
    system, place = _system(url)
    with _asking(url):
        system.pipe_file(place, content)
        try:
            there = system.cat_file(place)
        finally:
            system.rm_file(place)
    if there != content:
        raise InputError("storage_failed", f"what was written came back as {there[:40]!r}", url)


def _system(url: str) -> tuple[Any, str]:
    """Return the file system of *url*, and the place in it."""
    protocol, _, place = url.partition("://")
    try:
        place.encode("utf-8")
    except UnicodeEncodeError as error:
        message = "its name is no valid UTF-8, which names on a storage must be. Rename the video"
        raise InputError("bad_name", message, url) from error
    try:
        import fsspec

        return fsspec.filesystem(protocol, **OPTIONS[protocol]), place
    except ImportError as error:
        message = f"{protocol}:// needs the package {PACKAGES[protocol]}. Run: {INSTALL}"
        raise InputError("bad_setting", message, url) from error


def _seen(url: str) -> tuple[int, float] | None:
    """Return the size of an object in bytes and its time of change, in seconds since the epoch; None where there is
    none."""
    system, place = _system(url)
    with _asking(url):
        try:
            found = system.info(place)
        except FileNotFoundError:
            return None
        if found["type"] != "file":
            return None
        return int(found["size"]), found["mtime"] if "mtime" in found else found["LastModified"].timestamp()


def _parts(url: str, size: int) -> dict[str, int]:
    """Return the options by which an object of *size* bytes travels, for the file systems that know parts."""
    if url.startswith("file:"):
        return {}
    return {"chunksize": max(PART_BYTES, -(-size // MAX_PARTS)), "max_concurrency": PARTS_AT_ONCE}


def _callback(on_bytes: Callable[[int], None]) -> Any:
    """Return fsspec's callback for bytes that have come; another thread calls it, for which the caller waits."""
    from fsspec.callbacks import Callback

    class Told(Callback):
        def relative_update(self, inc: int = 1) -> None:
            on_bytes(inc)

    return Told()


@contextmanager
def _asking(url: str, here: Path | None = None) -> Iterator[None]:
    """Turn errors of the storage about *url* into `InputError` inside. Those of this machine's disk, where the file
    *here* is read or written, stay as they are.

    s3fs lets errors of three libraries through, which share no base but `Exception`.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and (error.errno in _OWN_ERRORS or _is_about(error, here)):
            raise
        kind, said = type(error).__name__, " ".join(str(error).split()) or "no reason given"
        if kind in _CREDENTIALS:
            message = (
                f"no credentials for it were found ({said}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or fill "
                "~/.aws/credentials, on every machine of the run"
            )
            raise InputError("storage_denied", message, url) from error
        if isinstance(error, PermissionError):
            message = f"access was refused ({said}). The credentials must allow to list, read, write and delete there"
            raise InputError("storage_denied", message, url) from error
        if isinstance(error, FileNotFoundError):
            message = f"there is no such bucket or object ({said}). Check the name, and AWS_ENDPOINT_URL"
            raise InputError("not_found", message, url) from error
        message = (
            f"the storage did not do what was asked ({kind}: {said}). Check AWS_ENDPOINT_URL and the network, then run "
            "the same command again"
        )
        raise InputError("storage_failed", message, url) from error


def _is_about(error: OSError, here: Path | None) -> bool:
    return here is not None and str(error.filename) == str(here)
