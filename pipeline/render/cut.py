"""Cutting of one clip: the picture in its moving window, and the sound of exactly the same instants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from math import ceil, floor, inf
from pathlib import Path

import cv2
import numpy as np

from pipeline.errors import InputError, ToolError
from pipeline.media.decode import SpanReader
from pipeline.media.encode import write_clip
from pipeline.media.sound_spans import SoundReader
from pipeline.types import ClipPlan, Probe

BORDER = (110, 110, 110)
"""Grey beyond the edge of the picture: what the speaker networks were trained to see there, and no bright frame."""

AROUND_PX = 4
"""Source pixels that are read around a window: two for each of two cubic interpolations."""

TOLERANCE_PX = 1 / 32
"""Largest distance of the picture from its exact place, in pixels of the clip."""

MAX_BEFORE_PX = 32
"""Source pixels before a window among which resizing looks for one to begin on."""

SHARPNESS = -0.5
"""Parameter of the kernel that shifts (Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981):
the only value that shifts a slope by exactly the distance asked for."""

THUMBNAIL_PX = (64, 36)
"""Size at which pictures on either side of a cut are compared: the scene counts, not its detail."""


def cut_clip(
    plan: ClipPlan,
    probe: Probe,
    path: Path,
    *,
    crf: int,
    preset: str,
    reader: SpanReader | None = None,
    sounds: SoundReader | None = None,
) -> None:
    """Write the clip of *plan* to *path*, whole or not at all.

    Args:
        plan: what to cut.
        probe: the source.
        path: the clip.
        reader, sounds: of the source, the first at the plan's rate, for those who cut several clips in order.
        crf, preset: of x264.

    Raises:
        ToolError: ffmpeg failed.
        InputError: ``outside_picture`` when the source has no picture on some frames of the clip; others when the
            source cannot be read any more.
    """
    if reader is None:
        with closing(SpanReader(probe, plan.rate)) as reader:
            return cut_clip(plan, probe, path, crf=crf, preset=preset, reader=reader, sounds=sounds)
    start_s = Fraction(plan.first_frame) / plan.rate
    sounds = sounds or SoundReader(probe)
    sound, sound_rate_hz = sounds.read(start_s, start_s + plan.frame_count / plan.rate)
    written = write_clip(
        path,
        _pictures(plan, reader, probe),
        size_px=plan.size_px,
        rate=plan.rate,
        sound=sound,
        sound_rate_hz=sound_rate_hz,
        crf=crf,
        preset=preset,
    )
    if written != plan.frame_count:
        path.unlink(missing_ok=True)
        raise ToolError(("ffmpeg",), 0, f"it took {written} of {plan.frame_count} pictures for {path.name}")


def _pictures(plan: ClipPlan, reader: SpanReader, probe: Probe) -> Iterator[np.ndarray]:
    """Yield the pictures of the clip. Where the plan leaves a shot cut open, the window jumps with the picture."""
    pictures = enumerate(_source_pictures(plan, reader, probe))
    new_of = dict(plan.cuts)
    for i, picture in pictures:
        yield crop(picture, plan.window_px[i], plan.size_px)
        if i in new_of:
            new = new_of[i]
            held = [picture.copy(), *(later.copy() for _, later in islice(pictures, new - i))]
            cut = i + cut_among(held)
            for k, later in enumerate(held[1:], i + 1):
                yield crop(later, plan.window_px[i if k < cut else new], plan.size_px)


def _source_pictures(plan: ClipPlan, reader: SpanReader, probe: Probe) -> Iterator[np.ndarray]:
    """Yield views of the source's pictures on the frames of the clip, each valid until the next is asked for."""
    count = 0
    for picture in reader.read(plan.first_frame, plan.first_frame + plan.frame_count):
        yield picture
        count += 1
    if count < plan.frame_count:
        message = f"the picture ends after {count} of the {plan.frame_count} frames from {plan.start_s:.2f} s on"
        raise InputError("outside_picture", message, probe.path)


def cut_among(pictures: list[np.ndarray]) -> int:
    """Return the number of the first picture of the new shot: the one that differs most from the picture before it.

    Args:
        pictures: two or more (H, W, 3) uint8, the first of the old shot, the last of the new.
    """
    small = [cv2.resize(picture, THUMBNAIL_PX, interpolation=cv2.INTER_AREA).astype(np.int16) for picture in pictures]
    return 1 + int(np.argmax([np.abs(after - before).mean() for before, after in pairwise(small)]))


