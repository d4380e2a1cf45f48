"""Single pictures for people: the poster of a clip, and chosen frames of a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import av.error
import av.video.frame
import cv2
import numpy as np

from pipeline.errors import InputError
from pipeline.media.decode import read_frames
from pipeline.media.probe import opened, packets, picture_stream
from pipeline.types import GRID_FPS, Probe

POSTER_PX = 112
"""Longer side of a poster, in pixels: half of the default clip."""

POSTER_QUALITY = 70
"""JPEG quality of a poster: about 3 kB."""

LIT_MEAN, LIT_SPREAD = 40.0, 10.0
"""Least mean and standard deviation of the luma, of 255, of a lit frame: neither black, nor one grey."""

LOOKED_AT = 25
"""Frames from the start of a clip among which its poster is chosen."""

JOINED_GAP_FRAMES = 3 * GRID_FPS
"""Distance up to which wanted frames are decoded in one go: key frames are seldom closer, so a seek saves nothing."""


def clip_poster(path: Path, first_frame: int = 0) -> bytes | None:
    """Return a small JPEG of the clip at *path*: its first frame that is lit, or the brightest of a second.

    Args:
        path: the clip.
        first_frame: first frame with the speaker in view, where the search begins.

    Returns:
        The bytes of the file; None where no picture can be read.
    """
    best: tuple[float, np.ndarray] | None = None
    try:
        for picture in _pictures(path, first_frame, first_frame + LOOKED_AT):
            luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
            mean = float(luma.mean())
            if best is None or mean > best[0]:
                best = mean, picture
            if mean >= LIT_MEAN and float(luma.std()) >= LIT_SPREAD:
                best = mean, picture
                break
    except InputError:
        pass
    return None if best is None else jpeg(_fitted(best[1], POSTER_PX), POSTER_QUALITY)


def pictures_at(probe: Probe, frames: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the pictures of some frames of the 25 fps grid, decoding little more than their surroundings.

    Args:
        probe: the file.
        frames: grid frames in any order; each is given once.

    Yields:
        Frame, ascending, and (H, W, 3) uint8 BGR picture as displayed: a view that holds until the next one is asked
        for. Frames that the picture does not reach are left out.

    Raises:
        InputError: those of `pipeline.media.decode.read_frames`.
    """
    wanted = sorted(set(frames))
    for first, last, chosen in _spans(wanted):
        for index, picture in enumerate(read_frames(probe, first, last + 1), first):
            if index in chosen:
                yield index, picture


def jpeg(picture: np.ndarray, quality: int) -> bytes:
    """Return an (H, W, 3) uint8 BGR *picture* as the bytes of a JPEG file."""
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"jpeg: a picture of {picture.shape} could not be encoded")
    return encoded.tobytes()


def _spans(wanted: list[int]) -> Iterator[tuple[int, int, frozenset[int]]]:
    """Return the first, the last and all frames of each stretch without a gap of more than `JOINED_GAP_FRAMES`."""
    start = 0
    for i in range(1, len(wanted) + 1):
        if i == len(wanted) or wanted[i] - wanted[i - 1] > JOINED_GAP_FRAMES:
            yield wanted[start], wanted[i - 1], frozenset(wanted[start:i])
            start = i


def _pictures(path: Path, first_frame: int, stop_frame: int) -> Iterator[np.ndarray]:
    index = 0
    with opened(path) as container:
        stream = picture_stream(container, path)
        try:
            for packet in packets(container, stream):
                for frame in packet.decode():
                    assert isinstance(frame, av.video.frame.VideoFrame)
                    if index >= first_frame:
                        yield frame.to_ndarray(format="bgr24")
                    index += 1
                    if index == stop_frame:
                        return
        except av.error.FFmpegError as error:
            raise InputError("undecodable", f"its picture cannot be decoded ({error})", path) from error


def _fitted(picture: np.ndarray, longest_px: int) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = longest_px / max(height, width)
    if scale >= 1:
        return picture
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
