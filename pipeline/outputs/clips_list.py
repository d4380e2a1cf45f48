"""``clips.jsonl``: every clip of a run, one JSON object a line, gathered from the manifests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.outputs.files import atomic_path, json_text
from pipeline.outputs.manifest import read_manifest


def clip_lines(manifests: Iterable[Path], folder: Path) -> Iterator[dict[str, Any]]:
    """The clips of *manifests*, in their order.

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
        manifest = read_manifest(path)
        home = Path(os.path.relpath(path.absolute().parent, folder.absolute()))
        for clip in manifest["clips"]:
            yield {
                "video": manifest["source"]["path"],
                "manifest": (home / path.name).as_posix(),
                "path": (home / clip["clip"]).as_posix(),
                **clip,
            }


def write_clips_list(path: Path, manifests: Iterable[Path]) -> int:
    """Writes the lines of *manifests* to *path*, whole or not at all, and says how many."""
    count = 0
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        for line in clip_lines(manifests, path.parent):
            file.write(json_text(line) + "\n")
            count += 1
    return count
