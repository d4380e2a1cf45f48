"""What the parent and its workers say to each other: small values over one pipe a worker.

Pictures never travel: they stay in the ring, and the messages carry frame numbers. A *job* is one attempt at one
video; whatever is said of a job that the parent has given up is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.executors.local.ring import PictureFormat
from pipeline.stages import Prepared, VideoJob


class OutOfOrderError(Exception):
    """A message came that its job cannot take as it stands: a bug in the program. It ends the attempt at that video."""

    def __init__(self, worker: str, message: object, why: str) -> None:
        super().__init__(f"{worker} said {type(message).__name__} of a video {why}")


@dataclass(frozen=True, slots=True)
class Decode:
    """To a decoder: look at the video and write its sound. Its pictures wait for `Begin`."""

    job: int
    video: VideoJob


@dataclass(frozen=True, slots=True)
class Begin:
    """To a decoder: its ring is free, pictures may be written."""

    job: int


@dataclass(frozen=True, slots=True)
class See:
    """To a vision worker: the pictures of this job will come from the ring of that decoder."""

    job: int
    video: VideoJob
    prepared: Prepared
    form: PictureFormat
    decoder: int


@dataclass(frozen=True, slots=True)
class Hear:
    """To a speech worker."""

    job: int
    video: VideoJob
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Finish:
    """To a mux worker."""

    job: int
    video: VideoJob
    prepared: Prepared
    timings: Mapping[str, float]
    """Seconds that the stages before took."""


@dataclass(frozen=True, slots=True)
class Extras:
    """To an annotating worker: draw on the video, whose other results are there."""

    job: int
    video: VideoJob
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Cancel:
    """To a decoder or vision worker: nobody wants this job any more."""

    job: int


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
class Opened:
    """From a decoder: the sound is on disk, the pictures can come, if vision needs them."""

    job: int
    prepared: Prepared
    form: PictureFormat


@dataclass(frozen=True, slots=True)
class Pictures:
    """From a decoder, passed on to vision: these frames are in the ring."""

    job: int
    first_frame: int
    count: int


@dataclass(frozen=True, slots=True)
class EndOfPictures:
    """From a decoder, passed on to vision: there are no more."""

    job: int
    lost_packets: int
    """Packets of the picture that could not be decoded."""


@dataclass(frozen=True, slots=True)
class Room:
    """From vision, passed on to the decoder: the frames before this one may be overwritten."""

    job: int
    needed: int


@dataclass(frozen=True, slots=True)
class Done:
    """From a vision, speech or mux worker: the result, and when the work began and ended (``time.monotonic``)."""

    job: int
    value: Any
    """Of mux a `FinishedVideo`; of the others the file with their result, to be put in place."""
    began_s: float
    ended_s: float
    notes: tuple[str, ...] = ()
    """What people should know of the work."""


@dataclass(frozen=True, slots=True)
class Failed:
    """From any worker: the job cannot be done. The worker itself goes on."""

    job: int
    reason_code: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Idle:
    """From a decoder: it has let go of the job, however that ended."""

    job: int


@dataclass(frozen=True, slots=True)
class Alive:
    """From a decoder: it goes on with the sound of a job."""

    job: int


@dataclass(frozen=True, slots=True)
class Progress:
    """From any worker: how far a job is; seconds of video, or clips."""

    job: int
    stage: str
    done: float
    total: float
