"""Files that are made of a video's finished results where somebody asks for them, in its folder."""

from __future__ import annotations

from pathlib import Path

from config import Config
from pipeline.settings import as_list

ANNOTATED = "annotated.mp4"

EXPORTS = {
    "talknet": ("export/scene.pckl", "export/faces.pckl", "export/tracks.pckl", "export/scores.pckl"),
    "sieve": ("export/sieve.json",),
    "rttm": ("export/speakers.rttm",),
    "ava": ("export/ava_labels.csv", "export/ava_predictions.csv"),
}
"""The files of each format."""


def wanted(config: Config) -> tuple[str, ...]:
    """What the settings ask for, as names inside the folder of a video."""
    names = [name for kind in as_list(config.EXPORT) for name in EXPORTS[kind]]
    return (*names, ANNOTATED) if config.ANNOTATE else tuple(names)


def missing(folder: Path, config: Config) -> tuple[str, ...]:
    """What of that is not in *folder* yet."""
    return tuple(name for name in wanted(config) if not (folder / name).is_file())


def remove_extras(folder: Path) -> None:
    """Removes what was made of results that hold no more."""
    for name in (*(name for names in EXPORTS.values() for name in names), ANNOTATED):
        (folder / name).unlink(missing_ok=True)
