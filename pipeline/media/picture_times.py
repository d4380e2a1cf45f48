"""Times of all pictures of a file, without decoding them."""

from __future__ import annotations

from fractions import Fraction

import av
import av.error

from pipeline.errors import InputError
from pipeline.media.joins import on_one_clock
from pipeline.media.limits import check_length
from pipeline.media.probe import opened, packets, picture_stream
from pipeline.types import Probe


def picture_times(probe: Probe) -> tuple[Fraction, ...]:
    """Return the time at which each picture of the file comes on screen, in seconds after the first, ascending from 0.

    The *n*-th time belongs to the *n*-th picture that a decoder gives from the beginning of the file: pictures that
    the file marks as not to be shown, and those before the first that can be decoded, do not count. Files whose packets
    carry no times have the average rate.

    Args:
        probe: the file.

    Raises:
        InputError: those of `pipeline.media.probe.opened`; ``too_long`` when a picture lies beyond the limits.
    """
    with opened(probe.path, probe.limits) as container:
        stream = picture_stream(container, probe.path)
        time_base = stream.time_base or Fraction(1, av.time_base)
        shown, stamps = 0, set[int]()
        try:
            for packet in on_one_clock(packets(container, stream), stream.index, probe.joins):
                if not packet.size or packet.is_discard:
                    continue
                shown += 1
                stamp = packet.pts if packet.pts is not None else packet.dts
                if stamp is not None:
                    stamps.add(stamp)
        except av.error.FFmpegError as error:
            if not shown:
                raise InputError("unreadable", f"its pictures cannot be counted ({error})", probe.path) from error
    times = sorted(stamp * time_base - probe.zero_s for stamp in stamps)
    times = [time_s for time_s in times if time_s >= 0]
    if len(times) < shown / 2:
        times = [number / probe.rate for number in range(shown)]
    if times:
        check_length(times[-1], probe.limits, probe.path, "a picture")
    return tuple(time_s - times[0] for time_s in times)
