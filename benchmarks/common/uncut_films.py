"""Films without a cut, of the shots that jump cuts are made of, each disturbed by something that looks like one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common.flash_films import Span
from benchmarks.common.jump_films import CRFS, MARGIN, framed, pictures_of, swing
from pipeline.types import GRID_FPS

FILM_FRAMES = 400
"""Longest film."""

WORDS = ("SO", "the thing", "is that", "WE NEVER", "talk about it", "because")
"""Captions."""


def compose(footage: Path, span: Span, kind: str) -> tuple[list[np.ndarray], int]:
    """Compose the film of a *kind* of a shot; the same for the same arguments.

    Returns:
        (H, 384, 3) uint8 BGR pictures, and the quality at which x264 is to write them.
    """
    rng = np.random.default_rng([KINDS.index(kind), *span.name.encode()])
    shot = pictures_of(footage / span.name, span)[:FILM_FRAMES]
    order = ORDERS[kind](len(shot), rng) if kind in ORDERS else list(range(len(shot)))
    moved_by, scales = np.zeros((len(shot), 2)), np.ones(len(shot))
    if rng.random() < 0.5:
        moved_by = swing(len(shot), rng)
    if kind == "bumped":
        _bump(moved_by, rng)
    elif kind == "zoomed":
        _zoom(scales, rng)
    pictures = [framed(shot[at], moved_by[at], scales[at]) for at in order]
    if kind in CHANGES:
        CHANGES[kind](pictures, rng)
    return pictures, int(rng.choice(CRFS)) if kind != "poor" else 36


def _frozen(count: int, rng: np.random.Generator) -> list[int]:
    """Return frames of a stream that stands still for 1 to 8 frames, then shows what is now."""
    order: list[int] = []
    while len(order) < count:
        order.append(len(order))
        if rng.random() < 0.06:
            order += [order[-1]] * int(rng.integers(1, 9))
    return order[:count]


def _dropped(count: int, rng: np.random.Generator) -> list[int]:
    """Return frames without 1 to 3 of them here and there."""
    kept = np.ones(count, bool)
    for at in np.flatnonzero(rng.random(count) < 0.06):
        kept[at : at + int(rng.integers(1, 4))] = False
    return np.flatnonzero(kept).tolist()


def _slow(count: int, rng: np.random.Generator) -> list[int]:
    """Return frames of a source of another rate."""
    rate = int(rng.choice([8, 10, 12, 15, 20, 24]))
    return [int(int((at + 0.5) * rate / GRID_FPS) * GRID_FPS / rate) for at in range(count)]


def _uneven(count: int, rng: np.random.Generator) -> list[int]:
    """Return frames each of which is shown for 1 to 3 frames."""
    order: list[int] = []
    while len(order) < count:
        order += [len(order)] * int(rng.integers(1, 4))
    return order[:count]


def _bump(moved_by: np.ndarray, rng: np.random.Generator) -> None:
    """Push the camera, which swings back, here and there."""
    times = np.arange(25)
    for at in rng.integers(5, len(moved_by) - 30, max(len(moved_by) // 60, 1)):
        fall, period, begin = rng.uniform(2, 6), rng.uniform(3, 9), rng.uniform(0, 6)
        swung = np.exp(-times / fall) * np.cos(2 * np.pi * times / period + begin)
        swung[0] *= rng.uniform(0.3, 1)
        moved_by[at : at + 25] += swung[:, None] * rng.uniform(0.005, 0.03) * rng.normal(0, 1, 2)
    np.clip(moved_by, -0.9 * MARGIN, 0.9 * MARGIN, out=moved_by)


def _zoom(scales: np.ndarray, rng: np.random.Generator) -> None:
    """Zoom by up to a tenth within 4 to 12 frames, here and there."""
    for at in rng.integers(5, len(scales) - 30, max(len(scales) // 60, 1)):
        length, before, after = int(rng.integers(4, 13)), scales[at], 1 + rng.uniform(0, 0.1)
        scales[at : at + length] = before + (after - before) * (1 - np.cos(np.pi * np.arange(length) / length)) / 2
        scales[at + length :] = after


def _write_captions(pictures: Sequence[np.ndarray], rng: np.random.Generator) -> None:
    """Write a word or two at a time, for 4 to 15 frames each."""
    height, width = pictures[0].shape[:2]
    at, bottom, size, in_box = 0, int(height * rng.uniform(0.3, 0.9)), rng.uniform(0.8, 1.6), rng.random() < 0.5
    while at < len(pictures):
        length, word = int(rng.integers(4, 16)), str(rng.choice(WORDS))
        (wide, tall), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, size, 4)
        left = (width - wide) // 2
        for picture in pictures[at : at + length]:
            if in_box:
                cv2.rectangle(picture, (left - 8, bottom - tall - 8), (left + wide + 8, bottom + 12), (0, 0, 0), -1)
            else:
                cv2.putText(picture, word, (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 9)
            cv2.putText(picture, word, (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), 4)
        at += length + int(rng.integers(0, 3))


def _switch_light(pictures: list[np.ndarray], rng: np.random.Generator) -> None:
    """Make all of the picture, or a part, up to a fifth lighter or darker for 12 to 49 frames, here and there."""
    height, width = pictures[0].shape[:2]
    y, x = np.mgrid[:height, :width]
    at = int(rng.integers(15, 35))
    while at < len(pictures):
        field = np.float32(rng.choice([-1, 1]) * rng.uniform(0.02, 0.2))
        if rng.random() < 0.5:
            far = (x - rng.uniform(0, width)) ** 2 + (y - rng.uniform(0, height)) ** 2
            field = field * np.exp(-far / (2 * (width * rng.uniform(0.3, 1)) ** 2)).astype(np.float32)[..., None]
        stop = at + int(rng.integers(12, 50))
        for frame in range(at, min(stop, len(pictures))):
            pictures[frame] = (pictures[frame] * (1 + field)).clip(0, 255).astype(np.uint8)
        at = stop + int(rng.integers(12, 40))


def _put_in(pictures: Sequence[np.ndarray], rng: np.random.Generator) -> None:
    """Lay another picture over 15 to 40 percent of these, at an edge, for 12 to 49 frames, here and there."""
    height, width = pictures[0].shape[:2]
    at = int(rng.integers(15, 35))
    while at < len(pictures):
        share = rng.uniform(0.15, 0.4)
        tall, wide = (height, round(width * share)) if rng.random() < 0.5 else (round(height * share), width)
        y, x = int(rng.choice([0, height - tall])), int(rng.choice([0, width - wide]))
        other = cv2.resize(
            rng.integers(0, 255, (4, 6, 3)).astype(np.uint8), (wide, tall), interpolation=cv2.INTER_CUBIC
        )
        stop = at + int(rng.integers(12, 50))
        for picture in pictures[at:stop]:
            picture[y : y + tall, x : x + wide] = other
        at = stop + int(rng.integers(12, 40))


ORDERS: dict[str, Callable[[int, np.random.Generator], list[int]]] = {
    "frozen": _frozen,
    "dropped": _dropped,
    "slow": _slow,
    "uneven": _uneven,
}
"""By kind, which frame of the shot each frame of the film shows."""

CHANGES: dict[str, Callable[[list[np.ndarray], np.random.Generator], None]] = {
    "captions": _write_captions,
    "light": _switch_light,
    "put in": _put_in,
}
"""By kind, what is done to the pictures of the film."""

KINDS = ("poor", *ORDERS, "bumped", "zoomed", *CHANGES)
"""Disturbances; ``poor``: x264 at a quality of 36 with a key frame each second."""
