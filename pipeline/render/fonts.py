"""Fonts of captions: the project's own and the user's, the characters that they have, and the widths of texts.

The project has Noto Sans Bold for Latin, Greek and Cyrillic, Arabic, Hebrew, and Thai. A font of the system is used
only where the settings name it, so that a video looks the same wherever it is made.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import regex
from PIL import ImageFont

from pipeline.errors import InputError
from pipeline.outputs.graphemes import clusters
from pipeline.render.font_tables import Face, read_characters, read_faces

OWN_FONTS = Path(__file__).with_name("caption_fonts")

ENDINGS = (".ttf", ".otf", ".ttc", ".otc")

MEASURED_PX = 256
"""Size of the em square at which widths are measured: hinting does not matter there."""

_SYMBOL = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{S}|\u20e3")
_NEEDS_NO_GLYPH = regex.compile(r"\p{Default_Ignorable_Code_Point}|\p{White_Space}|\p{Cc}")
_REGION = {"zh": "sc", "ja": "jp", "ko": "kr"}
"""Region in the names of fonts whose Chinese letters have the shapes that readers of a language expect."""


@dataclass(frozen=True)
class Font:
    """A font that captions are drawn with."""

    face: Face

    @cached_property
    def characters(self) -> frozenset[int]:
        """The code points that it has a glyph for."""
        return read_characters(self.face)

    @cached_property
    def _drawn(self) -> ImageFont.FreeTypeFont:
        try:
            return ImageFont.truetype(self.face.path, MEASURED_PX, index=self.face.index)
        except OSError as error:
            raise InputError("bad_font", f"cannot be opened: {error}", self.face.path) from error

    def width_em(self, text: str) -> float:
        """Return the width of *text* in em squares, shaped and kerned where Pillow has its Raqm."""
        return self._drawn.getlength(text) / MEASURED_PX

    def has(self, text: str) -> bool:
        """Return True where each letter of *text* has a glyph, on its own or joined with its marks."""
        return all(
            ord(letter) in self.characters or _NEEDS_NO_GLYPH.match(letter) or self._has_parts(letter)
            for letter in text
        )

    def _has_parts(self, letter: str) -> bool:
        parts = unicodedata.normalize("NFD", letter)
        return len(parts) > 1 and all(ord(part) in self.characters for part in parts)


Piece = tuple[Font, str]
"""A stretch of text and its font."""


@dataclass(frozen=True)
class Fonts:
    """Fonts in the order in which they are tried."""

    fonts: tuple[Font, ...]

    def pieces(self, text: str) -> tuple[Piece, ...]:
        """Part *text* by font: one font where one has all of it, else each letter in the first that has it.

        Symbols and emoji that none has are left out.

        Raises:
            MissingGlyphError: no font has one of the letters.
        """
        text = unicodedata.normalize("NFC", text)
        whole = self._with(text)
        if whole is not None:
            return ((whole, text),)
        found: list[Piece] = []
        missing = []
        for cluster in clusters(text):
            font = found[-1][0] if found and found[-1][0].has(cluster) else self._with(cluster)
            if font is None:
                if not _SYMBOL.search(cluster):
                    missing.append(cluster)
            elif found and found[-1][0] is font:
                found[-1] = (font, found[-1][1] + cluster)
            else:
                found.append((font, cluster))
        if missing:
            raise MissingGlyphError("".join(missing))
        return tuple(found)

    def lacks(self, text: str) -> str:
        """Return the symbols and emoji of *text* that no font has."""
        clusters_ = clusters(unicodedata.normalize("NFC", text))
        return "".join(each for each in clusters_ if _SYMBOL.search(each) and self._with(each) is None)

    def _with(self, text: str) -> Font | None:
        return next((font for font in self.fonts if font.has(text)), None)


class MissingGlyphError(Exception):
    """No font has these letters."""

    def __init__(self, letters: str) -> None:
        super().__init__(letters)
        self.letters = letters


@cache
def load_fonts(named: str, language: str) -> Fonts:
    """Return the fonts of a setting, and after them the project's own.

    Args:
        named: file, or folder with files, of fonts; empty: the project's own alone. Of a folder, bold fonts come first.
        language: ISO 639-1 code of the text, by which one of a collection of Chinese, Japanese and Korean is chosen.

    Raises:
        InputError: ``bad_font`` where there is none, or it cannot be read.
    """
    faces = [*(_given(Path(named).expanduser(), language) if named else ()), *_faces(OWN_FONTS)]
    return Fonts(tuple(Font(face) for face in faces))


def _given(path: Path, language: str) -> list[Face]:
    if path.is_dir():
        faces = _faces(path)
        if not faces:
            raise InputError("bad_font", f"holds no font ({', '.join(ENDINGS)})", path)
        return sorted(faces, key=lambda face: (_is_foreign(face, language), not face.is_bold, _is_slanted(face)))
    if not path.is_file():
        raise InputError("bad_font", "is no file and no folder: name a font file, or a folder with some", path)
    return sorted(read_faces(path), key=lambda face: _is_foreign(face, language))


def _faces(folder: Path) -> list[Face]:
    files: Iterable[Path] = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in ENDINGS)
    return [face for path in files for face in read_faces(path)]


def _is_foreign(face: Face, language: str) -> bool:
    """Return True where the name says another region of Chinese letters than that of *language*."""
    region = re.search(r"CJK\s*(jp|kr|sc|tc|hk)", face.name, re.IGNORECASE)
    wanted = _REGION.get(language.partition("-")[0].lower())
    return bool(wanted and region and region[1].lower() != wanted)


def _is_slanted(face: Face) -> bool:
    return bool(re.search(r"italic|oblique", face.name, re.IGNORECASE))


def used_files(fonts: Sequence[Font]) -> tuple[Path, ...]:
    """Return the files of *fonts*, each once."""
    return tuple(dict.fromkeys(font.face.path for font in fonts))
