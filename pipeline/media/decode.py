"""Pictures of a video on a grid of constant rate, by presentation time.

The picture of frame *i* of the 25 fps grid is the one on screen in the middle of ``[i/25, (i+1)/25)`` seconds after
the first video frame. The middle, because on average it neither leads nor lags, whatever the source's rate; and
because at 25 fps it is right even where timestamps are rounded. A grid of the source's own constant rate has each of
its pictures once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import TypeVar

import av
import av.container
import av.error
import av.video.frame
import av.video.stream
import numpy as np

from pipeline.errors import InputError
from pipeline.media.deinterlace import deinterlaced
from pipeline.media.limits import check_length
from pipeline.media.pictures import Pictures
from pipeline.media.probe import check_unchanged, frame_time, opened, packets, picture_stream
from pipeline.types import GRID_FPS, Probe

T = TypeVar("T")

SEEK_MARGINS_S = (0, 2, 10, 60)
"""Seconds before the wanted frame at which to begin decoding, tried in turn when a container seeks too late."""


def on_grid(timed: Iterable[tuple[Fraction, Fraction, T]], rate: int | Fraction = GRID_FPS) -> Iterator[tuple[int, T]]:
    """The picture of each grid frame.

    Args:
        timed: time, duration and picture of the source's frames in order of decoding, seconds after time zero. One
            that is not later than the frame before it takes that one's place.
        rate: frames a second of the grid.

    Yields:
        Grid number, ascending without a gap from the first that *timed* covers, and picture.
    """
    shown: tuple[Fraction, Fraction, T] | None = None
    index = 0
    for time_s, duration_s, picture in timed:
        if shown is None:
            index = max(_first_covered(time_s, rate), 0)
        elif time_s > shown[0]:
            stop = _first_covered(time_s, rate)
            while index < stop:
                yield index, shown[2]
                index += 1
        else:
            time_s = shown[0]
        shown = time_s, duration_s, picture
    if shown is not None:
        stop = _first_covered(shown[0] + shown[1], rate)
        while index < stop:
            yield index, shown[2]
            index += 1


def _first_covered(time_s: Fraction, rate: int | Fraction) -> int:
    """The first grid frame whose middle is not before *time_s*."""
    return int(-((1 - 2 * time_s * rate) // 2))  # ceil(time * rate - 1/2)


def read_frames(
    probe: Probe,
    first_frame: int = 0,
    stop_frame: int | None = None,
    threads: int = 1,
    size_px: tuple[int, int] | None = None,
    rate: int | Fraction = GRID_FPS,
    on_lost: Callable[[int], None] = lambda _: None,
) -> Iterator[np.ndarray]:
    """Pictures of grid frames ``[first_frame, stop_frame)``, decoding little more than that span.

    Packets that cannot be decoded are passed over: the picture before them stays on screen. Interlaced frames are
    made whole.

    Args:
        probe: the file.
        first_frame, stop_frame: span on the grid; None is the end of the picture.
        threads: decoding threads.
        size_px: width and height of the pictures; the displayed size by default.
        rate: frames a second of the grid.
        on_lost: called with the number of packets that are damaged, as they are found; a span may tell of one again.
            Of packets that are not there at all, `pipeline.media.probe.missing_seconds` tells.

    Yields:
        (H, W, 3) uint8 BGR as displayed: a view that holds until the next one is asked for. The iterator ends early
        where the picture ends.

    Raises:
        InputError: ``unreadable`` when the file has gone, ``undecodable`` when nothing comes out, ``too_long`` when a
            picture lies beyond the limits, ``changed`` when the file did not stay as it was.
    """
    for margin_s in SEEK_MARGINS_S if first_frame else (None,):
        pictures = _read_from(probe, first_frame, stop_frame, threads, size_px, Fraction(rate), margin_s, on_lost)
        first = next(pictures, None)
        if first is None or first[0] > first_frame:
            continue
        yield first[1]
        for _, picture in pictures:
            yield picture
        return
    if first_frame:
        pictures = _read_from(probe, first_frame, stop_frame, threads, size_px, Fraction(rate), None, on_lost)
        yield from (picture for _, picture in pictures)


def _read_from(
    probe: Probe,
    first_frame: int,
    stop_frame: int | None,
    threads: int,
    size_px: tuple[int, int] | None,
    rate: Fraction,
    seek_margin_s: int | None,
    on_lost: Callable[[int], None],
) -> Iterator[tuple[int, np.ndarray]]:
    """Grid number and picture from *first_frame* on, having sought *seek_margin_s* before it (None: from the start).

    Nothing where the container cannot seek.
    """
    with opened(probe.path, probe.limits) as container:
        check_unchanged(probe)
        stream = picture_stream(container, probe.path)
        stream.codec_context.thread_count = threads
        stream.thread_type = "AUTO" if threads > 1 else "NONE"
        if seek_margin_s is not None:
            start_s = probe.zero_s + first_frame / rate - seek_margin_s
            time_base = stream.time_base or Fraction(1, av.time_base)
            try:
                container.seek(int(max(start_s, probe.zero_s) / time_base), stream=stream, backward=True)
            except av.error.FFmpegError:
                return
        pictures = Pictures(stream, probe, size_px)
        timed = deinterlaced(_timed(container, stream, probe, on_lost), from_start=seek_margin_s is None)
        for index, frame in on_grid(timed, rate):
            if stop_frame is not None and index >= stop_frame:
                return
            if index >= first_frame:
                yield index, pictures.of(frame)
        check_unchanged(probe)


def _timed(
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    probe: Probe,
    on_lost: Callable[[int], None],
) -> Iterator[tuple[Fraction, Fraction, av.video.frame.VideoFrame]]:
    """Time after zero, duration and picture of every frame that can be decoded.

    What is damaged before the first of them is not told: a recording may begin anywhere, and time begins with it.
    """
    time_base = stream.time_base or Fraction(1, av.time_base)
    expected_s = Fraction(0)
    decoded = False
    try:
        for packet in packets(container, stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                if decoded:
                    on_lost(1)
                continue
            damaged = max(sum(frame.is_corrupt for frame in frames), int(packet.is_corrupt))
            if decoded and damaged:
                on_lost(damaged)
            for frame in frames:
                assert isinstance(frame, av.video.frame.VideoFrame)
                stamp_s = frame_time(frame, time_base)
                time_s = expected_s if stamp_s is None else stamp_s - probe.zero_s
                duration_s = frame.duration * time_base if frame.duration else 1 / probe.rate
                expected_s = time_s + duration_s
                check_length(expected_s, probe.limits, probe.path, "a picture")
                decoded = True
                yield time_s, duration_s, frame
    except av.error.FFmpegError as error:
        if not decoded:
            raise InputError("undecodable", f"its picture cannot be decoded ({error})", probe.path) from error
        on_lost(1)
