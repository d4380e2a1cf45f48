"""Faults in the results of a run, and differences between the results of two."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from benchmarks.common.short_videos import Short
from pipeline.errors import InputError
from pipeline.outputs.manifest import read_manifest
from pipeline.results import MADE

DONE = ("done", "skipped")

OF_THE_RUN = frozenset({"created_at", "seconds", "host", "timings", "clips_list", "digest"})
"""Fields that may differ between two runs of the same thing, at any depth."""


def faults_of_report(report: Mapping[str, Any], shorts: Sequence[Short]) -> list[str]:
    """Return the faults of a ``run.json``: videos that are missing, listed twice, or ended otherwise than they must.

    Args:
        report: its content.
        shorts: all inputs of the run.
    """
    expected = {str(short.path): short for short in shorts}
    faults, seen = [], set()
    for line in report["videos"]:
        path = line["path"]
        short = expected.get(path)
        said = f"{line['status']} {line['reason_code']}".strip()
        if path in seen:
            faults.append(f"{path}: listed twice")
        elif short is None:
            faults.append(f"{path}: not among the inputs")
        elif short.good and line["status"] not in DONE:
            faults.append(f"{path}: expected done, got {said}: {line['message']}")
        elif not short.good and (line["status"] != "failed" or line["reason_code"] not in short.reasons):
            faults.append(f"{path}: expected failed {' or '.join(sorted(short.reasons))}, got {said}")
        seen.add(path)
    return faults + [f"{path}: not listed" for path in expected if path not in seen]


def faults_of_results(manifest: Path) -> list[str]:
    """Return the faults of a manifest and its clips: all of them must be there and play, and no others."""
    try:
        content = read_manifest(manifest)
    except InputError as error:
        return [str(error)]
    named = {clip["clip"]: clip["frame_count"] for clip in content["clips"]}
    there = {path.name for path in manifest.parent.iterdir()} - {manifest.name}
    faults = [f"{manifest.parent / name}: not in the manifest" for name in sorted(there - set(named))]
    for name, frames in named.items():
        path = manifest.parent / name
        try:
            pictures, samples = count_decoded(path)
        except (OSError, ValueError, IndexError) as error:
            faults.append(f"{path}: {error}")
            continue
        if pictures != frames or not samples:
            faults.append(f"{path}: expected {frames} pictures and sound, got {pictures} and {samples} samples")
    return faults


def count_decoded(path: Path) -> tuple[int, int]:
    """Count the pictures and samples of sound that can be decoded.

    Raises:
        OSError, ValueError, IndexError: it is no media file, it is broken, or it has no picture or no sound.
    """
    counts = {"video": 0, "audio": 0}
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            counts["video"] += frame is not None
        container.seek(0)
        for frame in container.decode(audio=0):
            counts["audio"] += frame.samples
    return counts["video"], counts["audio"]


def digest_decoded(path: Path) -> str:
    """Return a digest of all pictures and all sound of *path*, as decoded."""
    digest = hashlib.sha256()
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            digest.update(frame.to_ndarray().tobytes())
        container.seek(0)
        for frame in container.decode(audio=0):
            digest.update(frame.to_ndarray().tobytes())
    return digest.hexdigest()


def names_in(folder: Path) -> list[str]:
    """Return every file below *folder* but the notes on what outputs are made of, as a path relative to it."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()]
    return sorted(path.as_posix() for path in paths if MADE not in path.parts)


def timeless(value: Any) -> Any:
    """Return the JSON *value* without the fields `OF_THE_RUN`."""
    if isinstance(value, dict):
        return {name: timeless(inner) for name, inner in value.items() if name not in OF_THE_RUN}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


def differences(one: Path, other: Path) -> list[str]:
    """Return the files in which the results in *other* differ from those in *one*, each with the kind of difference.

    All names must be the same. Manifests must agree but for the fields `OF_THE_RUN`, tables of tracks in every number,
    clips in their bytes or else in all that is decoded from them, transcripts, subtitles and lists of clips in their
    bytes. Of other files (reports for people, logs) only the names count.
    """
    ours, theirs = names_in(one), names_in(other)
    found = [f"{name}: missing" for name in ours if name not in theirs]
    found += [f"{name}: too much" for name in theirs if name not in ours]
    return found + [f"{name}: differs" for name in ours if name in theirs and not _equal(one / name, other / name)]


def _equal(one: Path, other: Path) -> bool:
    if one.name == "manifest.json":
        return timeless(read_manifest(one)) == timeless(read_manifest(other))
    if one.suffix == ".npz":
        with np.load(one, allow_pickle=False) as ours, np.load(other, allow_pickle=False) as theirs:
            return sorted(ours) == sorted(theirs) and all(_same(ours[name], theirs[name]) for name in ours)
    if one.suffix == ".mp4":
        return one.read_bytes() == other.read_bytes() or digest_decoded(one) == digest_decoded(other)
    if one.name in ("transcript.json", "clips.jsonl") or one.suffix in (".srt", ".vtt", ".ass"):
        return one.read_bytes() == other.read_bytes()
    return True


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
