"""Files that appear whole under their name or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary file in the folder of *path*, to be written inside the ``with``; it becomes *path* at its end.

    The folder is made when it is missing. When the block raises, *path* is left as it was and the temporary file goes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def remove_abandoned(folder: Path, names: Iterable[str]) -> None:
    """Remove temporary files of *names* in *folder* that processes left when they died."""
    for name in names:
        for partial in folder.glob(f".{name}.*.part"):
            process = partial.suffixes[-2].removeprefix(".")
            if process.isdecimal() and not _is_alive(int(process)):
                partial.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def write_text(path: Path, text: str) -> None:
    """Write *text* as UTF-8 with the line ends that it has."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write *content* as it is."""
    with atomic_path(path) as partial:
        partial.write_bytes(content)


def json_text(value: Any, indent: int | None = None) -> str:
    """Return *value* as JSON with its letters unescaped, save the ones that UTF-8 cannot hold.

    File names that are no valid UTF-8 carry lone surrogates; those become ``\\udcXX``, which JSON reads back.

    Raises:
        ValueError: NaN or infinity, which JSON does not know.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write *value* as indented JSON."""
    write_text(path, json_text(value, indent=1) + "\n")