def crop(picture: np.ndarray, window_px: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """Return the picture in a window, to a fraction of a pixel and without aliasing.

    Made smaller, the picture is averaged over areas; made larger, it is interpolated cubically.

    Args:
        picture: (H, W, 3) uint8.
        window_px: (4,) x1, y1, x2, y2; pixel *i* reaches from *i* to *i* + 1. Grey where it is outside the picture.
        size_px: width and height of the result.

    Returns:
        (height, width, 3) uint8, a view where *picture* has these very pixels.
    """
    x1, y1, x2, y2 = (float(edge) for edge in window_px)
    height, width = picture.shape[:2]
    shown = picture[int(max(y1, 0)) : int(max(y2, 0)), int(max(x1, 0)) : int(max(x2, 0))]
    if (x2 - x1, y2 - y1) == size_px == shown.shape[1::-1] and x1.is_integer() and y1.is_integer():
        return shown
    across, down = _side(x1, x2, size_px[0]), _side(y1, y2, size_px[1])
    inside = x1 > -0.5 and y1 > -0.5 and x2 < width + 0.5 and y2 < height + 0.5
    part = _part(picture, across, down, cv2.BORDER_REPLICATE if inside else cv2.BORDER_CONSTANT)
    if across.shift or down.shift:
        kernel = np.outer(_shifting(down.shift), _shifting(across.shift))
        part = cv2.filter2D(part, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    smaller = across.step >= 1 and down.step >= 1
    resized = cv2.resize(
        part,
        None,
        fx=1 / across.step,
        fy=1 / down.step,
        interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC,
    )
    return np.asarray(resized)[down.skipped :, across.skipped :][: size_px[1], : size_px[0]]


@dataclass(frozen=True, slots=True)
class _Side:
    """Plan for resizing along one side of a window.

    Source pixels *first* to *stop* are resized, beginning at the edge of the first. The first *skipped* pixels of the
    result are left out.
    """

    first: int
    stop: int
    step: float
    """Source pixels to one pixel of the result; need not be whole."""
    skipped: int
    shift: float
    """Shift of the source before resizing, in its own pixels, at most a half; 0 for most windows."""


def _side(start_px: float, end_px: float, count: int) -> _Side:
    """Choose the source pixel on which resizing begins.

    Resizing begins on a whole source pixel, but a window may begin anywhere. The choice is a pixel before the window
    from which a whole number of steps leads to its edge. Where there is none, as with steps of one pixel, the rest of
    the way is the shift.
    """
    step = (end_px - start_px) / count
    nearest = floor(start_px) - (AROUND_PX if start_px > 0 else 0)
    best, least = nearest, inf
    for first in range(nearest, nearest - MAX_BEFORE_PX, -1):
        steps = (start_px - first) / step
        if abs(steps - round(steps)) < least:
            best, least = first, abs(steps - round(steps))
        if least <= TOLERANCE_PX:
            break
    skipped = round((start_px - best) / step)
    shift = 0.0 if least <= TOLERANCE_PX else start_px - best - skipped * step
    return _Side(best, ceil(best + (skipped + count) * step) + AROUND_PX, step, skipped, shift)


def _shifting(by_px: float) -> np.ndarray:
    """Return (5,) float64: weights of a pixel and its neighbours for the value *by_px* away from it, -0.5 to 0.5."""
    away = np.abs(np.arange(-2, 3) - by_px)
    near = (SHARPNESS + 2) * away**3 - (SHARPNESS + 3) * away**2 + 1
    far = SHARPNESS * (away**3 - 5 * away**2 + 8 * away - 4)
    return np.where(away < 1, near, np.where(away < 2, far, 0.0))


def _part(picture: np.ndarray, across: _Side, down: _Side, border: int) -> np.ndarray:
    """Return the pixels to read, continued beyond the edges of the picture."""
    height, width = picture.shape[:2]
    left, right = (min(max(edge, 0), width) for edge in (across.first, across.stop))
    top, bottom = (min(max(edge, 0), height) for edge in (down.first, down.stop))
    if left == right or top == bottom:
        return np.full((down.stop - down.first, across.stop - across.first, 3), BORDER, np.uint8)
    beyond = top - down.first, down.stop - bottom, left - across.first, across.stop - right
    part = np.ascontiguousarray(picture[top:bottom, left:right])
    return cv2.copyMakeBorder(part, *beyond, border, value=BORDER) if any(beyond) else part
