"""The faces of a video, and how strongly they speak."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.types.checks import checked

TOO_SHORT, TOO_SMALL, NO_FACE = 0, 1, 2
"""Reasons why what the detector saw has no track: MIN_TRACK, MIN_FACE_SIZE, and that no view of it shows a face."""


@dataclass(frozen=True, slots=True)
class FaceTracks:
    """Every face of one video, frame by frame: a long table sorted by track, then frame.

    A track is one face through one shot without a gap: its frames are consecutive.
    """

    frame_count: int
    """Number of the grid frame after the last one of the video, or of the excerpt."""
    shot_starts: np.ndarray
    """(S,) int32: first frame of each shot, ascending, the first is `first_frame`; empty for a video without frames."""
    track: np.ndarray
    """(M,) int32: number of the track, from 0."""
    frame: np.ndarray
    """(M,) int32: grid frame."""
    box_px: np.ndarray
    """(M, 4) float32: x1, y1, x2, y2 in source pixels."""
    person: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32), kw_only=True)
    """(M,) int32: number of the person that the row's track shows, the same on all rows of a track. Where it is left
    out, every track is a person of its own."""
    first_frame: int = field(default=0, kw_only=True)
    """Grid frame with which the excerpt begins; 0 for a whole video."""
    unkept: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int32), kw_only=True)
    """(K, 3) int32: stretches with a face that has no track: first frame, frame after the last, and the reason,
    `TOO_SHORT`, `TOO_SMALL` or `NO_FACE`."""

    def __post_init__(self) -> None:
        kind, rows = type(self).__name__, len(self.track)
        if not len(self.person):
            object.__setattr__(self, "person", self.track.astype(np.int32))
        layout: Mapping[str, tuple[type, tuple[int | None, ...]]] = {
            "shot_starts": (np.int32, (None,)),
            "track": (np.int32, (rows,)),
            "frame": (np.int32, (rows,)),
            "box_px": (np.float32, (rows, 4)),
            "person": (np.int32, (rows,)),
            "unkept": (np.int32, (None, 3)),
        }
        for name, (dtype, shape) in layout.items():
            object.__setattr__(self, name, checked(f"{kind}.{name}", getattr(self, name), dtype, shape))
        if not np.isfinite(self.box_px).all():
            raise ValueError(f"{kind}.box_px: expected finite boxes, got NaN or infinity")
        first, last = self.first_frame, self.frame_count - 1
        if first < 0 or (rows and not (self.frame.min() >= first and self.frame.max() <= last)):
            got = f"{self.frame.min()}..{self.frame.max()}" if rows else "none"
            raise ValueError(f"{kind}.frame: expected {first}..{last}, got {got}")
        if rows > 1:
            same = np.diff(self.track) == 0
            if (np.diff(self.track) < 0).any() or (np.diff(self.frame)[same] != 1).any():
                raise ValueError(f"{kind}: expected rows sorted by track with consecutive frames")
            if (np.diff(self.person)[same] != 0).any():
                raise ValueError(f"{kind}.person: expected one person to a track")

    @property
    def track_ids(self) -> np.ndarray:
        """Return (T,) int32: the numbers of the tracks, ascending."""
        return np.unique(self.track)

    def rows(self, track: int) -> slice:
        """Return the rows of one track (they are contiguous); empty when there is no such track."""
        first, last = np.searchsorted(self.track, [track, track + 1])
        return slice(int(first), int(last))

    @property
    def persons(self) -> dict[int, int]:
        """Return the person of each track."""
        ids, first = np.unique(self.track, return_index=True)
        return dict(zip(ids.tolist(), self.person[first].tolist(), strict=True))


SCORES = ("logit", "probability", "activity", "sync_contrast")
"""Names of the columns of `SpeakerScores`."""


@dataclass(frozen=True, slots=True)
class SpeakerScores:
    """Strength of speech of the faces of `FaceTracks`, row by row."""

    logit: np.ndarray
    """(M,) float32: score of the class "speaking"; above 0 is speaking. Never NaN."""
    probability: np.ndarray
    """(M,) float32 in 0..1: calibrated from the logit."""
    activity: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32), kw_only=True)
    """(M,) float32: logit of the weights that tell best whether anybody in view speaks at all, where `logit` is that of
    several together. Never NaN; the logit itself where it is left out."""
    sync_contrast: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32), kw_only=True)
    """(M,) float32, in units of the logit: what the face gains from this sound over the same sound at other times.
    Never NaN; 0 on all rows where it is left out, as of a model that does not measure it."""

    def __post_init__(self) -> None:
        if not len(self.activity):
            object.__setattr__(self, "activity", self.logit)
        if not len(self.sync_contrast):
            object.__setattr__(self, "sync_contrast", np.zeros(len(self.logit), np.float32))
        for name in SCORES:
            array = checked(f"SpeakerScores.{name}", getattr(self, name), np.float32, (len(self.logit),))
            object.__setattr__(self, name, array)
        for name in ("logit", "activity", "sync_contrast"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"SpeakerScores.{name}: expected finite numbers, got NaN or infinity")


@dataclass(frozen=True, slots=True)
class ScoredTracks(FaceTracks):
    """`FaceTracks` with the `SpeakerScores` of its rows. It serves wherever only faces are needed, too."""

    logit: np.ndarray
    """(M,) float32, as `SpeakerScores.logit`."""
    probability: np.ndarray
    """(M,) float32 in 0..1, as `SpeakerScores.probability`."""
    activity: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32), kw_only=True)
    """(M,) float32, as `SpeakerScores.activity`."""
    sync_contrast: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32), kw_only=True)
    """(M,) float32, as `SpeakerScores.sync_contrast`."""

    def __post_init__(self) -> None:
        FaceTracks.__post_init__(self)
        checked("ScoredTracks.logit", self.logit, np.float32, (len(self.track),))
        scores = self.scores
        for name in SCORES:
            object.__setattr__(self, name, getattr(scores, name))

    @classmethod
    def of(cls, faces: FaceTracks, scores: SpeakerScores) -> ScoredTracks:
        """Join *faces* with the scores of their rows."""
        return cls(**_columns(faces), **{name: getattr(scores, name) for name in SCORES})

    @property
    def faces(self) -> FaceTracks:
        """Return the faces without their scores."""
        return FaceTracks(**_columns(self))

    @property
    def scores(self) -> SpeakerScores:
        """Return the scores without the faces."""
        return SpeakerScores(**{name: getattr(self, name) for name in SCORES})


def _columns(faces: FaceTracks) -> dict[str, Any]:
    return {each.name: getattr(faces, each.name) for each in dataclasses.fields(FaceTracks)}
