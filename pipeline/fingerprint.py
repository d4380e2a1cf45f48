"""Fingerprints: short texts that change when the results of a stage would, made of content, settings and models."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from config import Config
from pipeline.errors import InputError
from pipeline.outputs.files import json_text
from pipeline.settings import REFRAMED, settings_that_affect
from pipeline.stage import Graph, Stage
from pipeline.storage.objects import read_part, size_of
from pipeline.types import Fingerprints, ModelChoice

SAMPLE_BYTES = 1 << 20
"""Bytes read at the beginning, in the middle and at the end of a file: whole files would take hours."""

LIMITS = ("MAX_MEGAPIXELS", "MAX_VIDEO_HOURS")
"""Settings that decide whether a file is refused, and change no result of one that is not."""

BY_SIZE = ("RING_MB",)
"""Settings that change results of large pictures only: the results themselves say at which size pictures were analysed,
and `Fingerprints.most_px` the size would be taken now."""


def fingerprints_of(
    graph: Graph,
    path: Path,
    config: Config,
    models: tuple[ModelChoice, ...],
    scenes: Path | None = None,
    sound: Path | None = None,
    url: str = "",
    ranges: Path | None = None,
) -> Fingerprints:
    """Return the fingerprints of the results that *path* would have.

    Args:
        graph: the stages: the settings, models and versions of a stage and of all that it needs count.
        path: the video: its size and three samples of its content count, its name and date do not.
        config: of each stage the settings that change its results count.
        models: of each model its name and digest count, and whether it has its helper.
        scenes: the user's list of its scenes, for vision.
        sound: the file with its sound, for all stages.
        ranges: the user's list of its ranges, for the upright video.
        url: where the video lies, if not at *path*: the fingerprints are the same.

    Raises:
        InputError: ``unreadable``, or the storage cannot be read.
    """
    content = (_digest_at(url) if url else _digest_of(path)) + (b"" if sound is None else _digest_of(sound))
    listed = "" if scenes is None else _digest_of(scenes).hex()
    wanted = "" if ranges is None else _digest_of(ranges).hex()

    def mark(stage: Stage) -> str:
        chain = graph.chain(stage)
        used = [
            [model.role, model.name, model.sha256, model.helper is not None]
            for model in models
            if any(model.role in each.roles for each in chain)
        ]
        settings = settings_that_affect(config, *(each.name for each in chain))
        settings = {name: value for name, value in settings.items() if name not in BY_SIZE}
        parts = [settings, used, [version for each in chain for version in each.version]]
        if listed and any(each.feeds == "frames" for each in chain):
            parts.append(listed)
        if wanted and stage.name == REFRAMED:
            parts.append(wanted)
        return hashlib.sha256(content + json_text(parts).encode()).hexdigest()

    stages = {stage.name: mark(stage) for stage in graph.stages}
    limits = [getattr(config, name) for name in LIMITS]
    failure = hashlib.sha256(f"{stages[graph.final.name]} {json_text(limits)}".encode()).hexdigest()
    return Fingerprints(stages, failure)


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
    """Return the digest of an object on a storage: equal to `_digest_of` the same content."""
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
