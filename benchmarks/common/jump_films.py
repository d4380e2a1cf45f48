"""Films of one person with jump cuts, composed of shots of the footage.

A jump cut takes seconds out of a shot: the person jumps to another pose, and the picture may be shifted or enlarged
with it. Every other film is held by hand, so that its camera jumps, too.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import av
import cv2
import numpy as np

from benchmarks.common.flash_films import Span
from pipeline.media.decode import read_frames
from pipeline.media.probe import probe
from pipeline.types import GRID_FPS

WIDTH_PX = 384
"""Width of the films; their height is that of the footage to scale."""

MARGIN = 0.04
"""Share of the picture on each side by which the camera may be moved."""

SHIFT, PUNCH = (0.01, 0.03), (0.02, 0.1)
"""Smallest and largest shift, as a share of the width, and enlargement, less 1."""

PIECE_FRAMES = (25, 50)
"""Shortest time between two jumps, and one frame more than the longest."""

REMOVED_S = (0.5, 1.0, 2.0, 5.0)
"""Lengths taken out."""

CRFS = (18, 23, 28, 32)
"""Qualities of H.264."""

Framing = Literal["same", "shifted", "enlarged"]
"""Change of the framing that comes with a jump."""

FRAMINGS: tuple[Framing, ...] = get_args(Framing)

CHOSEN = (
    Span("retalking_face1.mp4", 0, 150),
    Span("retalking_face2.mp4", 0, 125),
    Span("retalking_face3.mp4", 0, 125),
    Span("latentsync_demo1.mp4", 0, 250),
    Span("talknet_pycrop_00000.avi", 0, 400),
    Span("talknet_pycrop_00003.avi", 0, 740),
    Span("grid/s1_bbaf2n.mpg", 0, 75),
)
"""Shots of people that limits were chosen with."""

HELD_OUT = (
    Span("retalking_face4.mp4", 0, 165),
    Span("retalking_face5.mp4", 0, 122),
    Span("latentsync_demo3.mp4", 226, 500),
    Span("liveportrait_d10.mp4", 0, 370),
    Span("musetalk_yongen_no_audio.mp4", 0, 268),
    Span("kennedy_wav2lip.mp4", 0, 170),
    Span("syncnet_example.avi", 0, 317),
    Span("lightasd_pycrop_00000.avi", 0, 770),
    Span("lightasd_pycrop_00001.avi", 0, 770),
)
"""Shots of other people."""


@dataclass(frozen=True, slots=True)
class Jump:
    """One jump cut."""

    frame: int
    """First frame after it."""
    removed_s: float
    framing: Framing


@dataclass(frozen=True, slots=True)
class JumpFilm:
    """A composed film."""

    name: str
    pictures: list[np.ndarray]
    """(H, 384, 3) uint8 BGR each."""
    jumps: tuple[Jump, ...]
    crf: int


def compose(footage: Path, span: Span, number: int) -> JumpFilm:
    """Compose film *number* of a shot; the same for the same arguments."""
    rng = np.random.default_rng([number, *span.name.encode()])
    shot, count = pictures_of(footage / span.name, span), span.stop - span.first
    moved_by = swing(count, rng) if number % 2 else np.zeros((count, 2))
    at, shift, scale = int(rng.integers(count)), np.zeros(2), 1.0
    pictures: list[np.ndarray] = []
    jumps: list[Jump] = []
    wanted = min(max(count, 150), 400)
    while True:
        length = int(rng.integers(*PIECE_FRAMES))
        at = min(at, count - length)
        pictures += [framed(shot[frame], moved_by[frame] + shift, scale) for frame in range(at, at + length)]
        if len(pictures) >= wanted:
            return JumpFilm(f"{Path(span.name).stem}-{number}", pictures, tuple(jumps), CRFS[number % len(CRFS)])
        # A jump back looks like one forward: short shots give more of them so.
        end, last = at + length, count - PIECE_FRAMES[1]
        jumps_s = ((removed_s, end + way * round(removed_s * GRID_FPS)) for removed_s in REMOVED_S for way in (-1, 1))
        ways = [(removed_s, begin) for removed_s, begin in jumps_s if 0 <= begin <= last]
        removed_s, at = ways[int(rng.integers(len(ways)))]
        framing = FRAMINGS[int(rng.integers(len(FRAMINGS)))]
        if framing == "shifted":
            way = rng.uniform(0, 2 * np.pi)
            moved = rng.uniform(*SHIFT) * np.array([np.cos(way), np.sin(way)])
            # From one side to the other, no further: the picture has margins.
            shift = -moved if float(shift @ moved) > 0 else moved
        elif framing == "enlarged":
            scale = 1.0 if scale > 1.0 else 1 + float(rng.uniform(*PUNCH))
        jumps.append(Jump(len(pictures), removed_s, framing))


def framed(picture: np.ndarray, shift: np.ndarray, scale: float) -> np.ndarray:
    """Cut the picture that a camera shows, which is moved by *shift*, in widths, and enlarged."""
    height, width = picture.shape[:2]
    part = np.array([width, height]) * (1 - 2 * MARGIN) / scale
    left, top = np.array([width, height]) / 2 - part / 2 + shift * width
    size = WIDTH_PX, round(WIDTH_PX * height / width / 2) * 2
    zoom = size[0] / part[0]
    move = np.array([[zoom, 0, -left * zoom], [0, zoom, -top * zoom]])
    return cv2.warpAffine(picture, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def write(pictures: Sequence[np.ndarray], path: Path, crf: int, gop: int = 250) -> None:
    """Write pictures as H.264 at 25 frames a second, with a key frame every *gop* frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=GRID_FPS, options={"crf": str(crf), "preset": "veryfast"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.gop_size = "yuv420p", gop
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))


def swing(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return (count, 2) float64: the way of a camera that is held by hand, in widths."""
    periods, begins = rng.uniform(30, 120, 2), rng.uniform(0, 1, 2)
    slow = np.sin(2 * np.pi * (np.arange(count)[:, None] / periods + begins)) * rng.uniform(0.003, 0.015)
    shaken = cv2.GaussianBlur(rng.normal(0, 1, (count, 2)), (1, 0), sigmaX=1, sigmaY=2)
    return slow + 0.001 * shaken


@functools.lru_cache(maxsize=4)
def pictures_of(path: Path, span: Span) -> list[np.ndarray]:
    """Return the frames of *span*, no wider than `WIDTH_PX` needs."""
    pictures: list[np.ndarray] = []
    for frame, picture in enumerate(read_frames(probe(path))):
        if frame >= span.stop:
            break
        if frame >= span.first:
            factor = min(WIDTH_PX * 1.15 / picture.shape[1], 1.0)
            size = round(picture.shape[1] * factor), round(picture.shape[0] * factor)
            pictures.append(cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if factor < 1 else picture.copy())
    return pictures
