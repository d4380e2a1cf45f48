"""A video file, its pictures and its sound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.types.checks import checked
from pipeline.types.excerpt import WHOLE_VIDEO, Excerpt
from pipeline.types.grid import AUDIO_RATE_HZ, GRID_FPS


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Limits on a video. A larger one is refused before memory or disk is spent, whatever its header claims."""

    pixels: int = 70_000_000
    """Most pixels of a picture, as stored and as displayed: 8192x8192 passes."""
    length_s: float = 24 * 3600.0
    """Latest instant of picture and sound, in seconds after the first video frame."""


@dataclass(frozen=True, slots=True)
class ClockJoin:
    """A place at which the clock of a file jumps."""

    starts: tuple[tuple[int, int], ...]
    """Index of each stream that goes on after the join, and the number of its packets before it."""
    offset_s: Fraction
    """Seconds added to the time stamps from there on."""
    at_s: Fraction
    """Instant of the join on the file's clock, with earlier joins taken out."""
    jump_s: Fraction
    """Length of the clock's jump; below 0 where it jumps back."""


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A file beside a video whose sound takes the place of the video's own."""

    path: Path
    """Absolute path of the file."""
    zero_s: Fraction
    """Instant of the first video frame on this file's clock; below 0 where the sound begins later."""
    seen: tuple[int, int] | None = None
    """The same stamp as `Probe.seen`."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Facts about a video file, found before any work is done on it."""

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
    """Average frames a second of the source, between 1/10 and 1000; 25 where the file claims nothing like that."""
    rotation_deg: int
    """Clockwise turn that was applied for display: 0, 90, 180 or 270."""
    zero_s: Fraction
    """Presentation time of the first video frame in the file's own clock: time zero of everything else."""
    audio_rate_hz: int | None
    """Sample rate of the sound track that is used; None without sound."""
    audio_channels: int
    """Channels of that track; 0 without sound."""
    duration_of: Literal["picture", "file", "nothing"] = "nothing"
    """The subject of ``duration_s``: the picture itself, the longer of picture and sound, or a mere estimate."""
    limits: MediaLimits = MediaLimits()
    """Limits that its readers enforce."""
    seen: tuple[int, int] | None = None
    """Size in bytes and time of the last change in nanoseconds when it was looked at; None: not compared later."""
    lead_s: Fraction = Fraction(0)
    """Seconds from the start of the container, where players begin to count, to the first video frame."""
    joins: tuple[ClockJoin, ...] = ()
    """Jumps of the file's clock, in the order of the file."""
    unread_packets: int = 0
    """Packets of other streams after the end of the picture: they are of another recording in the same file."""
    sound_track: int = 1
    """Number of the sound track that is used, from 1, among those that can be decoded."""
    sound_tracks: int = 1
    """Number of tracks to choose from."""
    sound_language: str = ""
    """Language that the file claims for the track; empty where it claims none."""
    excerpt: Excerpt = WHOLE_VIDEO
    """The part of the video that is worked on."""
    sound_file: SoundFile | None = None
    """File of the sound, if not the video; `audio_rate_hz` and `audio_channels` then describe it."""
    url: str = ""
    """URL that the file was fetched from; empty for one that is not a copy."""

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1:
            raise ValueError(f"Probe: expected a picture, got {self.width_px}x{self.height_px}")
        if self.rotation_deg not in (0, 90, 180, 270):
            raise ValueError(f"Probe.rotation_deg: expected 0, 90, 180 or 270, got {self.rotation_deg}")

    @property
    def frame_count(self) -> int:
        """Return the 25 fps grid frames in the claimed duration. The decoder's own count overrides it."""
        return round(self.duration_s * GRID_FPS)

    @property
    def length_s(self) -> float:
        """Return the seconds of picture that are worked on, by the file's claim; 0 when it does not say."""
        return self.excerpt.length_of(self.duration_s)

    def counted_s(self, frames: int) -> float:
        """Return the length, in seconds, of a picture that had *frames* grid frames.

        It is the claimed length where that is within a frame of theirs, being more exact; otherwise their own.
        """
        counted_s = frames / GRID_FPS
        return self.length_s if abs(self.length_s - counted_s) <= 1 / GRID_FPS else counted_s

    @property
    def has_audio(self) -> bool:
        return self.audio_rate_hz is not None


