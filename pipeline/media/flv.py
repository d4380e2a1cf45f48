"""Flash videos put one after another in one file: FFmpeg stops at the second header, here all of it is read.

The format is that of "Adobe Flash Video File Format Specification" 10.1, annex E: a header of 9 bytes, then tags, each
followed by its own size in 4 bytes; before the first tag that size is 0.
"""

from __future__ import annotations

import functools
import os
import re
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

SIGNATURE = b"FLV"

HEADER = re.compile(rb"FLV\x01[\x00-\x05]\x00\x00\x00\x09\x00\x00\x00\x00")
"""Header of a file and the size before its first tag."""

HEADER_BYTES, TAG_HEADER_BYTES, SIZE_BYTES = 13, 11, 4

BLOCK_BYTES = 1 << 24
"""Bytes that are looked through at a time."""

MAX_PIECES, MAX_TAGS = 10_000, 5_000_000
"""Most pieces of a file, above which it is left as it is, and most tags read of a piece that is cut off. A day has
four million tags."""

Span = tuple[int, int]
"""First byte, and the byte after the last."""


def without_inner_headers(path: Path) -> Pieces | None:
    """Return the file for reading as if it had one header; None where it has only one, or is of another format.

    A tag that was cut off in front of a header is left out too.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return None
    seen = path.stat()
    spans = _spans(path, seen.st_size, seen.st_mtime_ns)
    return Pieces(path, spans) if len(spans) > 1 else None


@functools.lru_cache(maxsize=64)
def _spans(path: Path, size: int, changed_ns: int) -> tuple[Span, ...]:
    """Return the spans of a file that are read: all but the headers inside of it."""
    with path.open("rb") as file:
        headers = _headers(file)
        starts = [0, *(stop for _, stop in headers[1:])]
        pieces = [(before[1], after[0]) for before, after in pairwise(headers)]
        stops = [*(_end_of_tags(file, start, stop) for start, stop in pieces), size]
    return tuple(zip(starts, stops, strict=True))


def _headers(file: BinaryIO) -> list[Span]:
    """Return the places of the headers, the first at the beginning of the file."""
    found: list[Span] = []
    at, kept = 0, b""
    while block := file.read(BLOCK_BYTES):
        content = kept + block
        found += [(at + header.start(), at + header.end()) for header in HEADER.finditer(content)]
        kept = content[-HEADER_BYTES + 1 :]
        at += len(content) - len(kept)
        if len(found) > MAX_PIECES:
            break
    is_usual = found and found[0][0] == 0 and len(found) <= MAX_PIECES
    return found if is_usual else [(0, HEADER_BYTES)]


def _end_of_tags(file: BinaryIO, start: int, stop: int) -> int:
    """Return the end of the last whole tag from the one at *start* on."""
    file.seek(stop - SIZE_BYTES)
    last_bytes = int.from_bytes(file.read(SIZE_BYTES), "big")
    last = stop - SIZE_BYTES - last_bytes
    if last >= start and _tag_bytes(file, last) == last_bytes:
        return stop
    at = start
    for _ in range(MAX_TAGS):
        after = at + _tag_bytes(file, at) + SIZE_BYTES
        if after > stop:
            break
        at = after
    return at


def _tag_bytes(file: BinaryIO, at: int) -> int:
    """Return the length that the tag at *at* claims, its header included."""
    file.seek(at + 1)
    return TAG_HEADER_BYTES + int.from_bytes(file.read(3), "big")


class Pieces:
    """Parts of a file, read as one.

    Args:
        path: the file.
        spans: the parts, ascending.
    """

    def __init__(self, path: Path, spans: tuple[Span, ...]) -> None:
        self._file: BinaryIO = path.open("rb")
        self._spans = spans
        self._at = 0
        self._places = [0]
        for start, stop in spans:
            self._places.append(self._places[-1] + stop - start)

    def read(self, count: int) -> bytes:
        """Return up to *count* bytes; fewer where a part ends, none at the end."""
        if not 0 <= self._at < self._places[-1]:
            return b""
        part = bisect_right(self._places, self._at) - 1
        start, stop = self._spans[part]
        self._file.seek(start + self._at - self._places[part])
        found = self._file.read(min(count, stop - self._file.tell()))
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Seek to a place; see `io.IOBase.seek`."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._places[-1]}[whence]
        return self._at

    def tell(self) -> int:
        """Return the present place."""
        return self._at

    def close(self) -> None:
        """Close the file."""
        self._file.close()
