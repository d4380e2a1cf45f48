"""One look at a video file: what it is, or a clear word on why it cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.error
import av.stream
import av.video.frame
import av.video.stream

from pipeline.errors import InputError
from pipeline.types import Probe

CONTAINERS = (
    "aac,aiff,asf,avi,dv,f4v,flac,flv,gxf,h264,hevc,ivf,kux,live_flv,matroska,webm,mov,mp3,mp4,m4a,3gp,3g2,mj2,"
    "mpeg,mpegts,mpegvideo,m4v,mxf,nut,obu,ogg,rm,vob,wav,wtv,yuv4mpegpipe"
)
"""FFmpeg demuxers that may read an input. Lists that name other files (HLS, concat, DASH, image sequences) are not
among them: a media file must not make us read another one. Formats of sound alone are, to say what they lack."""


@contextmanager
def opened(path: Path) -> Iterator[av.container.InputContainer]:
    """The container of *path*, closed at the end; only from the local disk and a format that holds media itself.

    Raises:
        InputError: ``unreadable`` when the file cannot be opened, ``not_media`` when it is not a video container.
    """
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise InputError(
            "unreadable", f"cannot be read: {error.strerror}. Check that it exists and its permissions", path
        ) from error
    if empty:
        raise InputError("not_media", "the file is empty (0 bytes). Copy it again", path)
    try:
        container = av.open(
            f"file:{path.absolute()}", options={"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
        )
    except (av.error.FFmpegError, ValueError, UnicodeError) as error:
        message = f"not a media file that can be read ({error}). Check that it plays, or convert it with ffmpeg"
        raise InputError("not_media", message, path) from error
    with container:
        yield container


def picture_stream(container: av.container.InputContainer, path: Path) -> av.video.stream.VideoStream:
    """The stream of moving pictures: the first that is not cover art.

    Raises:
        InputError: ``no_video``.
    """
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None:
            return stream
    raise InputError("no_video", "has no picture. Only videos with picture and sound can be used", path)


def frame_time(frame: av.video.frame.VideoFrame, time_base: Fraction) -> Fraction | None:
    """Presentation time of *frame* in seconds on the file's own clock; None when it carries none."""
    stamp = frame.pts if frame.pts is not None else frame.dts
    return None if stamp is None else stamp * time_base


def display_size(stream: av.video.stream.VideoStream, rotation_deg: int) -> tuple[int, int, int, int]:
    """Size of the picture with pixel aspect applied, before and after rotation: width, height, width, height.

    The shorter direction of a non-square pixel is stretched, so that no detail is lost.
    """
    width, height = stream.codec_context.width, stream.codec_context.height
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if aspect > 1:
        width = max(round(width * aspect), 1)
    elif 0 < aspect < 1:
        height = max(round(height / aspect), 1)
    return (width, height, height, width) if rotation_deg in (90, 270) else (width, height, width, height)


def probe(path: Path) -> Probe:
    """Opens *path* and decodes its first frame.

    Raises:
        InputError: ``unreadable``, ``not_media``, ``no_video``, or ``undecodable`` when no picture comes out.
    """
    path = path.absolute()
    with opened(path) as container:
        stream = picture_stream(container, path)
        first = _first_frame(container, stream, path)
        time_base = stream.time_base or Fraction(1, av.time_base)
        zero_s = frame_time(first, time_base) or Fraction(0)
        rotation_deg = -round(first.rotation / 90) * 90 % 360
        _, _, width, height = display_size(stream, rotation_deg)
        sound = container.streams.audio[0] if container.streams.audio else None
        return Probe(
            path=path,
            container=container.format.name,
            duration_s=_duration_s(container, stream, zero_s),
            width_px=width,
            height_px=height,
            rate=Fraction(stream.average_rate or stream.guessed_rate or 25),
            rotation_deg=rotation_deg,
            zero_s=zero_s,
            audio_rate_hz=sound.rate if sound else None,
            audio_channels=sound.channels if sound else 0,
        )


def _first_frame(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, path: Path
) -> av.video.frame.VideoFrame:
    try:
        for packet in container.demux(stream):
            try:
                for frame in packet.decode():
                    return frame  # type: ignore[return-value]
            except av.error.InvalidDataError:
                continue
    except av.error.FFmpegError as error:
        raise InputError("undecodable", f"its picture cannot be decoded ({error})", path) from error
    raise InputError("undecodable", "not one picture could be decoded. Check that it plays; copy it again", path)


def _duration_s(container: av.container.InputContainer, stream: av.video.stream.VideoStream, zero_s: Fraction) -> float:
    """Seconds from *zero_s* to the end that the header claims, 0 when it claims none."""
    if stream.duration is not None and stream.time_base is not None:
        end_s = (stream.start_time or 0) * stream.time_base + stream.duration * stream.time_base
    elif container.duration is not None:
        end_s = Fraction((container.start_time or 0) + container.duration, av.time_base)
    else:
        return 0.0
    return float(max(end_s - zero_s, Fraction(0)))
