"""Size and number of the pictures that vision is handed: the same through a ring and without one."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.types import Probe, analysed_size

MAX_FRAMES = 256
"""Most pictures in a ring, however small: decoding further ahead brings nothing."""


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """The pictures of one video in its ring."""

    width_px: int
    height_px: int
    scale: float
    """Source pixels to one of theirs: 1 unless the source is too large for the ring."""
    capacity: int
    """Number of pictures that fit."""

    @property
    def frame_bytes(self) -> int:
        return self.width_px * self.height_px * 3


def most_pixels(ring_bytes: int, least: int) -> int:
    """Return how many pixels a picture may have of which *least* fit into the ring."""
    return ring_bytes // (3 * least)


def fit(probe: Probe, ring_bytes: int, least: int) -> PictureFormat:
    """Return the largest size at which *least* pictures fit into the ring, at most that of the source.

    Raises:
        ValueError: not even pictures of one pixel fit.
    """
    width, height = analysed_size(probe.width_px, probe.height_px, most_pixels(ring_bytes, least))
    capacity = ring_bytes // (width * height * 3)
    if capacity < least:
        raise ValueError(f"fit: expected room for {least} pictures in {ring_bytes} bytes, got {capacity}")
    return PictureFormat(width, height, probe.width_px / width, min(capacity, max(least, MAX_FRAMES)))
