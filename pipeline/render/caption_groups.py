"""Syllables to captions of one or two lines: whole words, one speaker, no long pause, no line wider than its room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.render.caption_text import Line, Ruler, Syllable, unbroken

PAUSE_S = 0.7
"""Pause in seconds that no caption spans: the text of a silent speaker would stand there."""

MAX_CAPTION_S = 5.0
"""Longest caption in seconds, but for a single long word."""

LINGER_S = 0.4
"""Time in seconds that a caption stays after its last word, where nothing else is to be shown."""

ENDS_WELL = 0.3
"""Share of a caption's cost that is let off where it ends with punctuation."""


@dataclass(frozen=True, slots=True)
class Caption:
    """Text that is on screen at one time."""

    lines: tuple[Line, ...]
    """One or two."""
    speaker: int | None
    """Number of the speaker; None for somebody who is not in view."""
    is_rightward: bool = True
    """False where its sentence is read from right to left."""

    @property
    def syllables(self) -> Line:
        return tuple(syllable for line in self.lines for syllable in line)

    @property
    def start_s(self) -> float:
        return self.lines[0][0].start_s

    @property
    def end_s(self) -> float:
        """End of its last word."""
        return max(syllable.end_s for syllable in self.syllables)


def captions_of(
    syllables: Sequence[Syllable],
    ruler: Ruler,
    width_px: float,
    *,
    speaker: int | None = None,
    is_rightward: bool = True,
    max_lines: int = 2,
) -> list[Caption]:
    """Group the words of one speaker into captions; each word is in exactly one, in their order.

    Args:
        syllables: of one sentence.
        ruler: measures the lines.
        width_px: widest line. A word that is wider is parted between letters.
        speaker, is_rightward: of the sentence.
        max_lines: lines of a caption, one or two.
    """
    found: list[Caption] = []
    for stretch in _stretches(syllables):
        for lines in _grouped(_fitting(unbroken(stretch), ruler, width_px), ruler, width_px, max_lines):
            found.append(Caption(lines, speaker, is_rightward))
    return found


def _stretches(syllables: Sequence[Syllable]) -> list[list[Syllable]]:
    found: list[list[Syllable]] = []
    for syllable in syllables:
        if found and syllable.start_s - found[-1][-1].end_s < PAUSE_S:
            found[-1].append(syllable)
        else:
            found.append([syllable])
    return found


def _fitting(parts: Sequence[Line], ruler: Ruler, width_px: float) -> list[Line]:
    """Part what is wider than a line: first between its syllables, then within them."""
    found: list[Line] = []
    for part in parts:
        if ruler.width_px(part) <= width_px:
            found.append(part)
            continue
        found += [(piece,) for syllable in part for piece in ruler.cut(syllable, width_px)]
    return found


def _grouped(parts: Sequence[Line], ruler: Ruler, width_px: float, max_lines: int) -> list[tuple[Line, ...]]:
    """Group parts so that the captions are few, evenly filled, and end with punctuation where that can be had."""
    layout = _Layout(parts, ruler, width_px, max_lines)
    best: list[tuple[float, int, tuple[Line, ...]]] = [(0.0, 0, ())]
    for stop in range(1, len(parts) + 1):
        options = []
        for first in range(stop - 1, -1, -1):
            lines = layout.lines(first, stop)
            if lines is None:
                break
            cost = 1 + layout.slack(first, stop) ** 2
            if stop < len(parts) and not parts[stop - 1][-1].text[-1].isalnum():
                cost -= ENDS_WELL
            options.append((best[first][0] + cost, first, lines))
        best.append(min(options, key=lambda option: option[0]))
    groups: list[tuple[Line, ...]] = []
    stop = len(parts)
    while stop:
        _, first, lines = best[stop]
        groups.append(lines)
        stop = first
    return groups[::-1]


class _Layout:
    """Lines of any stretch of parts."""

    def __init__(self, parts: Sequence[Line], ruler: Ruler, width_px: float, max_lines: int) -> None:
        self._parts, self._ruler, self._width_px, self._max_lines = parts, ruler, width_px, max_lines
        self._widths: dict[tuple[int, int], float] = {}

    def lines(self, first: int, stop: int) -> tuple[Line, ...] | None:
        """Return the lines of parts *first* to *stop*, of even width; None where they do not fit."""
        if stop - first == 1:
            return (self._joined(first, stop),)
        start_s, end_s = self._parts[first][0].start_s, self._parts[stop - 1][-1].end_s
        if end_s - start_s > MAX_CAPTION_S:
            return None
        if self._width(first, stop) <= self._width_px:
            return (self._joined(first, stop),)
        if self._max_lines == 1:
            return None
        widest, cut = min((max(self._width(first, cut), self._width(cut, stop)), cut) for cut in range(first + 1, stop))
        return (self._joined(first, cut), self._joined(cut, stop)) if widest <= self._width_px else None

    def slack(self, first: int, stop: int) -> float:
        """Return the share of the room that stays empty, 0 to 1."""
        return max(1 - self._width(first, stop) / (self._width_px * self._max_lines), 0.0)

    def _joined(self, first: int, stop: int) -> Line:
        return tuple(syllable for part in self._parts[first:stop] for syllable in part)

    def _width(self, first: int, stop: int) -> float:
        key = first, stop
        if key not in self._widths:
            self._widths[key] = self._ruler.width_px(self._joined(first, stop))
        return self._widths[key]


def shown_until(end_s: float, next_s: float = math.inf) -> float:
    """Return the end on screen of a caption whose last word ends at *end_s*, before the next one begins at *next_s*."""
    return min(end_s + LINGER_S, max(next_s, end_s))
