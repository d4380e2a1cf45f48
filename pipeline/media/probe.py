"""Probe of a video file: its properties, or the reason why it cannot be used."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import av.audio.stream
import av.container
import av.error
import av.packet
import av.stream
import av.video.frame
import av.video.stream

from pipeline.errors import InputError
from pipeline.media.faults import check_system, unreadable
from pipeline.media.flv import without_inner_headers
from pipeline.media.joins import DISCONTINUOUS, Stamp, find_joins, on_one_clock
from pipeline.media.limits import believable_rate, check_length, check_picture, check_sound
from pipeline.media.sound_tracks import AUTO, chosen_track, language_of, sound_streams
from pipeline.types import ClockJoin, MediaLimits, Probe, SoundFile

MISSING_S = 0.5
"""Seconds below which a file lacks nothing at its end: headers are seldom exact."""

MIN_UNREAD = 25
"""Packets of other pictures at the end of a file below which they are a programme beside the chosen one."""

CONTAINERS = (
    "aac,aiff,asf,avi,dv,f4v,flac,flv,gxf,h264,hevc,ivf,kux,live_flv,matroska,webm,mov,mp3,mp4,m4a,3gp,3g2,mj2,"
    "mpeg,mpegts,mpegvideo,m4v,mxf,nut,obu,ogg,rm,vob,wav,wtv,yuv4mpegpipe"
)
"""FFmpeg demuxers that may read an input. Lists that name other files (HLS, concat, DASH, image sequences) are not
among them: a media file must not make us read another one. Formats of sound alone are among them, for a message that
says what they lack."""

BARE_STREAMS = frozenset({"dv", "h264", "hevc", "ivf", "m4v", "mpegvideo", "obu", "mpeg"})
"""Formats without a header of the whole, whose length is an estimate."""


@contextmanager
def opened(path: Path, limits: MediaLimits = MediaLimits()) -> Iterator[av.container.InputContainer]:  # noqa: B008
    """Open the container of *path* while the context lasts; only from the local disk, in a format that holds media
    itself.

    Pictures beyond *limits* are not decoded, whatever size the header claims.

    Raises:
        InputError: ``unreadable`` when the file cannot be opened, ``not_media`` when it is not a video container.
    """
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
        pieces = without_inner_headers(path)
    except OSError as error:
        raise unreadable(path, error) from error
    if empty:
        raise InputError("not_media", "the file is empty (0 bytes). Copy it again", path)
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS, "max_pixels": str(limits.pixels)}
    try:
        if pieces is None:
            container = av.open(f"file:{path.absolute()}", options=options)
        else:
            container = av.open(pieces, "r", format="flv", options=options)
    except (av.error.FFmpegError, ValueError, UnicodeError) as error:
        check_system(error, path)
        why = getattr(error, "strerror", None) or error  # the rest of FFmpeg's words is a number and the path
        message = f"not a media file that can be read ({why}). Check that it plays, or convert it with ffmpeg"
        raise InputError("not_media", message, path) from error
    with container, contextlib.closing(pieces) if pieces else contextlib.nullcontext():
        for stream in container.streams.video:
            if stream.codec_context is not None:
                stream.codec_context.options = {"max_pixels": str(limits.pixels)}
        yield container


def stamp_of(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the time of the last change in nanoseconds.

    Raises:
        InputError: ``unreadable``.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    return found.st_size, found.st_mtime_ns


def check_unchanged(probe: Probe) -> None:
    """Refuse a file that has changed since `probe`: its data would belong to two files.

    Raises:
        InputError: ``changed``, or ``unreadable`` when it has gone.
    """
    files = [(probe.path, probe.seen)]
    if probe.sound_file is not None:
        files.append((probe.sound_file.path, probe.sound_file.seen))
    for path, seen in files:
        if seen is None or (now := stamp_of(path)) == seen:
            continue
        what = f"from {seen[0]} to {now[0]} bytes" if now[0] != seen[0] else "its content was written anew"
        message = f"the file changed while it was read ({what}). Wait until it is complete, then run it again"
        raise InputError("changed", message, path)


def picture_stream(container: av.container.InputContainer, path: Path) -> av.video.stream.VideoStream:
    """Return the stream of moving pictures, cover art aside: the first that the file marks as default, else the first.

    Raises:
        InputError: ``no_video``.
    """
    moving = [each for each in container.streams.video if not each.disposition & av.stream.Disposition.attached_pic]
    able = [stream for stream in moving if stream.codec_context is not None]
    marked = [stream for stream in able if stream.disposition & av.stream.Disposition.default]
    if not able:
        raise InputError("no_video", "has no picture. Only videos with picture and sound can be used", path)
    return (marked or able)[0]


def packets(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream | av.audio.stream.AudioStream
) -> Iterator[av.packet.Packet]:
    """Yield the packets of *stream* from here on, then an empty one, at which the decoder gives the frames it still
    holds.

    In a damaged file another stream may appear in the middle, at which PyAV stumbles; it is passed over.
    """
    while True:
        try:
            yield from container.demux(stream)
        except IndexError:
            continue
        return


def frame_time(frame: av.video.frame.VideoFrame, time_base: Fraction) -> Fraction | None:
    """Return the presentation time of *frame* in seconds on the file's own clock; None when it carries none."""
    stamp = frame.pts if frame.pts is not None else frame.dts
    return None if stamp is None else stamp * time_base


