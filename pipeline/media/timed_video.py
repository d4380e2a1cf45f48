"""Videos of any length whose pictures keep their times: encoded by ffmpeg, joined with their sound.

    pictures -> NUT -> ffmpeg -> H.264 in a file without a name -> MP4 <- packets of the sound

The sound is the source's own, copied packet by packet where that is possible, else encoded beside the pictures.
"""

from __future__ import annotations

import contextlib
import heapq
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import av.audio.stream
import av.container
import av.error
import av.packet
import av.stream
import av.video.stream
import ffmpeg
import numpy as np

from pipeline.errors import ToolError
from pipeline.media.audio import clip_sound, sound_blocks
from pipeline.media.encode import (
    ALL_THREADS,
    CLIP,
    KEEP_TIMES,
    SOUND,
    SOUND_BITRATE,
    SoundSource,
    colour_matrix,
    command,
    conversion,
    find_ffmpeg,
    run_fed,
    sound_through_pipe,
)
from pipeline.media.sound_copy import opened_sound, sound_packets, why_encoded
from pipeline.types import GRID_FPS, Probe

PIPE_BYTES = 1 << 20
"""Bytes written to ffmpeg at a time."""

TimedPicture = tuple[Fraction, Fraction, np.ndarray]
"""Start and end in seconds after the start of the written video, and (H, W, 3) uint8 BGR."""


@dataclass(frozen=True, slots=True)
class TimedVideo:
    """A video that was written."""

    picture_count: int
    has_sound: bool
    why_encoded: str = ""
    """Why its sound is not the source's own packets; empty where it is, or where there is none."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for people."""
        return (f"its sound was encoded anew, as {self.why_encoded}",) if self.why_encoded else ()


@dataclass(frozen=True, slots=True)
class Encoding:
    """Form of the picture of a video."""

    size_px: tuple[int, int]
    """Width and height, both even."""
    ticks: int
    """Ticks a second of its clock: times are rounded to them."""
    crf: int
    preset: str
    filters: Sequence[str] = ()
    """Further filters of ffmpeg, in its own notation, which see the pictures in RGB."""
    needs: Sequence[str] = ()
    """Names of the filters among them that not every ffmpeg has."""


def write_timed(path: Path, pictures: Iterable[TimedPicture], probe: Probe, form: Encoding) -> TimedVideo:
    """Write an H.264 MP4 with the sound of a video, which appears whole or not at all. Memory does not grow with
    length, but for eight bytes a picture.

    Args:
        path: the file.
        pictures: in order of time, the first from 0 on; consumed one by one. One that is not a tick later than the
            one before it is left out.
        probe: the video whose sound it gets: that of the excerpt, beginning with it.
        form: of the picture.

    Raises:
        ToolError: ffmpeg failed, or wrote other pictures than it was given.
        InputError: the video's sound cannot be read, or no ffmpeg can do it.
        ValueError: there is no picture, or it has another size.
    """
    encoded, partial = path.with_name(f".{path.name}.h264.part"), path.with_name(f".{path.name}.part")
    why = why_encoded(probe) if probe.has_audio else ""
    copied = probe if probe.has_audio and not why else None
    try:
        starts, end = _encode(encoded, pictures, probe if why else None, form)
        _join(partial, encoded, starts, end, copied, form.ticks)
        partial.replace(path)
    finally:
        encoded.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)
    return TimedVideo(len(starts), probe.has_audio, why)


def _encode(
    path: Path, pictures: Iterable[TimedPicture], sounding: Probe | None, form: Encoding
) -> tuple[array[int], int]:
    """Encode the pictures, and the sound of *sounding*; return the starts of the pictures and the end, in ticks."""
    starts, ends = array("q"), [0]

    def feed(pipe: IO[bytes]) -> int:
        for start, end in _feed(pipe, pictures, form):
            starts.append(start)
            ends[0] = end
        return len(starts)

    with ExitStack() as stack:
        sound = None
        if sounding is not None:
            rate_hz, channels = clip_sound(sounding)
            first, stop = sounding.excerpt.first_frame, sounding.excerpt.stop_frame
            end_s = None if stop is None else Fraction(stop, GRID_FPS)
            blocks = sound_blocks(sounding, Fraction(first, GRID_FPS), end_s)
            sound = stack.enter_context(sound_through_pipe(blocks, rate_hz, channels))
        run_fed(_command(path, sound, form), feed, sound)
    if not starts:
        raise ValueError(f"{path.name}: expected at least one picture, got none")
    return starts, ends[0]


def _feed(pipe: IO[bytes], pictures: Iterable[TimedPicture], form: Encoding) -> Iterator[tuple[int, int]]:
    """Write pictures with their times as NUT, and close the pipe; yield start and end of each in ticks."""
    width, height = form.size_px
    last = -1
    with contextlib.suppress(BrokenPipeError), pipe:
        lasting, options = _LastingPipe(pipe), {"write_index": "0"}
        with av.open(lasting, "w", format="nut", options=options, buffer_size=PIPE_BYTES) as nut:
            stream = nut.add_stream("rawvideo", rate=GRID_FPS)
            stream.width, stream.height, stream.pix_fmt = width, height, "bgr24"
            stream.time_base = stream.codec_context.time_base = Fraction(1, form.ticks)
            for start_s, end_s, picture in pictures:
                start = round(start_s * form.ticks)
                if start <= last:
                    continue
                if picture.shape != (height, width, 3) or picture.dtype != np.uint8:
                    raise ValueError(f"expected uint8 {(height, width, 3)}, got {picture.dtype} {picture.shape}")
                packet = av.packet.Packet(np.ascontiguousarray(picture).data.cast("B"))  # type: ignore[arg-type] - any buffer
                packet.stream, packet.time_base = stream, Fraction(1, form.ticks)
                packet.pts = packet.dts = last = start
                packet.is_keyframe = True
                nut.mux(packet)
                if lasting.broken:
                    return
                yield start, max(round(end_s * form.ticks), start + 1)


