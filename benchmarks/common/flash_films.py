"""Films with exact cuts and flashes, composed of shots of the footage.

Each film is four shots one after another, with light put on some of its frames: nothing, single white pictures, bursts
as of press photographers, or a strobe light. The light of a flash falls off from a place in the picture, lasts one to
three frames of other strength, and may miss the rows that a rolling shutter has read before it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np

from pipeline.media.decode import read_frames
from pipeline.media.encode import write_clip
from pipeline.media.probe import probe
from pipeline.types import AUDIO_RATE_HZ, GRID_FPS, SAMPLES_PER_FRAME

SIZE_PX = (384, 216)
"""Width and height of the films."""

WIDE_PX = (480, 270)
"""Width and height of the part of the footage that a camera may look at."""

SHOTS = 4
"""Shots of a film."""

SHOT_FRAMES = (40, 76)
"""Shortest length of a shot, and one more than the longest."""

BURST_FRAMES = (20, 60)
"""Shortest length of a burst of flashes, and one more than the longest."""

GAMMA = 2.2
"""From the levels of a picture to light."""

Kind = Literal["none", "white", "press", "strobe"]
"""Light of a film; ``white``: single pictures of one colour; ``press``: bursts of flashes; ``strobe``: on and off."""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Span:
    """Frames of one file of the footage that are one shot."""

    name: str
    first: int
    stop: int


CHOSEN = (
    Span("retalking_face1.mp4", 0, 150),
    Span("retalking_face2.mp4", 0, 125),
    Span("retalking_face3.mp4", 0, 125),
    Span("latentsync_demo1.mp4", 0, 250),
    Span("talknet_pycrop_00000.avi", 0, 400),
    Span("avobjects_debate_wide_two_speakers.mp4", 0, 750),
    Span("pyscenedetect_issue195_voiceover.mp4", 75, 165),
    Span("pyscenedetect_issue195_voiceover.mp4", 305, 415),
    Span("pyscenedetect_issue195_voiceover.mp4", 490, 625),
    Span("cosmos_curate_30s_no_audio.mp4", 105, 165),
    Span("grid/s1_bbaf2n.mpg", 0, 75),
)
"""Shots that limits were chosen with."""

HELD_OUT = (
    Span("retalking_face4.mp4", 0, 165),
    Span("retalking_face5.mp4", 0, 122),
    Span("latentsync_demo3.mp4", 0, 500),
    Span("liveportrait_d10.mp4", 0, 370),
    Span("musetalk_yongen_no_audio.mp4", 0, 268),
    Span("kennedy_wav2lip.mp4", 0, 170),
    Span("syncnet_example.avi", 0, 317),
    Span("lightasd_pycrop_00000.avi", 0, 770),
    Span("lightasd_pycrop_00001.avi", 0, 770),
    Span("short_hamilton_clip.mp4", 71, 174),
    Span("short_hamilton_clip.mp4", 178, 229),
)
"""Shots of other people and places."""


@dataclass(frozen=True, slots=True)
class FlashFilm:
    """A composed film."""

    name: str
    pictures: list[np.ndarray]
    """(216, 384, 3) uint8 BGR each."""
    cuts: tuple[int, ...]
    """First frame of each shot but the first."""
    lit: np.ndarray
    """(F,) bool: True for frames on which there is other light."""


def compose(footage: Path, spans: Sequence[Span], kind: Kind, number: int) -> FlashFilm:
    """Compose film *number* of a *kind*; the same for the same arguments."""
    rng = np.random.default_rng([KINDS.index(kind), number, len(spans)])
    chosen = [spans[at] for at in rng.choice(len(spans), SHOTS, replace=False)]
    pictures: list[np.ndarray] = []
    cuts: list[int] = []
    for span in chosen:
        length = min(int(rng.integers(*SHOT_FRAMES)), span.stop - span.first)
        first = span.first + int(rng.integers(span.stop - span.first - length + 1))
        if pictures:
            cuts.append(len(pictures))
        shown = _shot(footage / span.name, span)[first - span.first : first - span.first + length]
        pictures += _filmed(shown, rng)
    lit = np.zeros(len(pictures), bool)
    if kind == "white":
        _whites(pictures, cuts, lit, rng)
    elif kind != "none":
        for first, stop in _bursts(cuts, len(pictures), rng):
            fields = (_press if kind == "press" else _strobe)(stop - first, rng)
            for frame, field in zip(range(first, stop), fields, strict=True):
                if field is not None:
                    pictures[frame], lit[frame] = _lighted(pictures[frame], *field), True
    return FlashFilm(f"{kind}-{number}", pictures, tuple(cuts), lit)


def write(film: FlashFilm, path: Path) -> None:
    """Write the film as H.264 at 25 frames a second, with silence."""
    write_clip(
        path,
        film.pictures,
        size_px=SIZE_PX,
        rate=Fraction(GRID_FPS),
        sound=np.zeros((len(film.pictures) * SAMPLES_PER_FRAME, 1), np.int16),
        sound_rate_hz=AUDIO_RATE_HZ,
        crf=20,
        preset="veryfast",
    )


@functools.lru_cache(maxsize=32)
def _shot(path: Path, span: Span) -> list[np.ndarray]:
    """Return the frames of *span*, cut to the middle at `WIDE_PX`."""
    pictures: list[np.ndarray] = []
    for frame, picture in enumerate(read_frames(probe(path))):
        if frame >= span.stop:
            break
        if frame >= span.first:
            pictures.append(_cover(picture))
    return pictures


def _cover(picture: np.ndarray) -> np.ndarray:
    """Cut the largest part of the shape of `WIDE_PX` out of a picture, a little above its middle, and scale it."""
    (width, height), (tall, wide) = WIDE_PX, picture.shape[:2]
    factor = max(width / wide, height / tall)
    size = max(round(wide * factor), width), max(round(tall * factor), height)
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    left, top = (size[0] - width) // 2, round((size[1] - height) * 0.4)
    return np.ascontiguousarray(scaled[top : top + height, left : left + width])


def _filmed(pictures: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Show a shot at `SIZE_PX` as a camera would: every other one held by hand, and every other one in the dark."""
    count, margin = len(pictures), np.subtract(WIDE_PX, SIZE_PX) / 2
    light = float(rng.uniform(0.02, 0.3)) if rng.random() < 0.5 else 1.0
    paths = np.zeros((count, 2))
    if rng.random() < 0.5:
        periods, begins = rng.uniform(30, 90, 2), rng.uniform(0, 1, 2)
        swing = np.sin(2 * np.pi * (np.arange(count)[:, None] / periods + begins))
        paths = swing * rng.uniform(0.3, 0.9) * margin + rng.normal(0, 0.6, (count, 2))
    shown: list[np.ndarray] = []
    for picture, (x, y) in zip(pictures, paths + margin, strict=True):
        move = np.array([[1, 0, -x], [0, 1, -y]])
        part = cv2.warpAffine(picture, move, SIZE_PX, borderMode=cv2.BORDER_REPLICATE)
        shown.append(part if light == 1.0 else _lighted(part, np.float32(light), 0.0))
    return shown