def display_size(stream: av.video.stream.VideoStream, rotation_deg: int) -> tuple[int, int, int, int]:
    """Return the size of the picture with pixel aspect applied, before and after rotation: width, height, width,
    height.

    The shorter direction of a non-square pixel is stretched, so that no detail is lost.
    """
    width, height = stream.codec_context.width, stream.codec_context.height
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if aspect > 1:
        width = max(round(width * aspect), 1)
    elif 0 < aspect < 1:
        height = max(round(height / aspect), 1)
    return (width, height, height, width) if rotation_deg in (90, 270) else (width, height, width, height)


def probe(path: Path, limits: MediaLimits = MediaLimits(), sound_track: str = AUTO) -> Probe:  # noqa: B008 - frozen
    """Open *path* and decode its first frame.

    Args:
        path: the file.
        limits: limits of the header's claims, which readers of the file obey too.
        sound_track: sound track to use; see `pipeline.media.sound_tracks.chosen_track`.

    Raises:
        InputError: ``unreadable``, ``not_media``, ``no_video``, ``too_large``, ``too_long``, ``no_such_track``, or
            ``undecodable`` when no picture comes out.
    """
    path = path.absolute()
    seen = stamp_of(path)
    with opened(path, limits) as container:
        stream = picture_stream(container, path)
        check_picture(stream.codec_context.width, stream.codec_context.height, limits, path)
        sound = _sound_facts(container, sound_track, path)
        first = _first_frame(container, stream, path)
        time_base = stream.time_base or Fraction(1, av.time_base)
        zero_s = frame_time(first, time_base) or Fraction(0)
        rotation_deg = -round(first.rotation / 90) * 90 % 360
        _, _, width, height = display_size(stream, rotation_deg)
        check_picture(width, height, limits, path)
        end_s, duration_of = claimed_end(container, stream)
        rate = believable_rate(stream.average_rate, stream.guessed_rate)
        joins, unread = _joins(path, limits) if container.format.name in DISCONTINUOUS else ((), 0)
        duration_s = Fraction(0) if joins else max(end_s - zero_s, Fraction(0))
        duration_s = duration_s or _measured_length(path, limits, zero_s, 1 / rate, joins)
        check_length(duration_s, limits, path, "the end that its header claims")
        return Probe(
            path=path,
            container=container.format.name,
            duration_s=float(duration_s),
            width_px=width,
            height_px=height,
            rate=rate,
            rotation_deg=rotation_deg,
            zero_s=zero_s,
            **(sound or {"audio_rate_hz": None, "audio_channels": 0}),
            duration_of=duration_of,
            limits=limits,
            joins=joins,
            unread_packets=unread if unread >= MIN_UNREAD else 0,
            seen=seen,
            lead_s=_lead(container, frame_time(first, time_base)),
        )


