"""Short texts that change when the results of a video, or of one of its stages, would: made of its content, the
settings and the models."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from config import Config
from pipeline.errors import InputError
from pipeline.outputs.files import json_text
from pipeline.outputs.kept import MANIFEST
from pipeline.outputs.own_manifest import read_summary
from pipeline.settings import CLIPS, SPEECH, VISION, settings_that_affect
from pipeline.storage.objects import read_part, size_of
from pipeline.types import Marks, ModelChoice

SAMPLE_BYTES = 1 << 20
"""How much is read at the beginning, in the middle and at the end of a file: whole files would take hours."""

VERSIONS = {VISION: 2, SPEECH: 4, CLIPS: 3}
"""To be raised when the program comes to another result of a stage for the same input, so that it is done again."""

LIMITS = ("MAX_MEGAPIXELS", "MAX_VIDEO_HOURS")
"""Settings that decide whether a file is refused, and change no result of one that is not."""

BY_SIZE = ("RING_MB",)
"""Settings that change results of large pictures only: the results themselves say at which size pictures were analysed,
and `Marks.most_px` which size would be taken now."""

JOBS = {VISION: ("faces", "speaking", "identity"), SPEECH: ("words", "alignment")}
"""Models that take part in a stage; the clips depend on all."""


def marks_of(
    path: Path,
    config: Config,
    models: tuple[ModelChoice, ...],
    scenes: Path | None = None,
    sound: Path | None = None,
    url: str = "",
) -> Marks:
    """The fingerprints of the results that *path* would have.

    Args:
        path: the video: its size and three samples of its content count, its name and date do not.
        config: of each stage the settings that change its results count.
        models: of each stage name and digest count, and whether a model has its helper.
        scenes: the user's list of its scenes, for vision.
        sound: the file with its sound, for all stages.
        url: where the video lies, if not at *path*: the marks are the same.

    Raises:
        InputError: ``unreadable``, or the storage cannot be read.
    """
    content = (_digest_at(url) if url else _digest_of(path)) + (b"" if sound is None else _digest_of(sound))
    listed = "" if scenes is None else _digest_of(scenes).hex()

    def mark(*stages: str) -> str:
        used = [
            [model.job, model.name, model.sha256, model.helper is not None]
            for model in models
            if any(model.job in JOBS.get(stage, ()) for stage in stages)
        ]
        settings = settings_that_affect(config, *stages)
        settings = {name: value for name, value in settings.items() if name not in BY_SIZE}
        parts = [settings, used, [VERSIONS[stage] for stage in stages]]
        if listed and VISION in stages:
            parts.append(listed)
        return hashlib.sha256(content + json_text(parts).encode()).hexdigest()

    whole = mark(VISION, SPEECH, CLIPS)
    limits = [getattr(config, name) for name in LIMITS]
    failure = hashlib.sha256(f"{whole} {json_text(limits)}".encode()).hexdigest()
    return Marks(vision=mark(VISION), speech=mark(SPEECH), whole=whole, failure=failure)


def _digest_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:

            def read(start: int, stop: int) -> bytes:
                file.seek(start)
                return file.read(stop - start)

            return _sampled(file.seek(0, os.SEEK_END), read)
    except OSError as error:
        message = f"cannot be read: {error.strerror}. Check that it exists and its permissions"
        raise InputError("unreadable", message, path) from error


def _digest_at(url: str) -> bytes:
    """As `_digest_of`, of an object on a storage."""
    size = size_of(url)
    if size is None:
        raise InputError("unreadable", "there is no such object any more", url)
    return _sampled(size, lambda start, stop: read_part(url, start, stop))


def _sampled(size: int, read: Callable[[int, int], bytes]) -> bytes:
    """Digest of the size and of the samples that *read* gives, from a start to a stop in bytes."""
    digest = hashlib.sha256(size.to_bytes(8, "big"))
    for start in sorted({0, max(size // 2 - SAMPLE_BYTES // 2, 0), max(size - SAMPLE_BYTES, 0)}):
        digest.update(read(start, min(start + SAMPLE_BYTES, size)))
    return digest.digest()


def finished_before(folder: Path, wanted: str, most_px: int = 0) -> Path | None:
    """The manifest in *folder* if it has this fingerprint, and every clip that it names is there.

    Args:
        folder: of the video's results.
        wanted: the fingerprint, `Marks.whole`.
        most_px: as of `Marks`: the pictures must have been analysed at the size that this gives.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return None
    try:
        summary, names = read_summary(manifest)
        if summary.fingerprint != wanted or not (summary.sizes is None or summary.sizes.hold(most_px)):
            return None
        with os.scandir(manifest.parent) as entries:
            there = {entry.name for entry in entries if entry.is_file()}
    except (InputError, OSError):
        return None
    return manifest if there.issuperset(names) else None
