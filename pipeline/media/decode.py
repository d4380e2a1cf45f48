"""Pictures of a video on a grid of constant rate, by presentation time.

The picture of frame *i* of the 25 fps grid is the one on screen in the middle of ``[i/25, (i+1)/25)`` seconds after
the first video frame. On average the middle neither leads nor lags, whatever the source's rate, and at 25 fps it is
right even where timestamps are rounded. A grid of the source's own constant rate has each of
its pictures once.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import av
import av.container
import av.error
import av.video.frame
import av.video.stream
import numpy as np

from pipeline.errors import InputError
from pipeline.media.deinterlace import Timed, deinterlaced
from pipeline.media.faults import check_system
from pipeline.media.joins import on_one_clock
from pipeline.media.limits import check_length
from pipeline.media.pictures import Pictures
from pipeline.media.probe import check_unchanged, frame_time, opened, packets, picture_stream
from pipeline.types import GRID_FPS, Probe

T = TypeVar("T")

SEEK_MARGINS_S = (0, 2, 10, 60)
"""Seconds before the wanted frame at which decoding begins, tried in turn when a container seeks too late."""

READ_ON_S = 10
"""Seconds of a gap up to which a file is read on and not sought: x264 puts its keyframes that far apart at 25 frames
a second by default, and many programs leave it at that. A file whose clock jumps cannot be sought at all."""

MAX_TICKS = (1 << 31) - 1
"""Most ticks a second of an MP4 track."""

USUAL_TICKS = 90_000
"""Ticks a second of MPEG, for a clock that no MP4 track can have."""

_Numbered = tuple[int, Callable[[], np.ndarray]]
"""Number of a frame, and the function that converts its picture, which is a large part of the work."""


def on_grid(timed: Iterable[tuple[Fraction, Fraction, T]], rate: int | Fraction = GRID_FPS) -> Iterator[tuple[int, T]]:
    """Yield the picture of each grid frame.

    Args:
        timed: time, duration and picture of the source's frames in order of decoding, seconds after time zero. A
            frame that is not later than the one before it replaces that one.
        rate: frames a second of the grid.

    Yields:
        Grid number, ascending without a gap from the first that *timed* covers, and picture.
    """
    for start_s, end_s, picture in on_screen(timed):
        for index in range(max(first_covered(start_s, rate), 0), first_covered(end_s, rate)):
            yield index, picture


def on_screen(timed: Iterable[tuple[Fraction, Fraction, T]]) -> Iterator[tuple[Fraction, Fraction, T]]:
    """Yield start, end and picture of the source's frames as they are on screen, each until the next begins.

    Args:
        timed: those of `on_grid`.
    """
    shown: tuple[Fraction, Fraction, T] | None = None
    for time_s, duration_s, picture in timed:
        if shown is not None and time_s > shown[0]:
            yield shown[0], time_s, shown[2]
        elif shown is not None:
            time_s = shown[0]
        shown = time_s, duration_s, picture
    if shown is not None:
        yield shown[0], shown[0] + shown[1], shown[2]


def first_covered(time_s: Fraction, rate: int | Fraction) -> int:
    """Return the first grid frame whose middle is not before *time_s*."""
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
    """Yield the pictures of grid frames ``[first_frame, stop_frame)``, decoding little more than that span.

    Packets that cannot be decoded are passed over: the picture before them stays on screen. Interlaced frames are
    made whole.

    Args:
        probe: the file.
        first_frame, stop_frame: span on the grid; None is the end of the picture.
        threads: decoding threads.
        size_px: width and height of the pictures; the displayed size by default.
        rate: frames a second of the grid.
        on_lost: called with the number of packets that are damaged, as they are found; a span may count one again.
            Packets that are not there at all are counted by `pipeline.media.probe.missing_seconds`.

    Yields:
        (H, W, 3) uint8 BGR as displayed: a view that holds until the next one is asked for. The iterator ends early
        where the picture ends.

    Raises:
        InputError: ``unreadable`` when the file has gone, ``undecodable`` when nothing comes out, ``too_long`` when a
            picture lies beyond the limits, ``changed`` when the file has changed.
    """
    for index, picture in _begun(probe, first_frame, threads, size_px, Fraction(rate), on_lost):
        if stop_frame is not None and index >= stop_frame:
            return
        yield picture()


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture of a video while it is on screen; times are seconds after the first video frame."""

    start_s: Fraction
    end_s: Fraction
    read: Callable[[], np.ndarray]
    """Returns (H, W, 3) uint8 BGR as displayed: a view that holds until the next picture is read."""


