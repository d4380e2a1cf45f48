"""Captions as Advanced SubStation Alpha, and the filter of ffmpeg in which libass draws them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pysubs2 import Alignment, Color, SSAEvent, SSAFile, SSAStyle

from pipeline.outputs.subtitles import COLOURS_RGB, OFF_SCREEN_RGB, RIGHT_TO_LEFT_MARK, ass_escaped, speaker_label
from pipeline.render.caption_groups import Caption
from pipeline.render.caption_text import Line, first_is_rightward
from pipeline.render.captions import EM_SHARE, OUTLINE_SHARE, Captions
from pipeline.render.fonts import Font, used_files
from pipeline.render.reframe import NO_OVERLAY, Overlay
from pipeline.types import GRID_FPS

UNSAID_TINT, UNSAID_LIGHT = 0.35, 0.6
"""Colour of a word that is not said yet: this share of the speaker's, the rest grey of that share of its light. Darker
ones were hard to read before their outline."""

LEFT_TO_RIGHT_MARK = "\u200e"

BASE_DIRECTION_OF_TEXT = -1
"""Encoding of a style with which libass takes the direction of a line from its text."""

CAPTION_FILTER = "ass"
"""Filter of ffmpeg that draws them, which not every ffmpeg has."""


def ass_text(captions: Captions, begin_s: float = 0.0) -> str:
    """Return captions as Advanced SubStation Alpha on a picture of the video's size, with a style for each speaker.

    Args:
        captions: of the video.
        begin_s: time of the written video's first picture, in seconds after the first video frame of the source.
    """
    width, height = captions.size_px
    file = SSAFile()
    size = {"PlayResX": str(width), "PlayResY": str(height), "LayoutResX": str(width), "LayoutResY": str(height)}
    file.info.update(size | {"WrapStyle": "2", "ScaledBorderAndShadow": "yes", "YCbCr Matrix": "None"})
    font = captions.fonts[0] if captions.placed else None
    speakers = dict.fromkeys(each.caption.speaker for each in captions.placed)
    file.styles = {speaker_label(speaker): _style(speaker, font, width) for speaker in speakers} or {
        "Default": SSAStyle()
    }
    across = round((captions.area_px[0] + captions.area_px[2]) / 2)
    for each in captions.placed:
        start, end = (_centis(time_s - begin_s) for time_s in (each.start_s, each.end_s))
        if end <= max(start, 0):
            continue
        start = max(start, 0)
        text = f"{{\\pos({across},{round(each.bottom_px)})}}" + _karaoke(each.caption, start, begin_s, font, width)
        style = speaker_label(each.caption.speaker)
        file.append(SSAEvent(start * 10, end * 10, text, style=style, name=style))
    return file.to_string("ass")


def _karaoke(caption: Caption, start: int, begin_s: float, font: Font | None, width: int) -> str:
    """Return the text of a caption that is shown from *start*, in hundredths of a second, with the time of each word.

    A word that is read from right to left lights up at once: libass sweeps from left to right.
    """
    parts: list[str] = []
    now = start
    for number, line in enumerate(caption.lines):
        parts += [r"\N"] if number else []
        if _direction(line) != caption.is_rightward:
            parts.append(LEFT_TO_RIGHT_MARK if caption.is_rightward else RIGHT_TO_LEFT_MARK)
        for place, syllable in enumerate(line):
            begin, end = (max(_centis(time_s - begin_s), now) for time_s in (syllable.start_s, syllable.end_s))
            wait = f"\\k{begin - now}" if begin > now else ""
            parts.append(f"{{{wait}\\{'kf' if syllable.is_rightward else 'k'}{end - begin}}}")
            now = end
            for piece, text in syllable.pieces:
                if piece is not font:
                    parts.append(f"{{\\fn{piece.face.name}\\fs{_font_size(piece, width)}}}")
                    font = piece
                parts.append(ass_escaped(text))
            if place + 1 < len(line) and line[place + 1].is_spaced:
                parts.append(" ")
    return "".join(parts)


def _style(speaker: int | None, font: Font | None, width: int) -> SSAStyle:
    rgb = OFF_SCREEN_RGB if speaker is None else COLOURS_RGB[(speaker - 1) % len(COLOURS_RGB)]
    return SSAStyle(
        fontname=font.face.name if font else "Arial",
        fontsize=_font_size(font, width) if font else EM_SHARE * width,
        primarycolor=Color(*rgb),
        secondarycolor=Color(*_unsaid(rgb)),
        outlinecolor=Color(0, 0, 0),
        outline=round(OUTLINE_SHARE * width, 2),
        shadow=0,
        alignment=Alignment.BOTTOM_CENTER,
        marginl=0,
        marginr=0,
        marginv=0,
        encoding=BASE_DIRECTION_OF_TEXT,
    )


def _unsaid(rgb: tuple[int, int, int]) -> tuple[int, int, int]:
    grey = (1 - UNSAID_TINT) * UNSAID_LIGHT * max(rgb)
    red, green, blue = (round(UNSAID_TINT * part + grey) for part in rgb)
    return red, green, blue


def _font_size(font: Font, width: int) -> float:
    """Return the size of a font as libass takes it, which is the height of its lines."""
    return round(EM_SHARE * width * font.face.line_height, 2)


def _centis(time_s: float) -> int:
    return round(time_s * 100)


def _direction(line: Line) -> bool:
    """Return False where libass takes a line for one that is read from right to left: by its first letter."""
    return first_is_rightward("".join(syllable.text for syllable in line))


@contextmanager
def caption_overlay(path: Path, captions: Captions) -> Iterator[Overlay]:
    """Yield the overlay that draws the captions of an ``.ass`` file, with the fonts that they were measured with.

    Args:
        path: the file.
        captions: that it holds.
    """
    if not captions.placed:
        yield NO_OVERLAY
        return
    end_s = max(each.end_s for each in captions.placed)
    frames = np.zeros(math.ceil(end_s * GRID_FPS) + 1, bool)
    for each in captions.placed:
        frames[math.floor(each.start_s * GRID_FPS) : math.ceil(each.end_s * GRID_FPS) + 1] = True
    with TemporaryDirectory(prefix="captions-") as folder:
        for number, file in enumerate(used_files(captions.fonts)):
            (Path(folder) / f"{number}{file.suffix}").symlink_to(file.absolute())
        draws = f"{CAPTION_FILTER}=filename={_escaped(path.absolute())}:fontsdir={_escaped(Path(folder))}"
        yield Overlay((draws,), (CAPTION_FILTER,), lambda frame: frame < len(frames) and bool(frames[frame]))


def _escaped(path: Path) -> str:
    """Return a path as a value in a filter graph, where both an option and the graph give letters a meaning."""
    value = "".join(f"\\{letter}" if letter in r"\':" else letter for letter in str(path))
    return "".join(f"\\{letter}" if letter in r"\'[],;" else letter for letter in value)
