"""Limits of a video: a header that claims more is refused before memory, disk or time is spent on it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pipeline.errors import InputError
from pipeline.types import MediaLimits

MAX_SIDE_PX = 32_766
"""Longest side of a picture: OpenCV maps pictures with 16-bit coordinates."""

SOUND_RATES_HZ = range(1_000, 768_001)
"""Sample rates of sound that exists, from the slowest telephone to the fastest studio."""

MAX_CHANNELS = 64
"""Most channels of a sound: FFmpeg has names for so many places."""

PICTURE_RATES = (Fraction(1, 10), Fraction(1000))
"""Slowest and fastest average rate of pictures that is believed."""


def check_picture(width: int, height: int, limits: MediaLimits, path: Path) -> None:
    """Refuse a picture of too many pixels.

    Raises:
        InputError: ``too_large``.
    """
    if width * height > limits.pixels or max(width, height) > MAX_SIDE_PX:
        raise InputError(
            "too_large",
            f"its picture claims {width}x{height} pixels; at most {limits.pixels / 1e6:g} million and {MAX_SIDE_PX} a "
            "side are read. Scale it down with ffmpeg, or raise MAX_MEGAPIXELS and use --retry-failed",
            path,
        )


def check_length(time_s: Fraction | float, limits: MediaLimits, path: Path, what: str) -> None:
    """Refuse an instant that no video within the limits has; *what* names it in the message.

    Raises:
        InputError: ``too_long``.
    """
    if abs(time_s) > limits.length_s:
        hours, side = abs(float(time_s)) / 3600, "after" if time_s > 0 else "before"
        raise InputError(
            "too_long",
            f"{what} lies {hours:.1f} hours {side} its first picture; at most {limits.length_s / 3600:g} hours "
            "are read. Split it, or repair its time stamps, with ffmpeg; or raise MAX_VIDEO_HOURS and use "
            "--retry-failed",
            path,
        )


def check_sound(rate_hz: int, channels: int, path: Path) -> None:
    """Refuse a sound track that cannot be true.

    Raises:
        InputError: ``too_large``.
    """
    if rate_hz not in SOUND_RATES_HZ or channels > MAX_CHANNELS:
        raise InputError(
            "too_large",
            f"its sound claims {rate_hz} samples a second and {channels} channels; {SOUND_RATES_HZ.start} to "
            f"{SOUND_RATES_HZ.stop - 1} and at most {MAX_CHANNELS} are read. Convert its sound with ffmpeg",
            path,
        )


def believable_rate(*claims: Fraction | None) -> Fraction:
    """Return the first of the claimed frame rates that can be true; 25 where none can."""
    slowest, fastest = PICTURE_RATES
    return next((Fraction(claim) for claim in claims if claim and slowest <= claim <= fastest), Fraction(25))
