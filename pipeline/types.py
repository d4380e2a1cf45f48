"""The frozen values that cross every boundary of the pipeline.

One clock runs through all of them. Time zero is the presentation time of the first video frame; frame *i* of the grid
shows ``[i / 25, (i + 1) / 25)`` seconds after it; audio sample 0 is the same instant. Intervals are half-open.
Coordinates are **source pixels**: the picture as it is displayed, with rotation and pixel aspect applied.

Each value is checked once, on construction; its arrays are read-only afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

GRID_FPS = 25
"""Frames a second of the analysis grid: what the speaker networks were trained on."""

AUDIO_RATE_HZ = 16_000
"""Sample rate of the analysis sound: what Whisper, PocketSphinx and the MFCC of the speaker networks expect."""

SAMPLES_PER_FRAME = AUDIO_RATE_HZ // GRID_FPS
"""640 samples of sound to one grid frame."""


def _checked(name: str, array: np.ndarray, dtype: type, shape: tuple[int | None, ...]) -> np.ndarray:
    """A read-only view of *array*, or ValueError saying expected and got (None in *shape* is any length)."""
    array = np.asarray(array)
    fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape, strict=False))
    if array.dtype != np.dtype(dtype) or not fits:
        raise ValueError(f"{name}: expected {np.dtype(dtype)} {shape}, got {array.dtype} {array.shape}")
    view = array.view()
    view.flags.writeable = False
    return view


def _check_span(name: str, start: float, end: float) -> None:
    if not 0 <= start <= end:
        raise ValueError(f"{name}: expected 0 <= start <= end, got {start} and {end}")


@dataclass(frozen=True, slots=True)
class Probe:
    """What one look at a video file tells, before any work is done on it."""

    path: Path
    """Absolute path of the file."""
    container: str
    """Name of the format as FFmpeg knows it, such as ``mov,mp4,m4a,3gp,3g2,mj2``."""
    duration_s: float
    """Seconds from the first video frame to the end of the picture, as the file claims; 0 when it does not say."""
    width_px: int
    """Displayed width: rotation and pixel aspect applied."""
    height_px: int
    """Displayed height."""
    rate: Fraction
    """Average frames a second of the source."""
    rotation_deg: int
    """Clockwise turn that was applied for display: 0, 90, 180 or 270."""
    zero_s: Fraction
    """Presentation time of the first video frame in the file's own clock: time zero of everything else."""
    audio_rate_hz: int | None
    """Sample rate of the first sound track; None without sound."""
    audio_channels: int
    """Channels of the first sound track; 0 without sound."""

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1:
            raise ValueError(f"Probe: expected a picture, got {self.width_px}x{self.height_px}")
        if self.rotation_deg not in (0, 90, 180, 270):
            raise ValueError(f"Probe.rotation_deg: expected 0, 90, 180 or 270, got {self.rotation_deg}")

    @property
    def frame_count(self) -> int:
        """Frames of the 25 fps grid that the claimed duration holds; the decoder's own count is what holds."""
        return round(self.duration_s * GRID_FPS)

    @property
    def has_audio(self) -> bool:
        return self.audio_rate_hz is not None


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Consecutive pictures of the 25 fps grid, usually a view into shared memory: copy what must outlive it."""

    first_frame: int
    """Grid number of ``frames[0]``."""
    frames: np.ndarray
    """(B, H, W, 3) uint8, BGR, rotation and pixel aspect applied."""
    scale: float = 1.0
    """Source pixels to one pixel of ``frames``: above 1 where the picture was too large for the ring."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", _checked("FrameBatch.frames", self.frames, np.uint8, (None, None, None, 3)))
        if self.first_frame < 0 or self.scale <= 0:
            raise ValueError(f"FrameBatch: expected first_frame >= 0, scale > 0; got {self.first_frame}, {self.scale}")

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The sound of one video as mono 16 kHz 16-bit samples in a file: read by the span, never held whole."""

    path: Path
    """Headerless little-endian int16 samples; sample 0 is the instant of the first video frame."""
    sample_count: int
    """Samples in the file."""

    rate_hz = AUDIO_RATE_HZ

    @property
    def duration_s(self) -> float:
        return self.sample_count / AUDIO_RATE_HZ

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples ``[start, stop)`` as (stop - start,) int16; silence where the span lies outside the recording."""
        if stop < start:
            raise ValueError(f"AudioTrack.read: expected start <= stop, got {start} and {stop}")
        out = np.zeros(stop - start, np.int16)
        first, last = max(start, 0), min(stop, self.sample_count)
        if first < last:
            out[first - start : last - start] = np.fromfile(self.path, "<i2", last - first, offset=2 * first)
        return out


