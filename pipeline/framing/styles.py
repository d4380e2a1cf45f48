"""Styles of clips by name: the shape of a clip, the place of the face in it, and the calm of the camera."""

from __future__ import annotations

from dataclasses import dataclass

PORTRAIT_SHAPE = (9, 16)
"""Ratio of width to height."""

PORTRAIT_WIDTH_PX = 1080
"""The usual width of 9:16 video; ``auto`` does not go beyond it."""


MOST_ENLARGED = 2
"""Pixels of an upright video that one pixel of its source may become for the sake of its size."""


@dataclass(frozen=True, slots=True)
class Style:
    """Framing of a face. Lengths are in halves of the face box's longer side or of the window's height."""

    size_px: int
    """Shorter side of the clip where none is asked for."""
    scale: float
    """Margin around the face, in half boxes, where none is asked for."""
    lift: float
    """Height of the middle of the face above the middle of the window, in half heights, where there is room."""
    place_sigma_frames: float
    """Low-pass of the camera's path, in grid frames."""
    size_sigma_frames: float
    """Low-pass of the window's size, in grid frames."""
    most_enlarged: float
    """Pixels of the clip that one pixel of the source may become for the sake of a small face."""


STYLES = {
    # 0.12 s takes out the trembling of the detector (some hertz) and still follows a nod; a camera that breathes is
    # seen before one that moves, so the size is slower. A set for lip reading has faces of one size: no limit.
    "face": Style(224, 0.4, 0.0, 3.0, 10.0, float("inf")),
    # The face is 2/5 of the side; half a face of hair and air above it, a whole one of neck and shoulders below.
    "head": Style(512, 1.5, 0.2, 8.0, 25.0, float("inf")),
    # The face is a sixth of the height, its middle on the upper third. As calm as an operated camera: 0.8 s.
    "portrait": Style(PORTRAIT_WIDTH_PX, 5.0, 1 / 3, 20.0, 50.0, 1.5),
}
"""The styles with a camera; ``full`` has none."""


def clip_size_px(style: str, picture_px: tuple[int, int], wanted: int | str) -> tuple[int, int]:
    """Return width and height of a clip's picture, both even.

    Args:
        style: its name.
        picture_px: width and height of the source.
        wanted: its shorter side; ``auto`` is the style's own, which never enlarges the picture for ``full`` and
            ``portrait``.
    """
    width, height = picture_px
    if style == "full":
        factor = 1.0 if isinstance(wanted, str) else wanted / min(picture_px)
        return _even(width * factor), _even(height * factor)
    if style == "portrait":
        across, along = PORTRAIT_SHAPE
        if isinstance(wanted, str):
            wanted = min(PORTRAIT_WIDTH_PX, int(min(width, height * across / along)) // 2 * 2)
        return max(wanted, 2), _even(wanted * along / across)
    side = STYLES[style].size_px if isinstance(wanted, str) else wanted
    return side, side


def upright_size_px(content_px: tuple[int, int], wanted: int | str) -> tuple[int, int]:
    """Return width and height of an upright video, both even, of a whole source.

    Args:
        content_px: width and height of the source's picture without black bars.
        wanted: its width; ``auto`` is `PORTRAIT_WIDTH_PX` where no pixel of the source becomes more than
            `MOST_ENLARGED` of its own, else the largest for which that holds.
    """
    across, along = PORTRAIT_SHAPE
    if isinstance(wanted, str):
        crop_px = min(content_px[0], content_px[1] * across / along)
        wanted = min(PORTRAIT_WIDTH_PX, int(MOST_ENLARGED * crop_px) // 2 * 2)
    wanted = max(wanted, 2)
    return wanted, _even(wanted * along / across)


def _even(length: float) -> int:
    """Return the even number next to *length*, 2 at least."""
    return max(round(length / 2) * 2, 2)
