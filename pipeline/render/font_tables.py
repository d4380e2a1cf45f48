"""Tables of a TrueType or OpenType font file that tell its name, its height and the characters that it has.

Only these are read; FreeType draws and measures. The formats are those of the OpenType specification 1.9.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import InputError

COLLECTION = b"ttcf"
OUTLINES = (b"\x00\x01\x00\x00", b"true", b"OTTO")
"""First bytes of a collection, and of a font of outlines."""

MAX_FACES = 64
MAX_TABLE_BYTES = 1 << 24
"""Limits above which a file is refused: collections of CJK have ten faces, and their tables are far smaller."""

FULL_NAME, POSTSCRIPT_NAME = 4, 6
WINDOWS, ENGLISH = 3, 0x409
BOLD = 600
"""Weight from which a face is bold."""


@dataclass(frozen=True, slots=True)
class Face:
    """One font of a file."""

    path: Path
    index: int
    """Its number in the file, from 0."""
    name: str
    """Name by which libass finds it: the full one, or PostScript's where the outlines are PostScript's."""
    line_height: float
    """Height of a line, in heights of the em square: libass and Windows take a font's size for that of its lines."""
    is_bold: bool


def read_faces(path: Path) -> tuple[Face, ...]:
    """Return the fonts of a file.

    Raises:
        InputError: ``bad_font`` when it is no font file.
    """
    try:
        with path.open("rb") as file:
            return tuple(_face(path, file, index, at) for index, at in enumerate(_places(file)))
    except (OSError, ValueError, struct.error, KeyError) as error:
        raise InputError("bad_font", f"cannot be read as a TrueType or OpenType font: {error}", path) from error


def read_characters(face: Face) -> frozenset[int]:
    """Return the code points that a font has a glyph for.

    Raises:
        InputError: ``bad_font`` when the file cannot be read.
    """
    try:
        with face.path.open("rb") as file:
            table = _table(file, _tables(file, _places(file)[face.index])["cmap"])
        return _characters(table)
    except (OSError, ValueError, struct.error, KeyError, IndexError) as error:
        raise InputError("bad_font", f"its table of characters cannot be read: {error}", face.path) from error


def _places(file: BinaryIO) -> list[int]:
    """Return the places of the table directories of the file's fonts."""
    kind = file.read(4)
    if kind in OUTLINES:
        return [0]
    if kind != COLLECTION:
        raise ValueError("it begins like none")
    _, count = struct.unpack(">II", file.read(8))
    if not 0 < count <= MAX_FACES:
        raise ValueError(f"it claims {count} fonts")
    return list(struct.unpack(f">{count}I", file.read(4 * count)))


def _tables(file: BinaryIO, at: int) -> Mapping[str, tuple[int, int]]:
    """Return offset and length of each table."""
    file.seek(at)
    (count,) = struct.unpack(">4xH6x", file.read(12))
    rows = [struct.unpack(">4s4xII", file.read(16)) for _ in range(count)]
    return {name.decode("latin-1"): (offset, length) for name, offset, length in rows}


def _table(file: BinaryIO, span: tuple[int, int]) -> bytes:
    offset, length = span
    if length > MAX_TABLE_BYTES:
        raise ValueError(f"a table claims {length} bytes")
    file.seek(offset)
    return file.read(length)


def _face(path: Path, file: BinaryIO, index: int, at: int) -> Face:
    tables = _tables(file, at)
    head, os2, names = (_table(file, tables[name]) for name in ("head", "OS/2", "name"))
    (em,) = struct.unpack_from(">H", head, 18)
    (weight,) = struct.unpack_from(">H", os2, 4)
    ascent, descent = struct.unpack_from(">HH", os2, 74)
    if not ascent + descent:
        ascent, descent = struct.unpack_from(">hh", _table(file, tables["hhea"]), 4)
        descent = -descent
    if not em or ascent + descent <= 0:
        raise ValueError("it has no height")
    name = _name(names, POSTSCRIPT_NAME if "CFF " in tables else FULL_NAME)
    return Face(path, index, name, (ascent + descent) / em, weight >= BOLD)


def _name(table: bytes, wanted: int) -> str:
    """Return a name for Windows, the English one where there are several."""
    count, storage = struct.unpack_from(">2xHH", table)
    found: dict[int, str] = {}
    for row in range(count):
        platform, _, language, kind, length, offset = struct.unpack_from(">6H", table, 6 + 12 * row)
        if platform == WINDOWS and kind == wanted:
            text = table[storage + offset :][:length]
            found.setdefault(language, text.decode("utf-16-be"))
    if not found:
        raise ValueError("it has no name")
    name = found.get(ENGLISH, next(iter(found.values())))
    if not name.strip() or any(letter in name for letter in ",{}\\\r\n"):
        raise ValueError(f"its name {name!r} cannot stand in subtitles")
    return name


def _characters(cmap: bytes) -> frozenset[int]:
    (count,) = struct.unpack_from(">2xH", cmap)
    found: set[int] = set()
    for row in range(count):
        platform, encoding, offset = struct.unpack_from(">HHI", cmap, 4 + 8 * row)
        if platform == 0 or (platform == WINDOWS and encoding in (1, 10)):
            (form,) = struct.unpack_from(">H", cmap, offset)
            read = {4: _segments, 12: _groups}.get(form)
            if read is not None:
                found |= read(cmap[offset:])
    return frozenset(found)


def _segments(table: bytes) -> set[int]:
    """Read format 4: stretches of the first 65,536 code points."""
    count = struct.unpack_from(">6xH", table)[0] // 2
    ends = struct.unpack_from(f">{count}H", table, 14)
    starts, deltas, offsets = (struct.unpack_from(f">{count}H", table, 16 + 2 * count * k) for k in (1, 2, 3))
    found = set()
    for number, (start, end, delta, offset) in enumerate(zip(starts, ends, deltas, offsets, strict=True)):
        for code in range(start, end + 1):
            glyph = code
            if offset:
                at = 16 + 6 * count + 2 * number + offset + 2 * (code - start)
                glyph = struct.unpack_from(">H", table, at)[0]
                if not glyph:
                    continue
            if (glyph + delta) & 0xFFFF and code != 0xFFFF:
                found.add(code)
    return found


def _groups(table: bytes) -> set[int]:
    """Read format 12: stretches of all code points."""
    (count,) = struct.unpack_from(">12xI", table)
    found: set[int] = set()
    for row in range(count):
        start, end, glyph = struct.unpack_from(">III", table, 16 + 12 * row)
        if end > 0x10FFFF:
            raise ValueError("a stretch of characters ends beyond Unicode")
        found.update(range(start + (not glyph), end + 1))
    return found
