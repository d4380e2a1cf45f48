"""The words of captions as they are shown: without markup, measured, in syllables that light up one by one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.outputs.graphemes import clusters, is_torn
from pipeline.render.fonts import Font, Fonts, MissingGlyphError, Piece
from pipeline.speech.words import is_unspaced
from pipeline.types import AttributedWord

MARKUP = re.compile(r"</?(?:[ibus]|c|v|font|ruby|rt|lang|zoom)(?:[\s.=][^<>]*)?/?>", re.IGNORECASE)
"""Tags of subtitles: of SubRip, of WebVTT, and those of zoom."""

_CLOSING, _OPENING = ("Po", "Pe", "Pf"), ("Ps", "Pi")
"""Categories of punctuation that begins no line, and that ends none."""


@dataclass(frozen=True, slots=True)
class Syllable:
    """Text that lights up in one sweep: a word, or a part of one that is longer than a line."""

    pieces: tuple[Piece, ...]
    """Its text by font, without white space round it."""
    is_spaced: bool
    """True where a space stands before it."""
    start_s: float
    end_s: float

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.pieces)

    @property
    def is_rightward(self) -> bool:
        """False for text that is read from right to left."""
        return first_is_rightward(self.text)


Line = tuple[Syllable, ...]


def is_rightward(syllables: Sequence[Syllable]) -> bool:
    """Return False where most words are read from right to left: then the sentence is, whatever word begins it."""
    return sum(1 if syllable.is_rightward else -1 for syllable in syllables) >= 0


def first_is_rightward(text: str) -> bool:
    """Return False where the first letter of *text* that has a direction is read from right to left."""
    strong = (kind for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL"))
    return next(strong, "L") == "L"


def plain_text(text: str) -> str:
    """Return *text* on one line, without the tags of subtitles and without control characters."""
    bare = MARKUP.sub("", text)
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in bare)


def plain_words(words: Sequence[AttributedWord]) -> list[AttributedWord]:
    """Return the words with `plain_text`; those that have nothing else are left out, and so are tags that reach over
    several words."""
    joined = "".join(spoken.word.text for spoken in words)
    keep = [True] * len(joined)
    for tag in MARKUP.finditer(joined):
        keep[tag.start() : tag.end()] = [False] * (tag.end() - tag.start())
    found, at = [], 0
    for spoken in words:
        text = "".join(letter for letter, kept in zip(spoken.word.text, keep[at:], strict=False) if kept)
        at += len(spoken.word.text)
        text = plain_text(text)
        if text.strip():
            found.append(replace(spoken, word=replace(spoken.word, text=text)))
    return found


def syllables_of(words: Sequence[AttributedWord], fonts: Fonts) -> list[Syllable]:
    """Return a syllable for each word. A word that overlaps the next ends where that begins.

    Raises:
        MissingGlyphError: no font has some of the letters.
    """
    found: list[Syllable] = []
    gap, missing = False, ""
    for number, spoken in enumerate(words):
        word = spoken.word
        start_s = max(word.start_s, found[-1].start_s) if found else word.start_s
        later = [each.word.start_s for each in words[number + 1 :][:1]]
        end_s = max(min([word.end_s, *later]), start_s)
        try:
            pieces = fonts.pieces(" ".join(word.text.split()))
        except MissingGlyphError as error:
            missing += error.letters
            continue
        gap = gap or word.text[:1].isspace()
        if "".join(text for _, text in pieces).strip():
            found.append(Syllable(_stripped(pieces), gap, start_s, end_s))
            gap = False
        gap = gap or word.text[-1:].isspace()
    if missing:
        raise MissingGlyphError(missing)
    return found


def _stripped(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    (font, first), *others = pieces
    joined: list[Piece] = [(font, first.lstrip()), *others]
    font, last = joined[-1]
    joined[-1] = (font, last.rstrip())
    return tuple(piece for piece in joined if piece[1])


def unbroken(syllables: Sequence[Syllable]) -> list[Line]:
    """Return the syllables in parts that stay on one line: a word with what belongs to it without a space.

    Scripts without spaces part between words, but not within a letter and its marks, nor before closing punctuation or
    after opening.
    """
    parts: list[Line] = []
    for syllable in syllables:
        if parts and not _parts_before(parts[-1][-1], syllable):
            parts[-1] = (*parts[-1], syllable)
        else:
            parts.append((syllable,))
    return parts


def _parts_before(before: Syllable, after: Syllable) -> bool:
    if after.is_spaced:
        return True
    if is_torn(before.text, after.text) or unicodedata.category(after.text[0]) in _CLOSING:
        return False
    if unicodedata.category(before.text[-1]) in _OPENING:
        return False
    return is_unspaced(before.text[::-1]) or is_unspaced(after.text)


def pieces_of(line: Sequence[Syllable]) -> list[Piece]:
    """Return a line's text by font, joined where the font stays, with the spaces within it."""
    found: list[Piece] = []
    for number, syllable in enumerate(line):
        for place, (font, text) in enumerate(syllable.pieces):
            shown = " " + text if number and not place and syllable.is_spaced else text
            if found and found[-1][0] is font:
                found[-1] = (font, found[-1][1] + shown)
            else:
                found.append((font, shown))
    return found


class Ruler:
    """Measures lines at a size.

    Args:
        em_px: side of the em square in pixels.
    """

    def __init__(self, em_px: float) -> None:
        self._em_px = em_px
        self._widths: dict[tuple[Font, str], float] = {}

    def width_px(self, line: Sequence[Syllable]) -> float:
        """Return the width of a line's text."""
        return sum(self._width_px(font, text) for font, text in pieces_of(line))

    def height_px(self, line: Sequence[Syllable]) -> float:
        """Return the height of a line: that of the highest of its fonts."""
        return self._em_px * max(font.face.line_height for syllable in line for font, _ in syllable.pieces)

    def cut(self, syllable: Syllable, width_px: float) -> list[Syllable]:
        """Part a syllable that is wider than a line between letters; the parts share its time by their widths."""
        letters: list[Piece] = [(font, letter) for font, text in syllable.pieces for letter in clusters(text)]
        parts: list[list[Piece]] = [[]]
        for letter in letters:
            if parts[-1] and self._letters_px([*parts[-1], letter]) > width_px:
                parts.append([])
            parts[-1].append(letter)
        widths = [max(self._letters_px(part), 1e-6) for part in parts]
        made, start_s = [], syllable.start_s
        for number, part in enumerate(parts):
            share = sum(widths[: number + 1]) / sum(widths)
            end_s = syllable.start_s + (syllable.end_s - syllable.start_s) * share
            made.append(Syllable(_joined(part), syllable.is_spaced and not number, start_s, end_s))
            start_s = end_s
        return made

    def _letters_px(self, letters: Sequence[Piece]) -> float:
        return sum(self._width_px(font, text) for font, text in _joined(letters))

    def _width_px(self, font: Font, text: str) -> float:
        key = font, text
        if key not in self._widths:
            self._widths[key] = font.width_em(text) * self._em_px
        return self._widths[key]


def _joined(letters: Sequence[Piece]) -> tuple[Piece, ...]:
    found: list[Piece] = []
    for font, text in letters:
        if found and found[-1][0] is font:
            found[-1] = (font, found[-1][1] + text)
        else:
            found.append((font, text))
    return tuple(found)