def _joins(path: Path, limits: MediaLimits) -> tuple[tuple[ClockJoin, ...], int]:
    """Read the file through; return the jumps of its clock, and the count of other pictures' packets at its end."""
    with opened(path, limits) as container:
        picture = picture_stream(container, path)
        others = deque[int]()
        with contextlib.suppress(av.error.FFmpegError):
            joins = find_joins(_stamps(container, picture, others), container.format.name)
            return joins, len(others)
    return (), 0


def _stamps(
    container: av.container.InputContainer, picture: av.video.stream.VideoStream, others: deque[int]
) -> Iterator[Stamp]:
    """Yield the stamps of the *picture* and of all sound tracks.

    *others* collects the places in the file of packets of other pictures behind the last of the chosen ones, which the
    demuxer may hold back to the end.
    """
    counts = Counter[int]()
    streams = [*container.streams.video, *sound_streams(container)]
    sounds = {each.index for each in container.streams.audio}
    while True:
        try:
            for packet in container.demux(*streams):
                if packet.stream_index == picture.index:
                    while others and packet.pos is not None and others[0] < packet.pos:
                        others.popleft()
                elif packet.stream_index not in sounds:
                    others.extend([packet.pos] if packet.size and packet.pos is not None else ())
                    continue
                number = counts[packet.stream_index]
                counts[packet.stream_index] += bool(packet.size)
                decode, show = packet.dts, packet.pts
                decode = show if decode is None else decode
                if decode is not None and packet.time_base:
                    show_s = (decode if show is None else show) * packet.time_base
                    length_s = (packet.duration or 0) * packet.time_base
                    yield Stamp(packet.stream_index, number, decode * packet.time_base, show_s, length_s)
        except IndexError:  # as in `packets`
            continue
        return


def _measured_length(
    path: Path, limits: MediaLimits, zero_s: Fraction, frame_s: Fraction, joins: Sequence[ClockJoin]
) -> Fraction:
    """Return the seconds from the first video frame to the end of the last one, by their time stamps.

    For files that claim no length, such as recordings of a browser: the file is read through, and nothing decoded.
    """
    end_s = zero_s
    with opened(path, limits) as container:
        stream = picture_stream(container, path)
        time_base = stream.time_base or Fraction(1, av.time_base)
        with contextlib.suppress(av.error.FFmpegError):
            for packet in on_one_clock(packets(container, stream), stream.index, joins):
                if packet.pts is not None:
                    shown_s = packet.duration * time_base if packet.duration else frame_s
                    end_s = max(end_s, packet.pts * time_base + shown_s)
                    check_length(end_s - zero_s, limits, path, "a picture")
    return end_s - zero_s


def with_sound_track(probe: Probe, number: int) -> Probe:
    """Return the same video with another of its sound tracks, or of those of its sound file.

    Raises:
        InputError: those of `probe`.
    """
    path = probe.path if probe.sound_file is None else probe.sound_file.path
    with opened(path, probe.limits) as container:
        return dataclasses.replace(probe, **_sound_facts(container, str(number), path) or {})


def _sound_facts(container: av.container.InputContainer, wanted: str, path: Path) -> dict[str, Any] | None:
    """Return the fields of `Probe` that describe a sound track; None without sound."""
    number = chosen_track(container, wanted, path)
    if number is None:
        return None
    streams = sound_streams(container)
    sound = streams[number - 1]
    check_sound(sound.rate, sound.channels, path)
    return {
        "audio_rate_hz": sound.rate,
        "audio_channels": sound.channels,
        "sound_track": number,
        "sound_tracks": len(streams),
        "sound_language": language_of(sound),
    }


