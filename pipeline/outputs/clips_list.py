"""``clips.jsonl``: every clip of a run, one JSON object a line, gathered from the manifests.

A list of a thousand videos is gigabytes. So the lines of a manifest that has not changed since the list was written are
not made again: they are copied, or the list stays as it is where all are the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pipeline.errors import InputError
from pipeline.outputs.files import atomic_path, json_text
from pipeline.outputs.own_manifest import read_own_manifest, summary_of

COPIED_BYTES = 1 << 22
"""Bytes that are copied at a time."""


@dataclass(frozen=True, slots=True)
class Part:
    """Lines of one manifest, which follow those of the one before."""

    manifest: str
    """Name of the manifest in the lines."""
    digest: str
    """Digest of the manifest's content."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ClipsList:
    """Manifests that a list was made of, to be kept beside it."""

    size_bytes: int
    modified_ns: int
    """Time of its last change: a list of another size or time is not the one described here."""
    parts: Sequence[Part]

    def json(self) -> dict[str, Any]:
        """Return the JSON value that ``run.schema.json`` describes."""
        parts = [[part.manifest, part.digest, part.size_bytes] for part in self.parts]
        return {"bytes": self.size_bytes, "modified_ns": self.modified_ns, "parts": parts}

    @classmethod
    def of_json(cls, value: Any) -> ClipsList | None:
        """Read the result of `json`; None for anything else."""
        try:
            parts = tuple(Part(name, digest, size) for name, digest, size in value["parts"])
            made = cls(value["bytes"], value["modified_ns"], parts)
        except (TypeError, KeyError, ValueError):
            return None
        sizes = [made.size_bytes, made.modified_ns, *(part.size_bytes for part in parts)]
        texts = [text for part in parts for text in (part.manifest, part.digest)]
        fits = all(type(size) is int and size >= 0 for size in sizes) and all(isinstance(text, str) for text in texts)
        return made if fits and sum(part.size_bytes for part in parts) == made.size_bytes else None


def clip_lines(manifests: Iterable[Path], folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the clips of *manifests*, in their order.

    Args:
        manifests: paths of ``manifest.json`` files.
        folder: folder that the paths in the lines start from: the list's own.

    Yields:
        ``video`` (path of the source as its manifest has it), ``manifest`` and ``path`` (of the clip), both relative
        to *folder* with ``/`` between the parts, then the fields of the clip as the manifest gives them.

    Raises:
        InputError: a manifest cannot be read or is not valid.
    """
    for path in manifests:
        manifest = read_own_manifest(path)
        home = _home(path, folder)
        for clip in manifest["clips"]:
            own = {
                "video": manifest["source"]["path"],
                "manifest": (home / path.name).as_posix(),
                "path": (home / clip["clip"]).as_posix(),
            }
            yield {**own, **clip, **own}


def write_clips_list(path: Path, manifests: Iterable[Path], made: ClipsList | None = None) -> ClipsList:
    """Write the lines of *manifests* to *path*, whole or not at all.

    Args:
        path: path of the list.
        manifests: paths of ``manifest.json`` files, in order.
        made: description of the list that lies there, if known.

    Returns:
        The description of the list.

    Raises:
        InputError: a manifest cannot be read or is not valid.
        OSError: the list cannot be written.
    """
    manifests = list(manifests)
    named = {manifest: (_home(manifest, path.parent) / manifest.name).as_posix() for manifest in manifests}
    digests = {manifest: summary_of(manifest).digest for manifest in manifests}
    if made is not None and not _is_of(path, made):
        made = None
    if made is not None:
        wanted = [(named[manifest], digests[manifest]) for manifest in manifests]
        if wanted == [(part.manifest, part.digest) for part in made.parts]:
            return made
    places = _places(made)
    parts = []
    with atomic_path(path) as partial, partial.open("wb") as file:
        for manifest in manifests:
            place = places.get((named[manifest], digests[manifest]))
            if place is not None:
                _copy(path, *place, file)
                parts.append(Part(named[manifest], digests[manifest], place[1]))
                continue
            size = 0
            for line in clip_lines([manifest], path.parent):
                size += file.write(f"{json_text(line)}\n".encode())
            parts.append(Part(named[manifest], digests[manifest], size))
    written = path.stat()
    return ClipsList(written.st_size, written.st_mtime_ns, tuple(parts))


def _home(manifest: Path, folder: Path) -> Path:
    return Path(os.path.relpath(manifest.absolute().parent, folder.absolute()))


def _is_of(path: Path, made: ClipsList) -> bool:
    """Return True where the list in *path* is the one that *made* describes."""
    try:
        seen = path.stat()
    except OSError:
        return False
    return (seen.st_size, seen.st_mtime_ns) == (made.size_bytes, made.modified_ns)


def _places(made: ClipsList | None) -> Mapping[tuple[str, str], tuple[int, int]]:
    """Return the place in the list of the lines of each manifest, by its name and digest: start and size in bytes."""
    places, start = {}, 0
    for part in () if made is None else made.parts:
        places[part.manifest, part.digest] = start, part.size_bytes
        start += part.size_bytes
    return places


def _copy(path: Path, start: int, size: int, file: IO[bytes]) -> None:
    with path.open("rb") as old:
        old.seek(start)
        while size:
            piece = old.read(min(size, COPIED_BYTES))
            if not piece:
                raise InputError("bad_list", "has become shorter while it was read. Run the same command again", path)
            file.write(piece)
            size -= len(piece)