@dataclass(frozen=True, slots=True)
class Losses:
    """Parts of a video that could not be read; none in a whole one."""

    picture_packets: int = 0
    """Packets of the picture that could not be decoded; the picture before them stays on screen."""
    sound_packets: int = 0
    """Packets of the sound that could not be decoded; there is silence instead."""
    missing_s: float = 0.0
    """Seconds of picture that the file claims and does not have, at its end."""

    def __bool__(self) -> bool:
        return bool(self.picture_packets or self.sound_packets or self.missing_s)

    @property
    def described(self) -> list[str]:
        """Return a few words for people on each kind of loss."""
        found: list[str] = []
        if self.missing_s:
            found.append(f"the last {self.missing_s:.1f} s of its picture are missing")
        if self.picture_packets:
            found.append(f"{self.picture_packets} packets of its picture could not be decoded")
        if self.sound_packets:
            found.append(f"{self.sound_packets} packets of its sound could not be decoded")
        return found


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
        object.__setattr__(self, "frames", checked("FrameBatch.frames", self.frames, np.uint8, (None, None, None, 3)))
        if self.first_frame < 0 or self.scale <= 0:
            raise ValueError(f"FrameBatch: expected first_frame >= 0, scale > 0; got {self.first_frame}, {self.scale}")

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The sound of one video as mono 16 kHz 16-bit samples in a file: read by the span, never held whole.

    Samples are counted from the instant of the first video frame. Those before it have negative numbers.
    """

    path: Path
    """Headerless little-endian int16 samples."""
    sample_count: int
    """Samples in the file."""
    lost_packets: int = 0
    """Packets of the source that could not be decoded; there is silence instead."""
    first_sample: int = 0
    """Number of the file's first sample: below 0 where the sound begins before the picture, above where the excerpt
    begins later."""
    sound_start_s: float = 0.0
    """Instant of the first sample of the source's sound, in seconds after the first video frame. Silence fills the
    file up to it."""
    peak: float = 1.0
    """Largest sample, as a share of full scale."""
    notes: tuple[str, ...] = ()
    """Remarks for people on the sound."""
    sound_track: int = 0
    """Number of the sound track that it was taken from; 0 where that is not known."""
    container_start_s: float = 0.0
    """Instant from which players count, in seconds after the first video frame: 0 or below."""
    excerpt: Excerpt = WHOLE_VIDEO
    """The part of the video that is worked on: the file has some sound around it."""

    rate_hz = AUDIO_RATE_HZ

    @property
    def duration_s(self) -> float:
        """Return the length of the recording in seconds."""
        return self.sample_count / AUDIO_RATE_HZ

    @property
    def start_s(self) -> float:
        """Return the instant of the file's first sample, in seconds after the first video frame."""
        return self.first_sample / AUDIO_RATE_HZ

    @property
    def end_s(self) -> float:
        """Return the instant at which the file ends, in seconds after the first video frame."""
        return (self.first_sample + self.sample_count) / AUDIO_RATE_HZ

    @property
    def progress_s(self) -> float:
        """Return the length by which progress is measured: sound before the first video frame does not count."""
        return max(self.duration_s + min(self.start_s, 0.0), 0.0)

    @property
    def recording(self) -> AudioTrack:
        """Return the same file with samples counted from its own first one, the way recognisers count."""
        return AudioTrack(self.path, self.sample_count, self.lost_packets)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return samples ``[start, stop)`` as (stop - start,) int16; silence outside the recording."""
        if stop < start:
            raise ValueError(f"AudioTrack.read: expected start <= stop, got {start} and {stop}")
        out = np.zeros(stop - start, np.int16)
        first, last = max(start, self.first_sample), min(stop, self.first_sample + self.sample_count)
        if first < last:
            offset = 2 * (first - self.first_sample)
            out[first - start : last - start] = np.fromfile(self.path, "<i2", last - first, offset=offset)
        return out


def analysed_size(width_px: int, height_px: int, most_px: int) -> tuple[int, int]:
    """Return the size at which pictures are analysed: their own, or the largest of that shape with *most_px* pixels.

    >>> analysed_size(1920, 1080, 3_000_000)
    (1920, 1080)
    >>> analysed_size(1920, 1080, 518_400)
    (960, 540)
    """
    if width_px * height_px <= most_px:
        return width_px, height_px
    shrink = math.sqrt(most_px / (width_px * height_px))
    return max(int(width_px * shrink), 1), max(int(height_px * shrink), 1)


@dataclass(frozen=True, slots=True)
class PictureSizes:
    """Size of a video's pictures, and the size at which they were analysed: width and height in pixels."""

    source_px: tuple[int, int]
    analysed_px: tuple[int, int]

    def __post_init__(self) -> None:
        sides = (*self.source_px, *self.analysed_px)
        if not 1 <= min(sides) <= max(sides) < 1 << 31:
            raise ValueError(
                f"PictureSizes: expected sides from 1 to 2**31 - 1, got {self.source_px}, {self.analysed_px}"
            )

    @classmethod
    def of(cls, probe: Probe, most_px: int) -> PictureSizes:
        """Return those of a source of which pictures of up to *most_px* pixels are analysed as they are; 0: all."""
        source_px = probe.width_px, probe.height_px
        return cls(source_px, analysed_size(*source_px, most_px) if most_px else source_px)

    def hold(self, most_px: int) -> bool:
        """Return True where the pictures would be analysed at the same size now; 0: nothing is known of now."""
        return not most_px or analysed_size(*self.source_px, most_px) == self.analysed_px
