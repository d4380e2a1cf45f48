"""Drawings on a picture: boxes around faces, their labels, and subtitles. Pure."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

COLOURS_RGB = ((213, 94, 0), (240, 228, 66), (0, 158, 115))
"""Colours of probability 0, 1/2 and 1: vermilion, yellow and bluish green of the set of Okabe and Ito ("Color Universal
Design", 2008), which the colour-blind tell apart too. The line grows thicker as well, and the label has the number."""

DARK, LIGHT = (0, 0, 0), (255, 255, 255)

UNIT_PX = 480
"""Shorter side of a picture on which lines are as thick as the numbers here say."""

LINE_PX = (2.0, 4.0)
"""Thickness of a box at probability 0 and 1."""

MIN_LINE_PX = 2
"""Thinnest line. Thinner ones lose their colour in H.264, which halves the colour's resolution."""

LABEL_SHARE, CAPTION_SHARE = 0.035, 0.05
"""Height of letters, as a share of the shorter side of the picture."""

MIN_LETTER_PX = 11
"""Smallest height of letters: smaller ones cannot be read."""

CAPTION_WIDTH = 0.92
"""Widest line of a subtitle, as a share of the picture: longer ones get smaller letters."""

PLATE_SHADE = 0.35
"""Brightness of the picture behind a subtitle."""


def colour_of(probability: float) -> tuple[int, int, int]:
    """Return the BGR colour of a probability in 0..1."""
    red, green, blue = (np.interp(probability, (0, 0.5, 1), part) for part in zip(*COLOURS_RGB, strict=True))
    return round(blue), round(green), round(red)


def draw_face(picture: np.ndarray, box_px: Sequence[float], probability: float, label: str) -> None:
    """Draw a box with its label on top of it, or inside where there is no room above.

    Args:
        picture: (H, W, 3) uint8 BGR, contiguous; changed.
        box_px: x1, y1, x2, y2; may reach outside.
        probability: that the face speaks.
        label: plain text in front of the probability; may be empty.
    """
    height, width = picture.shape[:2]
    unit = min(height, width) / UNIT_PX
    thick = max(round(float(np.interp(probability, (0, 1), LINE_PX)) * unit), MIN_LINE_PX)
    first, last = (round(box_px[0]), round(box_px[1])), (round(box_px[2]), round(box_px[3]))
    colour = colour_of(probability)
    cv2.rectangle(picture, first, last, DARK, thick + 2 * max(round(unit), 1))
    cv2.rectangle(picture, first, last, colour, thick)

    text = f"{label}  {probability:.0%}".strip()
    letter_px = max(round(LABEL_SHARE * min(height, width)), MIN_LETTER_PX)
    text_width, margin = _text_width(text, letter_px), letter_px // 3
    plate_width, plate_height = text_width + 2 * margin, letter_px + 2 * margin
    left = min(max(first[0] - thick, 0), max(width - plate_width, 0))
    top = first[1] - thick - plate_height
    if top < 0:
        top = max(first[1] + thick, 0)
    cv2.rectangle(picture, (left, top), (left + plate_width - 1, top + plate_height - 1), colour, cv2.FILLED)
    _write(picture, text, (left + margin, top + margin + _baseline(letter_px)), letter_px, DARK)


def draw_caption(picture: np.ndarray, lines: Sequence[str]) -> None:
    """Write *lines* centred at the lower edge of (H, W, 3) uint8 BGR, white on a darkened plate.

    Letters that the font lacks become question marks: it has those of European languages, Hebrew, Arabic, Chinese,
    Japanese and Korean.
    """
    height, width = picture.shape[:2]
    letter_px = max(round(CAPTION_SHARE * min(height, width)), MIN_LETTER_PX)
    widest = max((_text_width(line, letter_px) for line in lines), default=0)
    if widest > CAPTION_WIDTH * width:
        letter_px = max(int(letter_px * CAPTION_WIDTH * width / widest), MIN_LETTER_PX)
        widest = max(_text_width(line, letter_px) for line in lines)
    if not widest:
        return
    margin, step = letter_px // 2, letter_px * 4 // 3
    bottom = height - letter_px // 2
    top = max(bottom - step * len(lines) - margin, 0)
    left, right = max((width - widest) // 2 - margin, 0), min((width + widest) // 2 + margin, width)
    plate = picture[top : max(bottom, top + 1), left:right]
    plate[:] = cv2.convertScaleAbs(plate, alpha=PLATE_SHADE)
    for number, line in enumerate(lines):
        place = (width - _text_width(line, letter_px)) // 2, top + margin // 2 + step * number + _baseline(letter_px)
        _write(picture, line, place, letter_px, LIGHT)


WEIGHT = 500
"""Weight of the letters, from 100 to 900: a plate is as wide as its text only where both are told."""


@functools.cache
def _font() -> Any:
    return cv2.FontFace("sans")


def _baseline(letter_px: int) -> int:
    """Return the distance from the upper edge of a line to the foot of its letters."""
    return round(letter_px * 0.85)


@functools.lru_cache(maxsize=256)
def _text_width(text: str, letter_px: int) -> int:
    if not text:
        return 0
    left, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _font(), letter_px, WEIGHT)
    return left + width


def _write(
    picture: np.ndarray, text: str, place: tuple[int, int], letter_px: int, colour: tuple[int, int, int]
) -> None:
    if text:
        cv2.putText(picture, text, place, colour, _font(), letter_px, WEIGHT)