def read_shown(probe: Probe, threads: int = 1) -> Iterator[ShownPicture]:
    """Yield every picture of the excerpt with the source's own times, as `read_frames` makes them.

    The first one begins with the excerpt, and the last one ends with it, at the latest.

    Raises:
        InputError: those of `read_frames`.
    """
    excerpt = probe.excerpt
    begin_s = Fraction(excerpt.first_frame, GRID_FPS)
    end_s = None if excerpt.stop_frame is None else Fraction(excerpt.stop_frame, GRID_FPS)
    for shown in _shown_from(probe, begin_s, threads):
        if end_s is None or shown.end_s <= end_s:
            yield shown
        elif shown.start_s < end_s:
            yield dataclasses.replace(shown, end_s=end_s)
        if end_s is not None and shown.end_s >= end_s:
            return


def tick_rate(probe: Probe) -> int:
    """Return ticks a second that have each time of `read_shown` exactly, where there are any of 32 bits."""
    with opened(probe.path, probe.limits) as container:
        stream = picture_stream(container, probe.path)
        time_base = stream.time_base or Fraction(1, av.time_base)
        rate = probe.rate if stream.average_rate is None else Fraction(stream.average_rate)
    ticks = time_base.denominator
    for other in (GRID_FPS if probe.excerpt.first_frame else 1, rate.numerator):
        common = math.lcm(ticks, other)
        ticks = common if common <= MAX_TICKS else ticks
    return ticks if ticks <= MAX_TICKS else USUAL_TICKS


def _shown_from(probe: Probe, begin_s: Fraction, threads: int) -> Iterator[ShownPicture]:
    """Yield the pictures from *begin_s* on, decoding little more than those."""
    for margin_s in SEEK_MARGINS_S if begin_s and not probe.joins else ():
        pictures = _shown_since(probe, begin_s, threads, margin_s)
        first = next(pictures, None)
        if first is not None and first.start_s <= begin_s:
            yield first
            yield from pictures
            return
    yield from _shown_since(probe, begin_s, threads, None)


def _shown_since(probe: Probe, begin_s: Fraction, threads: int, seek_margin_s: int | None) -> Generator[ShownPicture]:
    with _decoding(probe, begin_s, threads, None, seek_margin_s, lambda _: None) as (pictures, timed):
        for start_s, end_s, frame in on_screen(timed):
            if end_s > begin_s:
                yield ShownPicture(max(start_s, begin_s), end_s, functools.partial(pictures.of, frame))


