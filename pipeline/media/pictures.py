"""Decoded frames as 8-bit BGR arrays as displayed: size, rotation, range, matrix, and HDR mapped to SDR.

Alpha is left out: the colours below it are shown as if nothing were transparent.
"""

from __future__ import annotations

import functools

import av.video.frame
import av.video.stream
import cv2
import numpy as np
from av.video.reformatter import ColorTrc, VideoReformatter

from pipeline.media.probe import display_size
from pipeline.types import Probe

PEAK_NITS = 1000.0
"""Brightest light of an HDR picture that differs from white: that of the screens on which most are made."""

WHITE_NITS = 203.0
"""Light of a white sheet in an HDR picture, by ITU-R BT.2408: it becomes nearly the white of an SDR picture."""

BT2020_TO_BT709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]], np.float32
)
"""Matrix from linear RGB of the wide primaries to that of the ordinary ones, ITU-R BT.2087."""


class Pictures:
    """Decoded frames as displayed BGR arrays; a frame that is shown again is converted once."""

    def __init__(self, stream: av.video.stream.VideoStream, probe: Probe, size_px: tuple[int, int] | None) -> None:
        self._reformatter = VideoReformatter()
        self._turns = probe.rotation_deg // 90
        width, height, _, _ = display_size(stream, probe.rotation_deg)
        if size_px is not None:
            width, height = size_px if self._turns % 2 == 0 else size_px[::-1]
        self._width, self._height = width, height
        self._frame: av.video.frame.VideoFrame | None = None
        self._picture = np.empty((0, 0, 3), np.uint8)

    def of(self, frame: av.video.frame.VideoFrame) -> np.ndarray:
        """Return an (H, W, 3) uint8 view of *frame* as displayed."""
        if frame is not self._frame:
            if frame.color_trc in (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67):
                picture = ordinary(self._converted(frame, "bgr48le", np.dtype("<u2")), frame.color_trc)
            else:
                picture = self._converted(frame, "bgr24", np.dtype(np.uint8))
            self._frame, self._picture = frame, np.rot90(picture, -self._turns)
        return self._picture

    def _converted(self, frame: av.video.frame.VideoFrame, name: str, dtype: np.dtype) -> np.ndarray:
        bgr = self._reformatter.reformat(frame, self._width, self._height, name)
        plane = bgr.planes[0]
        rows = np.frombuffer(memoryview(plane), dtype).reshape(plane.height, plane.line_size // dtype.itemsize)
        return rows[:, : 3 * self._width].reshape(self._height, self._width, 3)


def ordinary(picture: np.ndarray, transfer: int) -> np.ndarray:
    """Map an HDR picture to an ordinary screen.

    Light up to about half of a white sheet's stays as it is; above, it is compressed, so that the brightest becomes
    white: the curve of ITU-R BT.2390 for each channel, then the ordinary primaries and a gamma of 2.4.

    Args:
        picture: (H, W, 3) uint16 BGR in the PQ or HLG code, full range, BT.2020 primaries.
        transfer: number of the code, PQ or HLG, in FFmpeg.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    wide = _light_of_codes(transfer)[picture]
    narrow = cv2.transform(wide, np.ascontiguousarray(BT2020_TO_BT709[::-1, ::-1]))
    shown = cv2.pow(np.clip(narrow, 0.0, 1.0), 1 / 2.4)
    return cv2.convertScaleAbs(shown, alpha=255.0)


@functools.cache
def _light_of_codes(transfer: int) -> np.ndarray:
    """Return (65536,) float32 light for each code of 16 bits; 1 is white on an ordinary screen."""
    code = np.arange(65536) / 65535.0
    if transfer == ColorTrc.ARIB_STD_B67:
        return (_pressed(_pq_of(_hlg_nits(code))) / WHITE_NITS).astype(np.float32)
    return (_pressed(code) / WHITE_NITS).astype(np.float32)


M1, M2 = 2610 / 16384, 2523 / 32
C1, C2, C3 = 3424 / 4096, 2413 / 128, 2392 / 128
"""Constants of the PQ curve, SMPTE ST 2084."""


def _pq_of(nits: np.ndarray | float) -> np.ndarray:
    """Return the PQ code, 0 to 1, of light in candela to the square metre."""
    part = np.power(np.asarray(nits) / 10000.0, M1)
    return np.power((C1 + C2 * part) / (1 + C3 * part), M2)


def _nits_of(code: np.ndarray) -> np.ndarray:
    """Return the light of a PQ code, in candela to the square metre."""
    part = np.power(code, 1 / M2)
    return 10000.0 * np.power(np.maximum(part - C1, 0) / (C2 - C3 * part), 1 / M1)


def _hlg_nits(code: np.ndarray) -> np.ndarray:
    """Return the light of an HLG code on a screen of 1000 nits, ITU-R BT.2100; system gamma 1.2 acts on each
    channel."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return 1000.0 * np.power(scene, 1.2)


def _pressed(code: np.ndarray) -> np.ndarray:
    """Return the light of PQ codes, compressed from `PEAK_NITS` to `WHITE_NITS` by the spline of ITU-R BT.2390."""
    peak = _pq_of(PEAK_NITS)
    most = _pq_of(WHITE_NITS) / peak
    knee = 1.5 * most - 0.5
    share = np.minimum(code / peak, 1.0)
    t = np.maximum(share - knee, 0) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return _nits_of(np.where(share < knee, share, spline) * peak)
