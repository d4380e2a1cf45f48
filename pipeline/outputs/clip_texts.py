"""``seg_0000_track_000.txt`` beside ``seg_0000_track_000.mp4``: the words of a clip as plain text, as system 0 left
them for the training of lip readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.outputs.files import write_text
from pipeline.types import CLIP_NAME

CLIP_SUFFIX, TEXT_SUFFIX = ".mp4", ".txt"


def write_clip_texts(output: Path, manifest: Mapping[str, Any]) -> tuple[Path, ...]:
    """Write a text file for each clip of *manifest* into *output*, where the clips are; each whole or not at all.

    A file holds the ``text`` of its clip in UTF-8, and nothing else: no line end follows. Texts that are right are left
    alone.

    Args:
        output: the folder of the clips.
        manifest: result of `pipeline.outputs.manifest.manifest_json`.

    Returns:
        The files, in order of the clips.
    """
    paths = []
    for clip in manifest["clips"]:
        path = (output / clip["clip"]).with_suffix(TEXT_SUFFIX)
        content = clip["text"].encode("utf-8", "backslashreplace")
        if not path.is_file() or path.read_bytes() != content:
            write_text(path, content.decode())
        paths.append(path)
    return tuple(paths)


def clips_without_text(output: Path) -> Iterator[Path]:
    """Return the clips in *output* that have no text beside them."""
    if output.is_dir():
        for path in output.iterdir():
            is_clip = path.suffix == CLIP_SUFFIX and CLIP_NAME.fullmatch(path.name) is not None
            if is_clip and not path.with_suffix(TEXT_SUFFIX).is_file():
                yield path
