"""Pictures of a video on a grid of constant rate, by presentation time.

The picture of frame *i* of the 25 fps grid is the one on screen in the middle of ``[i/25, (i+1)/25)`` seconds after
the first video frame. The middle, because on average it neither leads nor lags, whatever the source's rate; and
because at 25 fps it is right even where timestamps are rounded. A grid of the source's own constant rate has each of
its pictures once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TypeVar

import av
import av.container
import av.error
import av.video.frame
import av.video.stream
import numpy as np
from av.video.reformatter import VideoReformatter

from pipeline.errors import InputError
from pipeline.media.probe import display_size, frame_time, opened, picture_stream
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
) -> Iterator[np.ndarray]:
    """Pictures of grid frames ``[first_frame, stop_frame)``, decoding little more than that span.

    Packets that cannot be decoded are passed over: the picture before them stays on screen.

    Args:
        probe: the file.
        first_frame, stop_frame: span on the grid; None is the end of the picture.
        threads: decoding threads.
        size_px: width and height of the pictures; the displayed size by default.
        rate: frames a second of the grid.

    Yields:
        (H, W, 3) uint8 BGR as displayed: a view that holds until the next one is asked for. The iterator ends early
        where the picture ends.

    Raises:
        InputError: when the file has gone or cannot be decoded at all.
    """
    for margin_s in SEEK_MARGINS_S if first_frame else (None,):
        pictures = _read_from(probe, first_frame, stop_frame, threads, size_px, Fraction(rate), margin_s)
        first = next(pictures, None)
        if first is None or first[0] > first_frame:
            continue
        yield first[1]
        for _, picture in pictures:
            yield picture
        return
    if first_frame:
        pictures = _read_from(probe, first_frame, stop_frame, threads, size_px, Fraction(rate), None)
        yield from (picture for _, picture in pictures)


def _read_from(
    probe: Probe,
    first_frame: int,
    stop_frame: int | None,
    threads: int,
    size_px: tuple[int, int] | None,
    rate: Fraction,
    seek_margin_s: int | None,
) -> Iterator[tuple[int, np.ndarray]]:
    """Grid number and picture from *first_frame* on, having sought *seek_margin_s* before it (None: from the start)."""
    with opened(probe.path) as container:
        stream = picture_stream(container, probe.path)
        stream.codec_context.thread_count = threads
        stream.thread_type = "AUTO" if threads > 1 else "NONE"
        if seek_margin_s is not None:
            start_s = probe.zero_s + first_frame / rate - seek_margin_s
            time_base = stream.time_base or Fraction(1, av.time_base)
            container.seek(int(max(start_s, probe.zero_s) / time_base), stream=stream, backward=True)
        pictures = _Pictures(stream, probe, size_px)
        for index, frame in on_grid(_timed(container, stream, probe), rate):
            if stop_frame is not None and index >= stop_frame:
                return
            if index >= first_frame:
                yield index, pictures.of(frame)


def _timed(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, probe: Probe
) -> Iterator[tuple[Fraction, Fraction, av.video.frame.VideoFrame]]:
    """Time after zero, duration and picture of every frame that can be decoded."""
    time_base = stream.time_base or Fraction(1, av.time_base)
    usual_s = 1 / probe.rate if probe.rate > 0 else Fraction(1, GRID_FPS)
    expected_s = Fraction(0)
    decoded = False
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                assert isinstance(frame, av.video.frame.VideoFrame)
                stamp_s = frame_time(frame, time_base)
                time_s = expected_s if stamp_s is None else stamp_s - probe.zero_s
                duration_s = frame.duration * time_base if frame.duration else usual_s
                expected_s = time_s + duration_s
                decoded = True
                yield time_s, duration_s, frame
    except av.error.FFmpegError as error:
        if not decoded:
            raise InputError("undecodable", f"its picture cannot be decoded ({error})", probe.path) from error


class _Pictures:
    """Decoded frames as displayed BGR arrays; a frame that is shown again is converted once."""

    def __init__(self, stream: av.video.stream.VideoStream, probe: Probe, size_px: tuple[int, int] | None) -> None:
        self._reformatter = VideoReformatter()
        self._turns = probe.rotation_deg // 90
        width, height, _, _ = display_size(stream, probe.rotation_deg)
        if size_px is not None:
            width, height = size_px if self._turns % 2 == 0 else size_px[::-1]
        self._width, self._height = width, height
        self._frame: av.video.frame.VideoFrame | None = None
        self._picture = np.empty((0, 0, 3), np.uint8)

    def of(self, frame: av.video.frame.VideoFrame) -> np.ndarray:
        """(H, W, 3) uint8 view of *frame* as displayed."""
        if frame is not self._frame:
            bgr = self._reformatter.reformat(frame, self._width, self._height, "bgr24")
            plane = bgr.planes[0]
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
            picture = rows[:, : 3 * self._width].reshape(self._height, self._width, 3)
            self._frame, self._picture = frame, np.rot90(picture, -self._turns)
        return self._picture
