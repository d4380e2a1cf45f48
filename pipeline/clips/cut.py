"""One clip to its file: the picture through its moving window, and the sound of exactly the same instants."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from pipeline.errors import InputError, ToolError
from pipeline.media.audio import read_sound
from pipeline.media.decode import read_frames
from pipeline.media.encode import write_clip
from pipeline.types import GRID_FPS, ClipPlan, Probe

BORDER = (110, 110, 110)
"""Grey beyond the edge of the picture: what the speaker networks were trained to see there, and no bright frame."""


def cut_clip(plan: ClipPlan, probe: Probe, path: Path, *, size_px: int, crf: int, preset: str) -> None:
    """Writes the clip of *plan* to *path*, whole or not at all.

    Args:
        plan: what to cut.
        probe: the source.
        path: the clip.
        size_px: side of its square picture; even.
        crf, preset: of x264.

    Raises:
        ToolError: ffmpeg failed.
        InputError: ``outside_picture`` when the source has no picture on some frames of the clip; others when the
            source cannot be read any more.
    """
    start_s = Fraction(plan.first_frame, GRID_FPS)
    sound, sound_rate_hz = read_sound(probe, start_s, start_s + Fraction(plan.frame_count, GRID_FPS))
    written = write_clip(
        path,
        _pictures(plan, probe, size_px),
        size_px=(size_px, size_px),
        rate=Fraction(GRID_FPS),
        sound=sound,
        sound_rate_hz=sound_rate_hz,
        crf=crf,
        preset=preset,
    )
    if written != plan.frame_count:
        path.unlink(missing_ok=True)
        raise ToolError(("ffmpeg",), 0, f"it took {written} of {plan.frame_count} pictures for {path.name}")


def _pictures(plan: ClipPlan, probe: Probe, size_px: int) -> Iterator[np.ndarray]:
    stop = plan.first_frame + plan.frame_count
    pictures = read_frames(probe, plan.first_frame, stop)
    for i, window_px in enumerate(plan.window_px):
        picture = next(pictures, None)
        if picture is None:
            message = f"the picture ends after {i} of the {plan.frame_count} frames from {plan.start_s:.2f} s on"
            raise InputError("outside_picture", message, probe.path)
        yield crop(picture, window_px, size_px)


def crop(picture: np.ndarray, window_px: np.ndarray, size_px: int) -> np.ndarray:
    """What a square window shows, to a fraction of a pixel and without aliasing.

    Made smaller, the picture is sampled bilinearly at a multiple of the wanted size and then averaged over areas;
    made larger, it is interpolated cubically.

    Args:
        picture: (H, W, 3) uint8.
        window_px: (4,) x1, y1, x2, y2; pixel *i* reaches from *i* to *i* + 1. Grey where it is outside the picture.
        size_px: side of the result.

    Returns:
        (size_px, size_px, 3) uint8.
    """
    x1, y1, x2, y2 = (float(edge) for edge in window_px)
    height, width = picture.shape[:2]
    factor = max(int(np.ceil((x2 - x1) / size_px - 1e-3)), 1)
    smaller = (x2 - x1) > size_px
    inside = x1 > -0.5 and y1 > -0.5 and x2 < width + 0.5 and y2 < height + 0.5

    left, top = max(int(x1) - 2, 0), max(int(y1) - 2, 0)
    part = np.ascontiguousarray(picture[top : max(int(y2) + 3, top + 1), left : max(int(x2) + 3, left + 1)])
    if part.size == 0:
        return np.full((size_px, size_px, 3), BORDER[0], np.uint8)

    side = size_px * factor
    step_x, step_y = (x2 - x1) / side, (y2 - y1) / side
    sample = np.array([[step_x, 0.0, x1 - left + step_x / 2 - 0.5], [0.0, step_y, y1 - top + step_y / 2 - 0.5]])
    shown = cv2.warpAffine(
        part,
        sample,
        (side, side),
        flags=(cv2.INTER_LINEAR if smaller else cv2.INTER_CUBIC) | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE if inside else cv2.BORDER_CONSTANT,
        borderValue=BORDER,
    )
    if factor > 1:
        shown = cv2.resize(shown, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return shown
