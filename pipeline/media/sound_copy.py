"""Copying of a video's sound packet by packet: where that is possible, and the packets on the clock of the picture."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import av.audio.stream
import av.container
import av.error
import av.packet

from pipeline.errors import InputError
from pipeline.media.audio import TOLERANCE_S
from pipeline.media.faults import check_system
from pipeline.media.probe import check_unchanged, opened, packets
from pipeline.media.sound_tracks import sound_streams
from pipeline.types import Probe

COPIED = frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "opus", "flac", "alac"})
"""Codecs, by FFmpeg's names, whose packets an MP4 file holds and common players play."""


@dataclass(frozen=True, slots=True)
class SoundPacket:
    """A packet of the source, for another file."""

    start: int
    """Instant in samples of the track's rate after the first picture; below 0 where the sound begins before it."""
    packet: av.packet.Packet


def why_encoded(probe: Probe) -> str:
    """Return why the sound of a video cannot be copied, for people; empty where it can.

    The sound's packets are read through; nothing is decoded.

    Raises:
        InputError: the file cannot be read any more.
    """
    if not probe.excerpt.is_whole:
        return "a part of the video is written"
    if probe.sound_file is not None:
        return "it comes from another file"
    if probe.joins:
        return "the clock of the file jumps"
    with opened_sound(probe) as (container, stream):
        name = stream.codec_context.codec.name
        if name not in COPIED:
            return f"MP4 does not hold {name}"
        return _why_uneven(container, stream, probe) or _why_refused(stream)


@contextlib.contextmanager
def opened_sound(probe: Probe) -> Generator[tuple[av.container.InputContainer, av.audio.stream.AudioStream]]:
    """Open the video at its sound track.

    Raises:
        InputError: ``unreadable``, ``changed``, or ``no_audio`` when the track has gone.
    """
    with opened(probe.path, probe.limits) as container:
        check_unchanged(probe)
        streams = sound_streams(container)
        if len(streams) < probe.sound_track:
            raise InputError("no_audio", "its sound track has gone", probe.path)
        yield container, streams[probe.sound_track - 1]


def sound_packets(
    container: av.container.InputContainer, stream: av.audio.stream.AudioStream, probe: Probe
) -> Iterator[SoundPacket]:
    """Yield the packets of a track, placed on the clock of the picture.

    Packets follow each other without a gap, by their lengths, as long as that is within a tick of their own times: a
    container may round those to milliseconds. The picture's first instant is rounded to a sample once for all.

    Raises:
        InputError: ``undecodable``: a packet has no time, or the file cannot be read on.
    """
    rate_hz, time_base = stream.rate, stream.time_base or Fraction(1, av.time_base)
    expected: Fraction | None = None
    zero = round(probe.zero_s * rate_hz)
    try:
        for packet in packets(container, stream):
            if not packet.size:
                continue
            if packet.pts is None or not packet.duration:
                raise InputError("undecodable", "a packet of its sound has no time or no length", probe.path)
            at = packet.pts * time_base * rate_hz
            if expected is not None and abs(at - expected) <= time_base * rate_hz:
                at = expected
            expected = at + _samples(packet, stream)
            yield SoundPacket(round(at) - zero, packet)
    except av.error.FFmpegError as error:
        check_system(error, probe.path)
        raise InputError("undecodable", f"its sound cannot be read on ({error})", probe.path) from error


def _samples(packet: av.packet.Packet, stream: av.audio.stream.AudioStream) -> Fraction:
    """Return the length of a packet in samples: that of a frame of its codec where the packet's own is near it."""
    time_base = stream.time_base or Fraction(1, av.time_base)
    length = (packet.duration or 0) * time_base * stream.rate
    frame = stream.codec_context.frame_size
    return Fraction(frame) if frame and abs(length - frame) <= time_base * stream.rate else length


def _why_uneven(container: av.container.InputContainer, stream: av.audio.stream.AudioStream, probe: Probe) -> str:
    """Return why packets do not follow each other, if they do not: players make less of gaps than decoders do."""
    try:
        end: int | None = None
        for each in sound_packets(container, stream, probe):
            if end is not None and abs(each.start - end) > TOLERANCE_S * stream.rate:
                return f"there is a gap in it at {end / stream.rate:.2f} s"
            end = each.start + round(_samples(each.packet, stream))
    except InputError as error:
        return error.message
    return "" if end is not None else "it has no packets"


def _why_refused(stream: av.audio.stream.AudioStream) -> str:
    """Return why FFmpeg does not put such a track into an MP4 file, if it does not."""
    try:
        with av.open(os.devnull, "w", format="mp4") as output:
            output.add_stream_from_template(stream, opaque=True)
            output.start_encoding()
    except (av.error.FFmpegError, ValueError) as error:
        return f"MP4 does not hold it ({error})"
    return ""