def _whites(pictures: list[np.ndarray], cuts: Sequence[int], lit: np.ndarray, rng: np.random.Generator) -> None:
    """Put one to three white pictures before, at or after each cut, and into the middle of each shot."""
    places = [cut + int(rng.choice([-3, -2, -1, 0, 1, 2, 3])) for cut in cuts]
    edges = [0, *cuts, len(pictures)]
    places += [(first + stop) // 2 for first, stop in pairwise(edges)]
    for place in places:
        level = int(rng.integers(225, 256))
        for frame in range(place, place + int(rng.integers(1, 4))):
            pictures[frame], lit[frame] = np.full_like(pictures[frame], level), True


def _bursts(cuts: Sequence[int], stop: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Return first and last frame of the bursts: one over each of two cuts, and one without any, in order."""
    spans: list[tuple[int, int]] = []
    for cut in sorted(rng.choice(cuts, 2, replace=False).tolist()):
        length = int(rng.integers(*BURST_FRAMES))
        # A quarter of the bursts begin with the cut, or end with it.
        share = float(rng.choice([0.0, 1.0, *rng.uniform(0.1, 0.9, 6)]))
        first = max(cut - round(share * length), 0)
        spans.append((first, min(first + length, stop)))
    edges = [0, *cuts, stop]
    for first, end in pairwise(edges):
        middle = (first + end) // 2
        if all(middle + 14 < begin or last < middle - 14 for begin, last in spans):
            spans.append((middle - 10, middle + 10))
            break
    return sorted(spans)


Field = tuple[np.ndarray, float]
"""(216, 384, 1) float32 light by which that of each point is multiplied, and light that is added everywhere."""


def _press(length: int, rng: np.random.Generator) -> list[Field | None]:
    """Return the light on each frame of a burst of flashes: 3 to 8 a second, of 1 to 3 frames each."""
    gains = [np.zeros((SIZE_PX[1], SIZE_PX[0], 1), np.float32) for _ in range(length)]
    hazes = np.zeros(length)
    for start in sorted({0, *rng.integers(0, length, round(length * rng.uniform(0.12, 0.32))).tolist()}):
        field = _field(rng) * float(np.exp(rng.uniform(0.0, 3.5)))
        for late in range(int(rng.integers(1, 4))):
            if start + late < length:
                strength = 1.0 if late == 0 else float(rng.uniform(0.2, 1.0))
                part = field * strength
                if late == 0 and rng.random() < 0.3:
                    part = part.copy()
                    part[: int(rng.integers(SIZE_PX[1]))] = 0
                gains[start + late] += part
                hazes[start + late] += strength * float(rng.uniform(0, 0.1))
    return [(1 + gain, float(haze)) if gain.any() or haze else None for gain, haze in zip(gains, hazes, strict=True)]


def _strobe(length: int, rng: np.random.Generator) -> list[Field | None]:
    """Return the light on each frame under a strobe light: off and on for 1 to 4 frames each, from one place."""
    off, on = (int(rng.integers(1, 5)) for _ in range(2))
    field, haze = 1 + _field(rng) * float(np.exp(rng.uniform(0.5, 3.5))), float(rng.uniform(0, 0.1))
    return [(field, haze) if frame % (off + on) < on else None for frame in range(length)]


def _field(rng: np.random.Generator) -> np.ndarray:
    """Return the light of one flash, 1 where it is brightest."""
    width, height = SIZE_PX
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    middle = rng.uniform(0, width), rng.uniform(0, height)
    radius = rng.uniform(0.2, 1.0) * width
    far = ((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (2 * radius**2)
    return np.exp(-far).astype(np.float32)[..., None]


def _lighted(picture: np.ndarray, gain: np.ndarray | np.float32, haze: float) -> np.ndarray:
    light = (picture.astype(np.float32) / 255) ** GAMMA * gain + haze
    return (np.clip(light, 0, 1) ** (1 / GAMMA) * 255).round().astype(np.uint8)
