"""Excerpts of videos, and the errors for those that a video does not reach."""

from __future__ import annotations

import dataclasses

from pipeline.errors import InputError
from pipeline.types import Excerpt, Probe


def excerpted(whole: Probe, start_s: float, duration_s: float) -> Probe:
    """Return a video of which only *duration_s* seconds from *start_s* after its first frame on are worked on.

    Args:
        whole: result of `pipeline.media.probe.probe`.
        start_s: 0 is the beginning of the file, sound before its first picture included.
        duration_s: 0 is to the end.

    Raises:
        InputError: ``start_after_end`` when the video ends before, as far as its header tells.
    """
    excerpt = Excerpt.of(start_s, duration_s)
    if excerpt.first_frame and whole.duration_of != "nothing" and not excerpt.length_of(whole.duration_s):
        raise _late(whole, start_s)
    return dataclasses.replace(whole, excerpt=excerpt)


def check_reached(source: Probe, frame_count: int) -> None:
    """Refuse a video whose pictures ended before the excerpt.

    Args:
        source: the video.
        frame_count: number of the grid frame after the last that came out.

    Raises:
        InputError: ``start_after_end``.
    """
    first = source.excerpt.first_frame
    if first and frame_count <= first:
        raise _late(source, source.excerpt.start_s)


def _late(source: Probe, start_s: float) -> InputError:
    end = f"at {source.duration_s:.2f} s" if source.duration_s else "before"
    message = f"START is {start_s:g} s, and its picture ends {end}. Choose an earlier START"
    return InputError("start_after_end", message, source.path)
