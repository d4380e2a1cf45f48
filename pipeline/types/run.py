"""Models that a run uses, and results of its videos."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.types.media import Losses


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model of one role in this run, and the one that it stands in for, if any."""

    role: str
    """``faces``, ``speaking``, ``words`` or ``identity``."""
    name: str
    """The model that is used, such as ``s3fd``, ``mtcnn``, ``talknet``, ``lip-motion``, ``pocketsphinx``."""
    weights: Path | None
    """Its file; None when the weights are inside a wheel or there are none."""
    sha256: str | None = None
    """SHA-256 digest of the file of weights."""
    stands_in_for: str | None = None
    """The model that was asked for, when its weights cannot be had."""
    why: str = ""
    """Why the stand-in is used, for people."""
    helper: Path | None = None
    """The file of another model that finds what this one needs; None when it needs none, or something inside a wheel
    does that instead."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Fingerprints of what a video's results depend on, each 64 hexadecimal digits: where equal, results are equal."""

    stages: Mapping[str, str] = field(default_factory=dict[str, str])
    """Fingerprint of each stage: of the video's content, and of settings and models that its result depends on."""
    failure: str = ""
    """Fingerprint of everything that decides whether the file can be used at all, limits on the file included."""
    most_px: int = field(default=0, compare=False)
    """No fingerprint: pixels of the largest picture that vision analyses as it is, which ``RING_MB`` decides; 0 where
    it is not known. Results hold while `pipeline.types.PictureSizes.hold` says so."""

    def of(self, stage: str) -> str:
        """Return the fingerprint of one stage; empty where there is none."""
        return self.stages.get(stage, "")

    def without_sound(self) -> Fingerprints:
        """Return those of what is made without sound: nothing that was made with sound has them."""
        stages = {
            stage: hashlib.sha256(f"{mark} without sound".encode()).hexdigest() for stage, mark in self.stages.items()
        }
        return dataclasses.replace(self, stages=stages)


@dataclass(frozen=True, slots=True)
class FinishedVideo:
    """The clips of one video."""

    manifest: Path
    clip_count: int
    dropped_count: int
    """Sentences without a clip, whatever the reason."""
    failed_count: int
    """Dropped sentences whose clip could not be made: ``tool_failed``."""
    first_failure: str = ""
    """Message of the encoder about the first clip that could not be made."""
    losses: Losses = Losses()  # noqa: RUF009 - it is frozen
    """Parts of the video that could not be read."""
    notes: tuple[str, ...] = ()
    """Remarks for people."""
    frame_count: int = 0
    """Grid frames of its picture that were worked on."""


@dataclass(frozen=True, slots=True)
class VideoResult:
    """The end of one video of the run: a line of ``run.json``."""

    path: Path
    status: Literal["done", "partial", "skipped", "failed", "interrupted"]
    """``partial``: done with what could be read of a damaged file, or as far as can be without sound."""
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
    timings: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])
    """Stage to [start, end] in seconds after the start of the run."""
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """More for people and programs, such as the traceback of a bug."""
