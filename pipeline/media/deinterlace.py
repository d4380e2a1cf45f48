"""Deinterlacing: lines of interlaced video belong to two instants by turns, which combs at an edge that moves."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.error
from av.filter.context import FilterContext
from av.filter.graph import Graph
from av.video.frame import VideoFrame

Timed = tuple[Fraction, Fraction, VideoFrame]
"""Time, duration and picture of a frame."""

FILTER = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
"""FFmpeg's Bob Weaver filter: one picture for one, of the instant of its first field; it looks at a picture's
neighbours, and passes pictures that are not interlaced as they are."""


def deinterlaced(timed: Iterable[Timed], from_start: bool) -> Iterator[Timed]:
    """Yield the frames of *timed* with the same times; deinterlace those that are marked as interlaced.

    Until the first of them, frames pass as they are; from then on they come out one frame late. A frame's result
    depends on itself and its two neighbours only. Where *timed* does not begin with the file, an interlaced first
    frame, one neighbour of which is not known, is left out: so a span gives the same pictures as the whole file.
    """
    weaver: _Weaver | None = None
    before: Timed | None = None
    for each in timed:
        frame = each[2]
        if weaver is not None and not weaver.takes(frame):
            yield from weaver.rest()
            weaver = None
        if weaver is None:
            if not frame.interlaced_frame:
                yield each
                before = each
                continue
            weaver = _Weaver(frame)
            if before is not None and weaver.takes(before[2]):
                weaver.look(before)
            elif before is None and not from_start:
                weaver.look(each)
                before = each
                continue
        yield from weaver.push(each)
        before = each
    if weaver is not None:
        yield from weaver.rest()


class _Weaver:
    """Filter for frames of one size and format."""

    def __init__(self, frame: VideoFrame) -> None:
        self._shape = _shape(frame)
        self._waiting: deque[tuple[Timed, bool]] = deque()
        self._count = 0
        self._graph = Graph()
        nodes: list[FilterContext] = [
            self._graph.add(
                "buffer",
                video_size=f"{frame.width}x{frame.height}",
                pix_fmt=frame.format.name,
                time_base="1/1",
                pixel_aspect="1/1",
                colorspace=str(int(frame.colorspace)),
                range=str(int(frame.color_range)),
            ),
            self._graph.add(*FILTER),
            self._graph.add("buffersink"),
        ]
        self._graph.link_nodes(*nodes).configure()

    def takes(self, frame: VideoFrame) -> bool:
        """Return True where *frame* has the size and format that the filter was made for."""
        return _shape(frame) == self._shape

    def look(self, each: Timed) -> None:
        """Push a frame whose result is not wanted."""
        self._give(each, wanted=False)

    def push(self, each: Timed) -> Iterator[Timed]:
        """Push a frame; return those that are done."""
        self._give(each, wanted=True)
        yield from self._done()

    def rest(self) -> Iterator[Timed]:
        """Return the frames that are left at the end."""
        self._graph.vpush(None)
        yield from self._done()

    def _give(self, each: Timed, *, wanted: bool) -> None:
        frame = each[2]
        stamp, time_base = frame.pts, frame.time_base
        frame.pts, frame.time_base = self._count, Fraction(1)
        self._count += 1
        self._graph.vpush(frame)
        frame.pts, frame.time_base = stamp, time_base
        self._waiting.append((each, wanted))

    def _done(self) -> Iterator[Timed]:
        while True:
            try:
                frame = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            (time_s, duration_s, _), wanted = self._waiting.popleft()
            if wanted:
                yield time_s, duration_s, frame


def _shape(frame: VideoFrame) -> tuple[int, int, str, int, int]:
    return frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range)