@dataclass(frozen=True, slots=True)
class ScoredTracks:
    """Every face of one video, frame by frame, with how strongly it speaks: a long table sorted by track, then frame.

    A track is one face through one shot without a gap: its frames are consecutive.
    """

    frame_count: int
    """Grid frames of the video."""
    shot_starts: np.ndarray
    """(S,) int32: first frame of each shot, ascending, the first is 0; empty for a video without frames."""
    track: np.ndarray
    """(M,) int32: number of the track, from 0."""
    frame: np.ndarray
    """(M,) int32: grid frame."""
    box_px: np.ndarray
    """(M, 4) float32: x1, y1, x2, y2 in source pixels."""
    logit: np.ndarray
    """(M,) float32: score of the class "speaking"; above 0 is speaking. Never NaN."""
    probability: np.ndarray
    """(M,) float32 in 0..1: calibrated from the logit."""
    person: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    """(M,) int32: number of the person that the row's track shows, the same on all rows of a track. Where it is left
    out, every track is a person of its own."""

    def __post_init__(self) -> None:
        rows = len(self.track)
        if not len(self.person):
            object.__setattr__(self, "person", self.track.astype(np.int32))
        layout: Mapping[str, tuple[type, tuple[int | None, ...]]] = {
            "shot_starts": (np.int32, (None,)),
            "track": (np.int32, (rows,)),
            "frame": (np.int32, (rows,)),
            "box_px": (np.float32, (rows, 4)),
            "logit": (np.float32, (rows,)),
            "probability": (np.float32, (rows,)),
            "person": (np.int32, (rows,)),
        }
        for name, (dtype, shape) in layout.items():
            object.__setattr__(self, name, _checked(f"ScoredTracks.{name}", getattr(self, name), dtype, shape))
        if not (np.isfinite(self.logit).all() and np.isfinite(self.box_px).all()):
            raise ValueError("ScoredTracks: expected finite logits and boxes, got NaN or infinity")
        if rows and not (self.frame.min() >= 0 and self.frame.max() < self.frame_count):
            raise ValueError(
                f"ScoredTracks.frame: expected 0..{self.frame_count - 1}, got {self.frame.min()}..{self.frame.max()}"
            )
        if rows > 1:
            same = np.diff(self.track) == 0
            if (np.diff(self.track) < 0).any() or (np.diff(self.frame)[same] != 1).any():
                raise ValueError("ScoredTracks: expected rows sorted by track with consecutive frames")
            if (np.diff(self.person)[same] != 0).any():
                raise ValueError("ScoredTracks.person: expected one person to a track")

    @property
    def track_ids(self) -> np.ndarray:
        """(T,) int32: the numbers of the tracks, ascending."""
        return np.unique(self.track)

    def rows(self, track: int) -> slice:
        """The rows of one track (they are contiguous); empty when there is no such track."""
        first, last = np.searchsorted(self.track, [track, track + 1])
        return slice(int(first), int(last))

    @property
    def persons(self) -> dict[int, int]:
        """Person of each track."""
        ids, first = np.unique(self.track, return_index=True)
        return dict(zip(ids.tolist(), self.person[first].tolist(), strict=True))


Timing = Literal["measured", "interpolated"]


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word."""

    text: str
    """As Whisper gives it: with the space in front that separates it from the word before, where its language has
    one. Sentences are ``"".join`` of their words."""
    start_s: float
    end_s: float
    confidence: float | None = None
    """Probability of the word in 0..1 as the recogniser sees it; None when it does not say."""
    timing: Timing = "measured"
    """``interpolated`` when the recogniser gave no time and the neighbours' was used."""

    def __post_init__(self) -> None:
        _check_span("Word", self.start_s, self.end_s)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech as the recogniser delivered it: not yet a sentence."""

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...]
    flags: tuple[str, ...] = ()
    """Doubts about it: ``repeated`` when a phrase comes back too often to be speech."""

    def __post_init__(self) -> None:
        _check_span("Segment", self.start_s, self.end_s)


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that was said, in order of time."""

    language: str
    """ISO 639-1 code, such as ``en``."""
    segments: tuple[Segment, ...]

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)


