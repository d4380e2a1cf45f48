"""The upright video of a plan: one decode, one encode, the source's times and sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.errors import InputError
from pipeline.framing.plan import FramingPlan
from pipeline.media.decode import read_shown, tick_rate
from pipeline.media.timed_video import Encoding, TimedPicture, TimedVideo, write_timed
from pipeline.render.framed import at_rate, framed, own_times
from pipeline.render.panels import Panels
from pipeline.types import GRID_FPS, Probe

TOLD_S = 1
"""Seconds of video between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """Drawing of ffmpeg on the pictures of a video, such as captions."""

    filters: Sequence[str] = ()
    """Filters of ffmpeg, in its own notation. They see the pictures in RGB, with times after the first of them."""
    needs: Sequence[str] = ()
    """Names of those among them that not every ffmpeg has."""
    changes_at: Callable[[int], bool] = lambda _: False
    """Tells for a grid frame of the source whether a picture must be drawn anew there."""


NO_OVERLAY = Overlay()


def reframe(
    probe: Probe,
    plan: FramingPlan,
    path: Path,
    *,
    crf: int,
    preset: str,
    rate: Fraction | None = None,
    overlay: Overlay = NO_OVERLAY,
    on_seconds: Callable[[float], None] = lambda _: None,
    threads: int = 1,
) -> TimedVideo:
    """Write the upright video of a plan, an MP4 that appears whole or not at all. Memory does not grow with length.

    It begins with the first picture of the video, or of its excerpt. Pictures keep the source's times unless a *rate*
    is asked for. The sound is copied where MP4 takes it and the whole video is written, else encoded.

    Args:
        probe: the source.
        plan: its framing.
        path: of the video.
        crf, preset: of x264.
        rate: frames a second; None keeps the source's times.
        overlay: drawing of ffmpeg on the pictures.
        on_seconds: called now and then, and at the end, with the seconds done.
        threads: that decode.

    Raises:
        InputError: the source cannot be read, or is not the one of the plan (``bad_plan``).
        ToolError: ffmpeg failed.
    """
    if plan.picture_px != (probe.width_px, probe.height_px):
        have, wanted = (f"{w}x{h}" for w, h in ((probe.width_px, probe.height_px), plan.picture_px))
        raise InputError("bad_plan", f"its picture is {have}, and the plan is for one of {wanted}", probe.path)
    begin_s = Fraction(probe.excerpt.first_frame, GRID_FPS)
    shown = read_shown(probe, threads)
    timed = own_times(shown, plan, overlay.changes_at) if rate is None else at_rate(shown, rate, begin_s)
    panels = Panels(plan)

    def drawn() -> Iterator[TimedPicture]:
        told_s, end_s = Fraction(0), Fraction(0)
        for each in framed(timed, plan):
            end_s = each.end_s - begin_s
            yield each.start_s - begin_s, end_s, panels.draw(each.picture, each.run, each.place)
            if end_s >= told_s + TOLD_S:
                told_s = end_s
                on_seconds(float(end_s))
        on_seconds(float(end_s))

    ticks = tick_rate(probe) if rate is None else rate.numerator
    return write_timed(path, drawn(), probe, Encoding(plan.size_px, ticks, crf, preset, overlay.filters, overlay.needs))