class _LastingPipe:
    """A pipe that takes everything when its reader has gone away: an ffmpeg that does says why itself."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self.broken = False

    def write(self, data: bytes) -> int:
        try:
            return self._pipe.write(data)
        except BrokenPipeError:
            self.broken = True
            return len(data)


def _command(path: Path, sound: SoundSource | None, form: Encoding) -> list[str]:
    inputs = [ffmpeg.input("pipe:0", format="nut").video]
    spoken = {}
    if sound is not None:
        inputs.append(ffmpeg.input(SOUND, format="s16le", ar=sound.rate_hz, ac=sound.channels).audio)
        spoken = {"acodec": "aac", "audio_bitrate": SOUND_BITRATE}
    matrix = colour_matrix(form.size_px)
    output = ffmpeg.output(
        *inputs,
        CLIP,
        format="mp4",
        vcodec="libx264",
        preset=form.preset,
        crf=form.crf,
        threads=ALL_THREADS,
        vf=",".join([*form.filters, conversion(matrix)]),
        pix_fmt="yuv420p",
        colorspace=matrix,
        color_range="tv",
        video_track_timescale=form.ticks,
        **{"enc_time_base:v": f"1/{form.ticks}"},
        **KEEP_TIMES,
        **spoken,
    )
    paths = {CLIP: f"file:{path.absolute()}", SOUND: sound.url if sound else ""}
    return [paths.get(word, word) for word in command(find_ffmpeg(*form.needs, timed=True), output)]


def _join(path: Path, encoded: Path, starts: array[int], end: int, copied: Probe | None, ticks: int) -> None:
    """Write the final file: the packets of the encoded one, and those of the sound of *copied*.

    Raises:
        ToolError: the encoded file has other pictures than *starts*.
    """
    with ExitStack() as stack:
        source = stack.enter_context(av.open(f"file:{encoded.absolute()}"))
        pictures, spoken = source.streams.video[0], list(source.streams.audio)
        sound = stack.enter_context(opened_sound(copied)) if copied is not None else None
        rate_hz = sound[1].rate if sound else spoken[0].rate if spoken else ticks
        options = {
            "movflags": "+faststart",
            "video_track_timescale": str(ticks),
            "movie_timescale": str(rate_hz),  # an edit list tells by it when the sound begins
        }
        output = stack.enter_context(av.open(f"file:{path.absolute()}", "w", format="mp4", options=options))
        targets: dict[int, av.stream.Stream] = {pictures.index: output.add_stream_from_template(pictures, opaque=True)}
        if spoken:
            targets[spoken[0].index] = output.add_stream_from_template(spoken[0], opaque=True)
        streams = [_encoded(source, targets, starts, end, ticks)]
        if sound is not None and copied is not None:
            target = output.add_stream_from_template(sound[1], opaque=True)
            streams.append(_copied(*sound, copied, target))
        for _, _, packet in heapq.merge(*streams, key=lambda each: each[:2]):
            output.mux(packet)


def _encoded(
    source: av.container.InputContainer, targets: dict[int, av.stream.Stream], starts: array[int], end: int, ticks: int
) -> Iterator[tuple[Fraction, int, av.packet.Packet]]:
    """Yield instant, track and packet of the encoded file; a picture's packet lasts until the next picture."""
    count = 0
    for packet in source.demux(*(source.streams[index] for index in targets)):
        if packet.dts is None or packet.pts is None or not packet.size:
            continue
        if packet.stream.type == "video":
            at = round(packet.pts * packet.time_base * ticks)
            number = bisect_left(starts, at)
            if number == len(starts) or starts[number] != at:
                raise ToolError(("ffmpeg",), 0, f"it moved a picture to {at / ticks:.6f} s, where there is none")
            stop = starts[number + 1] if number + 1 < len(starts) else end
            packet.duration = round((stop - at) / ticks / packet.time_base)
            count += 1
        order = packet.dts * packet.time_base
        packet.stream = targets[packet.stream.index]
        yield order, 0, packet
    if count != len(starts):
        raise ToolError(("ffmpeg",), 0, f"it wrote {count} of {len(starts)} pictures")


def _copied(
    container: av.container.InputContainer, stream: av.audio.stream.AudioStream, probe: Probe, target: av.stream.Stream
) -> Iterator[tuple[Fraction, int, av.packet.Packet]]:
    """Yield instant, track and packet of the source's sound on the clock of the picture."""
    for placed in sound_packets(container, stream, probe):
        packet = placed.packet
        length = round((packet.duration or 0) * (packet.time_base or Fraction(1)) * stream.rate)
        packet.time_base = Fraction(1, stream.rate)
        packet.pts = packet.dts = placed.start
        packet.duration = length
        packet.stream = target
        yield Fraction(placed.start, stream.rate), 1, packet
