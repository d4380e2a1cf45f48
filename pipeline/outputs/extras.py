"""Files that are made of a video's finished results where somebody asks for them, in its folder."""

from __future__ import annotations

from pathlib import Path

from config import Config
from pipeline.outputs.clip_texts import clips_without_text
from pipeline.outputs.kept import MANIFEST
from pipeline.settings import as_list

ANNOTATED = "annotated.mp4"

CLIP_TEXTS = "output/seg_*.txt"
"""Stands for the texts beside the clips. They are files of the clips and go with them."""

EXPORTS = {
    "talknet": ("export/scene.pckl", "export/faces.pckl", "export/tracks.pckl", "export/scores.pckl"),
    "sieve": ("export/sieve.json",),
    "sieve-raw": ("export/sieve_raw.json",),
    "sieve-cuts": ("export/sieve_cuts.json",),
    "rttm": ("export/speakers.rttm",),
    "ava": ("export/ava_labels.csv", "export/ava_predictions.csv"),
}
"""The files of each format."""


def wanted(config: Config) -> tuple[str, ...]:
    """What the settings ask for, as names inside the folder of a video."""
    names = [CLIP_TEXTS] if config.CLIP_TEXT else []
    names += [name for kind in as_list(config.EXPORT) for name in EXPORTS[kind]]
    return (*names, ANNOTATED) if config.ANNOTATE else tuple(names)


def missing(folder: Path, config: Config) -> tuple[str, ...]:
    """What of that is not in *folder* yet."""
    return tuple(name for name in wanted(config) if not _is_there(folder, name))


def _is_there(folder: Path, name: str) -> bool:
    if name == CLIP_TEXTS:
        return next(clips_without_text((folder / MANIFEST).parent), None) is None
    return (folder / name).is_file()


def remove_extras(folder: Path) -> None:
    """Removes what was made of results that hold no more."""
    for name in (*(name for names in EXPORTS.values() for name in names), ANNOTATED):
        (folder / name).unlink(missing_ok=True)
