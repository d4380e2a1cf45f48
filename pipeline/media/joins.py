"""Clocks that jump: files of several pieces put one after another, each with a clock of its own.

Formats with discontinuities follow FFmpeg's rule (fftools/ffmpeg_demux.c, ``ts_discontinuity_process``): where the
clock of a stream jumps back, or ahead of all streams by more than 10 s, the offset of the whole file changes from there
on, so that this stream goes on without a gap. Picture and sound take the same offset, each from its own first packet on
that the new clock has stamped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av.packet

from pipeline.types import ClockJoin

DISCONTINUOUS = frozenset({"mpegts", "flv", "live_flv", "mpeg"})
"""FFmpeg's names of the formats whose clock may jump: those with its flag AVFMT_TS_DISCONT that are read here."""

CLOCK_S = {name: Fraction(1 << 33, 90_000) for name in ("mpegts", "mpeg")}
"""Time after which the clock of a format begins anew. FFmpeg takes a jump back to its beginning for that, and so for a
jump far ahead."""

MAX_AHEAD_S = Fraction(10)
"""Step ahead above which it is a jump: FFmpeg's ``dts_delta_threshold``. A smaller one is a gap in the reception."""

MIN_BACK_S = Fraction(1, 10)
"""Step back below which it is no jump: FFmpeg's own tolerance."""

LATE_S = Fraction(2)
"""Largest distance from the end of an old clock of its packets behind a join: the last ones of a stream, which a
demuxer holds back until the next one comes."""

SHOWN = 3
"""Jumps that are listed one by one."""

NEAR = 3
"""Packets before a join that a transport stream calls corrupt because its count of packets jumps there: those that
are really damaged fail to decode."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Times at which a packet is decoded and shown, on the file's clock."""

    stream: int
    """Index of its stream."""
    number: int
    """Number of packets of the stream before it."""
    decode_s: Fraction
    show_s: Fraction
    duration_s: Fraction


@dataclass(slots=True)
class _Stream:
    """Progress of one stream on the joined clock."""

    clock: int
    """Number of the clock that stamps it: the number of joins before."""
    decode_s: Fraction
    end_s: Fraction


def find_joins(stamps: Iterable[Stamp], container: str = "") -> tuple[ClockJoin, ...]:
    """Find the places where the clock of a file jumps.

    Args:
        stamps: stamps of the packets of all its streams, in the order of the file.
        container: FFmpeg's name of its format.
    """
    streams: dict[int, _Stream] = {}
    offsets_s, starts, places = [Fraction(0)], [dict[int, int]()], list[tuple[Fraction, Fraction]]()
    ends_s: list[Fraction] = []
    reached_s: Fraction | None = None
    for stamp in stamps:
        stream = streams.get(stamp.stream)
        clock = _clock_of(stamp, stream, offsets_s, ends_s)
        time_s = stamp.decode_s + offsets_s[clock]
        if reached_s is not None and _jumps(time_s, clock, stream, reached_s):
            goes_on_s = reached_s if stream is None else stream.end_s
            offsets_s.append(goes_on_s - stamp.decode_s)
            ends_s.append(reached_s)
            starts.append({})
            places.append((stamp.show_s + offsets_s[-1], _shortest(time_s - goes_on_s, CLOCK_S.get(container))))
            clock, time_s = len(offsets_s) - 1, goes_on_s
        if clock and (stream is None or stream.clock != clock):
            starts[clock][stamp.stream] = stamp.number
        end_s = time_s + stamp.duration_s
        streams[stamp.stream] = _Stream(clock, time_s, end_s)
        reached_s = end_s if reached_s is None else max(reached_s, end_s)
    return tuple(
        ClockJoin(tuple(sorted(found.items())), offset_s, *place)
        for found, offset_s, place in zip(starts[1:], offsets_s[1:], places, strict=True)
    )


def _shortest(jump_s: Fraction, clock_s: Fraction | None) -> Fraction:
    """Return the shortest way from one instant of a clock to another: ahead, or back."""
    return jump_s if clock_s is None else (jump_s + clock_s / 2) % clock_s - clock_s / 2


def _clock_of(stamp: Stamp, stream: _Stream | None, offsets_s: Sequence[Fraction], ends_s: Sequence[Fraction]) -> int:
    """Return the clock that stamps a packet: the one on which its stream goes on most nearly.

    A stream may have its last packets of the old clock behind a join that another stream has passed already. One that
    has none through a whole piece goes on with the present clock.
    """
    present = len(offsets_s) - 1
    if stream is None:
        return present
    clocks = [
        clock
        for clock in range(stream.clock, present + 1)
        if clock == present or stamp.decode_s + offsets_s[clock] >= ends_s[clock] - LATE_S
    ]
    return min(clocks, key=lambda clock: abs(stamp.decode_s + offsets_s[clock] - stream.end_s))


def _jumps(time_s: Fraction, clock: int, stream: _Stream | None, reached_s: Fraction) -> bool:
    """Return True where none of the clocks so far can have stamped a packet.

    The first packet of a stream behind a join lies where its piece has it: a little before or after its last one.
    """
    if time_s - reached_s > MAX_AHEAD_S:
        return True
    if stream is None:
        return reached_s - time_s > MAX_AHEAD_S
    return stream.decode_s - time_s > (MIN_BACK_S if stream.clock == clock else MAX_AHEAD_S)


def on_one_clock(
    packets: Iterable[av.packet.Packet], stream: int, joins: Sequence[ClockJoin]
) -> Iterator[av.packet.Packet]:
    """Yield the *packets* of a stream, from its first on, with their time stamps on the joined clock.

    Args:
        packets: all packets of the stream.
        stream: index of the stream.
        joins: result of `find_joins`.
    """
    offsets_s = {number: join.offset_s for join in joins for index, number in join.starts if index == stream}
    offset_s, count = Fraction(0), 0
    for packet in packets:
        offset_s = offsets_s.get(count, offset_s)
        if packet.is_corrupt and any(start - NEAR <= count <= start for start in offsets_s):
            packet.is_corrupt = False
        count += bool(packet.size)
        if joins and packet.time_base:
            ticks = round(offset_s / packet.time_base)
            if packet.dts is not None:
                packet.dts += ticks
            if packet.pts is not None:
                packet.pts += ticks
                # A frame that was complete only behind the join carries the time of the next one.
                if packet.dts is not None and abs(packet.pts - packet.dts) * packet.time_base > MAX_AHEAD_S:
                    packet.pts = packet.dts
        yield packet


def join_notes(joins: Sequence[ClockJoin], zero_s: Fraction) -> tuple[str, ...]:
    """Return a line for people on the jumps of a clock; nothing where it does not jump.

    Args:
        joins: result of `find_joins`.
        zero_s: instant of the first video frame on the file's clock.
    """
    if not joins:
        return ()
    told = []
    for join in joins[:SHOWN]:
        way = "ahead" if join.jump_s > 0 else "back"
        told.append(f"{way} by {abs(float(join.jump_s)):.1f} s at {float(join.at_s - zero_s):.2f} s")
    more = f", and {len(joins) - SHOWN} times more" if len(joins) > SHOWN else ""
    return (f"the file's clock jumps {', '.join(told)}{more}: what follows was joined on there",)
