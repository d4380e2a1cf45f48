"""One clip to its file: the picture through its moving window, and the sound of exactly the same instants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np

from pipeline.errors import InputError, ToolError
from pipeline.media.audio import read_sound
from pipeline.media.decode import SpanReader
from pipeline.media.encode import write_clip
from pipeline.types import ClipPlan, Probe

BORDER = (110, 110, 110)
"""Grey beyond the edge of the picture: what the speaker networks were trained to see there, and no bright frame."""

THUMBNAIL_PX = (64, 36)
"""Size at which pictures on either side of a cut are compared: the scene counts, not its detail."""


def cut_clip(
    plan: ClipPlan, probe: Probe, path: Path, *, crf: int, preset: str, reader: SpanReader | None = None
) -> None:
    """Writes the clip of *plan* to *path*, whole or not at all.

    Args:
        plan: what to cut.
        probe: the source.
        path: the clip.
        reader: of the source, at the plan's rate, for those who cut several clips in order.
        crf, preset: of x264.

    Raises:
        ToolError: ffmpeg failed.
        InputError: ``outside_picture`` when the source has no picture on some frames of the clip; others when the
            source cannot be read any more.
    """
    if reader is None:
        with closing(SpanReader(probe, plan.rate)) as reader:
            return cut_clip(plan, probe, path, crf=crf, preset=preset, reader=reader)
    start_s = Fraction(plan.first_frame) / plan.rate
    sound, sound_rate_hz = read_sound(probe, start_s, start_s + plan.frame_count / plan.rate)
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
    """The pictures of the clip; where the plan leaves a shot cut open, the window jumps where the picture does."""
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
    """Views of the source's pictures on the frames of the clip, each until the next one is asked for."""
    count = 0
    for picture in reader.read(plan.first_frame, plan.first_frame + plan.frame_count):
        yield picture
        count += 1
    if count < plan.frame_count:
        message = f"the picture ends after {count} of the {plan.frame_count} frames from {plan.start_s:.2f} s on"
        raise InputError("outside_picture", message, probe.path)


def cut_among(pictures: list[np.ndarray]) -> int:
    """Number of the first picture of the new shot: the one that differs most from the picture before it.

    Args:
        pictures: two or more (H, W, 3) uint8, the first of the old shot, the last of the new.
    """
    small = [cv2.resize(picture, THUMBNAIL_PX, interpolation=cv2.INTER_AREA).astype(np.int16) for picture in pictures]
    return 1 + int(np.argmax([np.abs(after - before).mean() for before, after in pairwise(small)]))


def crop(picture: np.ndarray, window_px: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """What a window shows, to a fraction of a pixel and without aliasing.

    Made smaller, the picture is sampled bilinearly at a multiple of the wanted size and then averaged over areas;
    made larger, it is interpolated cubically.

    Args:
        picture: (H, W, 3) uint8.
        window_px: (4,) x1, y1, x2, y2; pixel *i* reaches from *i* to *i* + 1. Grey where it is outside the picture.
        size_px: width and height of the result.

    Returns:
        (height, width, 3) uint8.
    """
    x1, y1, x2, y2 = (float(edge) for edge in window_px)
    out_width, out_height = size_px
    height, width = picture.shape[:2]
    if (x1, y1, x2, y2) == (0, 0, width, height):
        return _whole(picture, size_px)
    shrink = max((x2 - x1) / out_width, (y2 - y1) / out_height)
    factor = max(int(np.ceil(shrink - 1e-3)), 1)
    inside = x1 > -0.5 and y1 > -0.5 and x2 < width + 0.5 and y2 < height + 0.5

    left, top = max(int(x1) - 2, 0), max(int(y1) - 2, 0)
    part = np.ascontiguousarray(picture[top : max(int(y2) + 3, top + 1), left : max(int(x2) + 3, left + 1)])
    if part.size == 0:
        return np.full((out_height, out_width, 3), BORDER[0], np.uint8)

    step_x, step_y = (x2 - x1) / (out_width * factor), (y2 - y1) / (out_height * factor)
    sample = np.array([[step_x, 0.0, x1 - left + step_x / 2 - 0.5], [0.0, step_y, y1 - top + step_y / 2 - 0.5]])
    shown = cv2.warpAffine(
        part,
        sample,
        (out_width * factor, out_height * factor),
        flags=(cv2.INTER_LINEAR if shrink > 1 else cv2.INTER_CUBIC) | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE if inside else cv2.BORDER_CONSTANT,
        borderValue=BORDER,
    )
    if factor > 1:
        shown = cv2.resize(shown, (out_width, out_height), interpolation=cv2.INTER_AREA)
    return shown


def _whole(picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """The whole picture at another size; as it is at its own."""
    height, width = picture.shape[:2]
    if (width, height) == size_px:
        return picture
    smaller = size_px[0] <= width and size_px[1] <= height
    resized = cv2.resize(
        np.ascontiguousarray(picture), size_px, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    )
    return np.asarray(resized)
