"""Which models a run uses, and how its videos end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model does one job in this run, and whether it stands in for another."""

    job: str
    """``faces``, ``speaking``, ``words`` or ``identity``."""
    name: str
    """The model that is used, such as ``s3fd``, ``mtcnn``, ``talknet``, ``lip-motion``, ``pocketsphinx``."""
    weights: Path | None
    """Its file; None when the weights are inside a wheel or there are none."""
    sha256: str | None = None
    """Digest of that file."""
    stands_in_for: str | None = None
    """The model that was asked for, when its weights cannot be had."""
    why: str = ""
    """Why the stand-in is used, for people."""
    helper: Path | None = None
    """The file of another model that finds what this one needs; None when it needs none, or something inside a wheel
    does that instead."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Fingerprints of what a video's results depend on, each 64 hexadecimal digits: equal marks, equal results."""

    vision: str = ""
    """Of its content, and of settings and models that faces and scores depend on."""
    speech: str = ""
    """Likewise of the words."""
    whole: str = ""
    """Of everything: the manifest's own."""
    failure: str = ""
    """Of everything that decides whether the file can be used at all: limits on what it may be, too."""
    most_px: int = field(default=0, compare=False)
    """No fingerprint: pixels of the largest picture that vision analyses as it is, which ``RING_MB`` decides. 0 where
    nobody says. Results hold while `pipeline.types.PictureSizes.hold` says so."""


@dataclass(frozen=True, slots=True)
class VideoResult:
    """How one video of the run ended: a line of ``run.json``."""

    path: Path
    status: Literal["done", "partial", "skipped", "failed", "interrupted"]
    """``partial``: done with what could be read of a damaged file."""
    reason_code: str = ""
    message: str = ""
    seconds: float = 0.0
    """Wall time spent on it."""
    stand_ins: tuple[str, ...] = ()
    """``job: model`` for each stand-in that took part."""
    clip_count: int = 0
    manifest: Path | None = None
    duration_s: float = 0.0
    """Length of the video; 0 where it is not known."""
    timings: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Stage to [start, end] in seconds after the start of the run."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """More for people and programs, such as the traceback of a bug."""