class SpanReader:
    """Reader of spans of one video. Spans in order are read on where a seek would hardly save any decoding: codecs have
    to begin at a keyframe, which may lie far before the wanted frame.

    Args:
        probe: the file.
        rate: frames a second of the grid.
    """

    def __init__(self, probe: Probe, rate: int | Fraction = GRID_FPS) -> None:
        self._probe, self._rate = probe, Fraction(rate)
        self._coming: Generator[_Numbered] | None = None
        self._next = 0

    def read(self, first_frame: int, stop_frame: int) -> Iterator[np.ndarray]:
        """Do as `read_frames`, for one span at a time: ask for the next when this one is read, or given up."""
        check_unchanged(self._probe)
        farthest = math.inf if self._probe.joins else READ_ON_S * self._rate
        if self._coming is None or not 0 <= first_frame - self._next <= farthest:
            self.close()
            self._coming, self._next = _begun(self._probe, first_frame, 1, None, self._rate), first_frame
        try:
            while self._next < stop_frame:
                numbered = next(self._coming, None)
                if numbered is None:
                    self.close()
                    return
                index, picture = numbered
                self._next = index + 1
                if index >= first_frame:
                    yield picture()
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Close the file, if it is open; the next read opens it again."""
        if self._coming is not None:
            self._coming.close()
        self._coming = None


def _begun(
    probe: Probe,
    first_frame: int,
    threads: int,
    size_px: tuple[int, int] | None,
    rate: Fraction,
    on_lost: Callable[[int], None] = lambda _: None,
) -> Generator[_Numbered]:
    """Yield grid number and picture of every frame from *first_frame* to the end, decoding little more than that.

    A file whose clock jumps is decoded from its beginning: a time may be at several places in it.
    """
    for margin_s in SEEK_MARGINS_S if first_frame and not probe.joins else ():
        pictures = _read_from(probe, first_frame, threads, size_px, rate, margin_s, on_lost)
        first = next(pictures, None)
        if first is not None and first[0] <= first_frame:
            yield first
            yield from pictures
            return
    yield from _read_from(probe, first_frame, threads, size_px, rate, None, on_lost)


def _read_from(
    probe: Probe,
    first_frame: int,
    threads: int,
    size_px: tuple[int, int] | None,
    rate: Fraction,
    seek_margin_s: int | None,
    on_lost: Callable[[int], None],
) -> Generator[_Numbered]:
    """Do as `_begun`, from *seek_margin_s* before the first frame (None: from the start).

    Yields nothing where the container cannot seek.
    """
    with _decoding(probe, first_frame / rate, threads, size_px, seek_margin_s, on_lost) as (pictures, timed):
        for index, frame in on_grid(timed, rate):
            if index >= first_frame:
                yield index, functools.partial(pictures.of, frame)


@contextmanager
def _decoding(
    probe: Probe,
    begin_s: Fraction,
    threads: int,
    size_px: tuple[int, int] | None,
    seek_margin_s: int | None,
    on_lost: Callable[[int], None],
) -> Generator[tuple[Pictures, Iterator[Timed]]]:
    """Open the file for decoding from *seek_margin_s* before *begin_s* (None: from the start): the conversion of
    frames, and the frames, of which there are none where the container cannot seek."""
    with opened(probe.path, probe.limits) as container:
        check_unchanged(probe)
        stream = picture_stream(container, probe.path)
        stream.codec_context.thread_count = threads
        stream.thread_type = "AUTO" if threads > 1 else "NONE"
        timed = deinterlaced(_timed(container, stream, probe, on_lost), from_start=seek_margin_s is None)
        if seek_margin_s is not None:
            start_s = probe.zero_s + begin_s - seek_margin_s
            time_base = stream.time_base or Fraction(1, av.time_base)
            try:
                container.seek(int(max(start_s, probe.zero_s) / time_base), stream=stream, backward=True)
            except av.error.FFmpegError:
                timed = iter(())
        yield Pictures(stream, probe, size_px), timed
        check_unchanged(probe)


def _timed(
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    probe: Probe,
    on_lost: Callable[[int], None],
) -> Iterator[tuple[Fraction, Fraction, av.video.frame.VideoFrame]]:
    """Yield the time after zero, the duration and the picture of every frame that can be decoded.

    Damage before the first of them is not reported: a recording may begin anywhere, and time begins with it.
    """
    time_base = stream.time_base or Fraction(1, av.time_base)
    expected_s = Fraction(0)
    decoded = False
    try:
        for packet in on_one_clock(packets(container, stream), stream.index, probe.joins):
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
        check_system(error, probe.path)
        if not decoded:
            raise InputError("undecodable", f"its picture cannot be decoded ({error})", probe.path) from error
        on_lost(1)
