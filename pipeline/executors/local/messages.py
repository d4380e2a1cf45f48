"""Messages between the parent and its workers: small values over one pipe a worker.

Pictures never travel: they stay in the ring, and messages carry frame numbers. A *job* is one video in work; messages
about a job that has ended are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.executors.picture_format import PictureFormat
from pipeline.stage import OpenedVideo, StageResult, VideoJob


class OutOfOrderError(Exception):
    """A message that its job cannot take as it stands: a bug in the program. It ends that video."""

    def __init__(self, worker: str, message: object, why: str) -> None:
        super().__init__(f"{worker} sent {type(message).__name__} of a video {why}")


@dataclass(frozen=True, slots=True)
class OpenSource:
    """To a decoder: probe the video and write its sound."""

    job: int
    video: VideoJob
    with_sound: bool


@dataclass(frozen=True, slots=True)
class StreamFrames:
    """To a decoder: write the pictures of an opened video into the ring."""

    job: int
    opened: OpenedVideo
    form: PictureFormat
    stream: int
    """The number of this stream of frames, from 1: a video may be streamed again, and what is late of before is passed
    over."""


@dataclass(frozen=True, slots=True)
class RunStage:
    """To a worker: run one stage of one video."""

    job: int
    stage: str
    video: VideoJob
    opened: OpenedVideo
    timings: Mapping[str, float] = field(default_factory=dict[str, float])
    """Seconds that the stages before took."""
    form: PictureFormat | None = None
    """Of the pictures in the ring, for a stage that is fed with them."""
    decoder: int = 0
    """The number of the decoder whose ring holds the pictures."""
    stream: int = 0
    """The stream that it is about; 0: none."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """To a decoder, or to a worker that is fed with frames: the job is wanted no more."""

    job: int
    stream: int = 0
    """The stream that it is about; 0: none."""


@dataclass(frozen=True, slots=True)
class Stop:
    """To any worker: end."""


@dataclass(frozen=True, slots=True)
class Ready:
    """From any worker: its models are loaded."""


@dataclass(frozen=True, slots=True)
class NotReady:
    """From any worker: it cannot start, and why."""

    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class SourceOpened:
    """From a decoder: the sound is on disk, and the pictures can be read."""

    job: int
    opened: OpenedVideo


@dataclass(frozen=True, slots=True)
class Frames:
    """From a decoder, passed on to the consumer: these frames are in the ring."""

    job: int
    first_frame: int
    count: int
    stream: int
    """The stream that it is about."""


@dataclass(frozen=True, slots=True)
class EndOfFrames:
    """From a decoder, passed on to the consumer: there are no more."""

    job: int
    lost_packets: int
    """Packets of the picture that could not be decoded."""
    stream: int
    """The stream that it is about."""


@dataclass(frozen=True, slots=True)
class FramesReleased:
    """From the consumer, passed on to the decoder: frames before this one may be overwritten."""

    job: int
    needed: int
    stream: int
    """The stream that it is about."""


@dataclass(frozen=True, slots=True)
class StreamDropped:
    """From the consumer, to a `Cancel`: it reads no picture of that stream any more, and works on nothing of it."""

    job: int
    stream: int
    """The stream that it is about."""


@dataclass(frozen=True, slots=True)
class StageDone:
    """From a worker: a stage has ended, with its begin and end on ``time.monotonic``."""

    job: int
    stage: str
    result: StageResult
    began_s: float
    ended_s: float
    stream: int = 0
    """The stream that it is about; 0: none."""


@dataclass(frozen=True, slots=True)
class DecoderIdle:
    """From a decoder: it has let go of the job, however that ended."""

    job: int