def with_sound_file(probe: Probe, path: Path, sound_track: str = AUTO) -> Probe:
    """Return the same video with the sound of another file in the place of its own.

    The two begin together: the first sample is the instant at which the video's container begins, as in a sound file
    that was extracted from the video. That is not always its first frame: other streams may begin before.

    Args:
        probe: the video.
        path: the sound file; anything that holds sound, a video too.
        sound_track: sound track of that file; see `probe`.

    Raises:
        InputError: those of `probe`, for either file; ``no_audio`` when the sound file has no decodable sound.
    """
    path = path.absolute()
    seen = stamp_of(path)
    with opened(path, probe.limits) as container:
        sound = _sound_facts(container, sound_track, path)
        if sound is None:
            raise InputError("no_audio", "has no sound track that can be decoded; it was given as a sound file", path)
        file = SoundFile(path, _start_of(container) + probe.lead_s, seen)
        return dataclasses.replace(probe, **sound, sound_file=file)


def _lead(container: av.container.InputContainer, zero_s: Fraction | None) -> Fraction:
    """Return the seconds from the start of *container* to its first video frame, at *zero_s* of the file's clock,
    rounded to FFmpeg's microseconds; 0 where one of the two is not known."""
    if container.start_time is None or zero_s is None:
        return Fraction(0)
    return Fraction(round(zero_s * av.time_base) - container.start_time, av.time_base)


def _start_of(container: av.container.InputContainer) -> Fraction:
    return Fraction(container.start_time or 0, av.time_base)


def missing_seconds(probe: Probe, picture_s: float, sound_s: float) -> float:
    """Return the seconds of picture that the file claims and lacks at its end, as when copying was cut off.

    Args:
        probe: the file.
        picture_s, sound_s: seconds of picture and of sound that came out of it.
    """
    has_s = max(picture_s, sound_s) if probe.duration_of == "file" else picture_s
    missing_s = min(probe.duration_s, probe.excerpt.end_s) - has_s
    return missing_s if probe.duration_of != "nothing" and missing_s > MISSING_S else 0.0


def _first_frame(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, path: Path
) -> av.video.frame.VideoFrame:
    try:
        for packet in packets(container, stream):
            try:
                for frame in packet.decode():
                    return frame  # type: ignore[return-value]
            except av.error.InvalidDataError:
                continue
    except av.error.FFmpegError as error:
        check_system(error, path)
        raise InputError("undecodable", f"its picture cannot be decoded ({error})", path) from error
    raise InputError("undecodable", "not one picture could be decoded. Check that it plays; copy it again", path)


def claimed_end(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream | av.audio.stream.AudioStream
) -> tuple[Fraction, Literal["picture", "file", "nothing"]]:
    """Return the end of *stream* on the file's own clock that the header claims, and its scope: stream or whole file.

    AVI is measured while it is opened, so that a file that was cut off claims only the rest; its header still has the
    number of pictures. Matroska has lengths of its streams among its tags. Streams without a container have none:
    FFmpeg's guess from their bit rate is no claim. ASF has one length, that of the file, for all its streams.
    """
    start_s = (stream.start_time or 0) * (stream.time_base or Fraction(0))
    tagged_s = _seconds(stream.metadata.get("DURATION", ""))
    if container.format.name == "avi" and stream.type == "video" and stream.frames and stream.average_rate:
        return start_s + stream.frames / stream.average_rate, "picture"
    if container.format.name == "asf" and stream.duration is not None and stream.time_base is not None:
        return Fraction(container.start_time or 0, av.time_base) + stream.duration * stream.time_base, "file"
    if stream.duration is not None and stream.time_base is not None:
        claims = "nothing" if container.format.name in BARE_STREAMS else "picture"
        return start_s + stream.duration * stream.time_base, claims
    if tagged_s is not None:
        return tagged_s, "picture"
    if container.duration is not None:
        return Fraction((container.start_time or 0) + container.duration, av.time_base), "file"
    return Fraction(0), "nothing"


def _seconds(text: str) -> Fraction | None:
    """Return ``00:01:02.5`` in seconds; None for anything else."""
    found = re.fullmatch(r"(\d{2,6}):(\d{2}):(\d{2}(?:\.\d{1,9})?)", text)
    return None if found is None else int(found[1]) * 3600 + int(found[2]) * 60 + Fraction(found[3])