@dataclass(frozen=True, slots=True)
class AttributedWord:
    """A word and the face that says it."""

    word: Word
    track: int | None
    """Track of the face that speaks during the word; None when nobody in view does."""
    speaker: int | None
    """Speaker number, stable inside the video; None when the speaker is not in view."""
    probabilities: tuple[tuple[int | None, float], ...] = ()
    """Track and probability for every face in view, and None for "nobody in view", highest first; they add up to 1.
    Empty where nobody computed them."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Consecutive words of one speaker that become one clip, or a line in the list of those dropped."""

    words: tuple[AttributedWord, ...]
    track: int | None
    """Track that holds most of the sentence; None when nobody in view speaks it."""
    speaker: int | None
    avg_score: float | None
    """Mean logit of the speaking face over the frames of the sentence's own words; None without a face."""
    probability: float | None
    """Mean calibrated probability over the same frames."""
    margin: float | None
    """How much higher that mean logit is than the runner-up's among the other faces in view; None when alone."""
    coverage: float
    """Share of the sentence's frames in 0..1 on which the speaking face is in view."""

    def __post_init__(self) -> None:
        if not self.words:
            raise ValueError("Sentence: expected at least one word, got none")

    @property
    def start_s(self) -> float:
        return self.words[0].word.start_s

    @property
    def end_s(self) -> float:
        return max(spoken.word.end_s for spoken in self.words)

    @property
    def text(self) -> str:
        return "".join(spoken.word.text for spoken in self.words).strip()


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """What to cut: a span of frames and the window that the camera shows on each of them."""

    index: int
    """Number of the sentence in the video; part of the clip's name."""
    sentence: Sentence
    first_frame: int
    """Of the clip, counted at `rate` from the first video frame."""
    window_px: np.ndarray
    """(F, 4) float32: x1, y1, x2, y2 in source pixels for each frame of the clip; may reach outside the picture."""
    style: str
    covered: np.ndarray
    """(F,) bool: frames on which the speaking face is in view."""
    size_px: tuple[int, int]
    """Width and height of the clip's picture, both even; the windows have the same shape."""
    rate: Fraction = Fraction(GRID_FPS)
    tracks: tuple[int, ...] = ()
    """Tracks of the speaker that are in view in the clip, in order of their first frames."""
    gap: Literal["none", "wide", "trim"] = "none"
    """About frames without the face: there are none; they are in the clip; they are cut off, and their words."""
    words_outside: tuple[AttributedWord, ...] = ()
    cuts: tuple[tuple[int, int], ...] = ()
    """Shot cuts of which the grid only says between which frames of the clip they are: last old one, first new one."""

    def __post_init__(self) -> None:
        frames = len(self.window_px)
        object.__setattr__(self, "window_px", _checked("ClipPlan.window_px", self.window_px, np.float32, (frames, 4)))
        object.__setattr__(self, "covered", _checked("ClipPlan.covered", self.covered, np.bool_, (frames,)))
        if frames < 1 or self.first_frame < 0 or any(side < 2 or side % 2 for side in self.size_px):
            got = f"{frames} from {self.first_frame}, {self.size_px}"
            raise ValueError(f"ClipPlan: expected frames from 0 on and even sides, got {got}")

    @property
    def frame_count(self) -> int:
        return len(self.window_px)

    @property
    def start_s(self) -> float:
        return float(self.first_frame / self.rate)

    @property
    def end_s(self) -> float:
        return float((self.first_frame + self.frame_count) / self.rate)

    @property
    def name(self) -> str:
        """File name of the clip, as system 0 wrote it."""
        return f"seg_{self.index:04d}_track_{self.sentence.track:03d}.mp4"


@dataclass(frozen=True, slots=True)
class DroppedSentence:
    """A sentence that got no clip, with its number in the video, and why."""

    index: int
    sentence: Sentence
    reason_code: str
    """As ``manifest.schema.json`` lists them; the message says the same for people, with the numbers."""
    message: str


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
class VideoResult:
    """How one video of the run ended: a line of ``run.json``."""

    path: Path
    status: Literal["done", "skipped", "failed", "interrupted"]
    reason_code: str = ""
    message: str = ""
    seconds: float = 0.0
    """Wall time spent on it."""
    stand_ins: tuple[str, ...] = ()
    """``job: model`` for each stand-in that took part."""
    clip_count: int = 0
    manifest: Path | None = None
    timings: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Stage to [start, end] in seconds after the start of the run."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """More for people and programs, such as the traceback of a bug."""
