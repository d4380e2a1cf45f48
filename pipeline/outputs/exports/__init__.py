"""Exports of a video's results for other programs: files of foreign formats in ``export/`` of its folder.

Every format is a module here with one function of values; `write_exports` calls those that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

from pipeline.outputs.exports.ava import write_ava
from pipeline.outputs.exports.rttm import Turn, write_rttm
from pipeline.outputs.exports.sieve import write_sieve, write_sieve_cuts, write_sieve_raw
from pipeline.outputs.exports.talknet import write_talknet
from pipeline.types import Probe, ScoredTracks

FORMATS = ("talknet", "sieve", "sieve-raw", "sieve-cuts", "rttm", "ava")
"""Names of the formats, in the order in which they are written."""


def write_exports(
    formats: Collection[str],
    folder: Path,
    probe: Probe,
    tracks: ScoredTracks,
    turns: Sequence[Turn],
    *,
    smooth: Callable[[np.ndarray], np.ndarray],
    embeddings: Sequence[np.ndarray] | None = None,
    ava_header: bool = False,
) -> tuple[Path, ...]:
    """Write the files of *formats* into ``<folder>/export/``, each whole or not at all.

    Args:
        formats: names of `FORMATS`.
        folder: folder of the video's results.
        probe: the source.
        tracks: faces and scores.
        turns: turns of all speakers, in order of their start; only ``rttm`` has them.
        smooth: path of a face as its crops follow it; see `write_talknet`.
        embeddings: embeddings of the faces, for ``talknet``; see there.
        ava_header: begin the files of ``ava`` with the names of their columns.

    Returns:
        The files.

    Raises:
        ValueError: a format is not known.
    """
    if unknown := set(formats) - set(FORMATS):
        raise ValueError(f"write_exports: expected formats of {FORMATS}, got {sorted(unknown)}")
    export, name, size_px = folder / "export", probe.path.stem, (probe.width_px, probe.height_px)
    written: list[Path] = []
    if "talknet" in formats:
        written += write_talknet(export, tracks, smooth, embeddings)
    if "sieve" in formats:
        written.append(write_sieve(export, tracks, size_px))
    if "sieve-raw" in formats:
        written.append(write_sieve_raw(export, tracks, size_px))
    if "sieve-cuts" in formats:
        written.append(write_sieve_cuts(export, tracks, size_px))
    if "rttm" in formats:
        written.append(write_rttm(export, turns, name, float(probe.lead_s)))
    if "ava" in formats:
        written += write_ava(export, tracks, size_px, name, ava_header)
    return tuple(written)
