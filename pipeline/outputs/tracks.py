"""``tracks.npz``: every face of a video, with its speaker scores where there are any, as plain arrays without pickle.

The file may come from outside. The claims of its headers are checked before anything is allocated for it.
"""

from __future__ import annotations

import dataclasses
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from pipeline.errors import InputError
from pipeline.outputs.files import atomic_path
from pipeline.types import FaceTracks, Losses, PictureSizes, ScoredTracks, SpeakerScores
from pipeline.types.faces import SCORES

WHOLE = Losses()

_DAMAGE = (
    *(ValueError, TypeError, KeyError, EOFError, ArithmeticError, RuntimeError, MemoryError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
)
"""Errors of zipfile, zlib and numpy on damaged files."""

ARRAYS = ("shot_starts", "track", "frame", "box_px", "logit", "probability", "activity", "sync_contrast", "person")
"""Arrays of the file in their order, described by `ScoredTracks`; beside them ``frame_count`` and ``first_frame``,
each a single int64, and ``unkept``. Earlier files lack ``first_frame``, ``unkept``, ``activity`` or
``sync_contrast``."""

FACES = tuple(name for name in ARRAYS if name not in SCORES)

FORMS = MappingProxyType(
    {
        "frame_count": ("<i8", 0),
        "first_frame": ("<i8", 0),
        "shot_starts": ("<i4", 1),
        "track": ("<i4", 1),
        "frame": ("<i4", 1),
        "box_px": ("<f4", 2),
        "logit": ("<f4", 1),
        "probability": ("<f4", 1),
        "activity": ("<f4", 1),
        "sync_contrast": ("<f4", 1),
        "person": ("<i4", 1),
        "unkept": ("<i4", 2),
        "losses": ("<f8", 1),
        "fingerprint": ("<U", 0),
    }
)
"""Type and number of dimensions of each; a text may have any length."""

OPTIONAL_FORMS = MappingProxyType({"picture_px": ("<i4", 1)})
"""Type and number of dimensions of arrays that may be missing."""

MAX_BYTES = 1 << 30
"""Size above which files, or their arrays, are refused: a row takes 48 bytes, so that ten faces in view all the time
fill it in 24 hours."""


def write_tracks(
    path: Path, tracks: FaceTracks, losses: Losses = WHOLE, mark: str = "", sizes: PictureSizes | None = None
) -> None:
    """Write *tracks* to *path*, whole or not at all.

    Args:
        path: the file.
        tracks: the faces; with `ScoredTracks` their scores are written, too.
        losses: parts of the video that could not be read, stored as ``losses``, (3,) float64 in the order of fields.
        mark: fingerprint of their inputs, stored as ``fingerprint``, a single text.
        sizes: sizes of the pictures, stored as ``picture_px``, (4,) int32: width and height of the source, then those
            at which it was analysed. Left out where not known.
    """
    names = ARRAYS if isinstance(tracks, ScoredTracks) else FACES
    arrays: dict[str, Any] = {name: getattr(tracks, name) for name in names}
    arrays["unkept"] = tracks.unkept
    arrays["losses"] = np.array(dataclasses.astuple(losses), np.float64)
    arrays["fingerprint"] = np.array(mark)
    if sizes is not None:
        arrays["picture_px"] = np.array([*sizes.source_px, *sizes.analysed_px], np.int32)
    with atomic_path(path) as partial, partial.open("wb") as file:
        bounds = {"frame_count": np.int64(tracks.frame_count), "first_frame": np.int64(tracks.first_frame)}
        np.savez_compressed(file, **bounds, **arrays)


def read_tracks(path: Path) -> ScoredTracks:
    """Read the faces in *path* with their speaker scores.

    Raises:
        InputError: ``unreadable`` when the file cannot be opened, ``bad_tracks`` when it holds something else,
            ``no_scores`` when it holds faces without scores.
    """
    tracks = read_faces(path)
    if not isinstance(tracks, ScoredTracks):
        raise InputError("no_scores", "holds faces without speaker scores, as of a video without sound", path)
    return tracks


def read_faces(path: Path) -> FaceTracks:
    """Read the faces in *path*, whether it holds scores or not.

    Returns:
        `ScoredTracks` where the file holds speaker scores, `FaceTracks` alone where it holds none.

    Raises:
        InputError: ``unreadable`` when the file cannot be opened, ``bad_tracks`` when it holds something else.
    """
    with _opened(path) as stored:
        first = int(stored["first_frame"]) if "first_frame" in stored else 0
        unkept = stored["unkept"] if "unkept" in stored else np.zeros((0, 3), np.int32)
        arrays = {name: stored[name] for name in FACES}
        faces = FaceTracks(int(stored["frame_count"]), **arrays, first_frame=first, unkept=unkept)
        if not any(name in stored for name in SCORES):
            return faces
        return ScoredTracks.of(faces, SpeakerScores(**{name: stored[name] for name in SCORES if name in stored}))


def read_losses(path: Path) -> Losses:
    """Read the losses of the video stored in *path* beside its tracks.

    Raises:
        InputError: those of `read_tracks`.
    """
    with _opened(path) as stored:
        picture, sound, missing_s = stored["losses"].tolist()
        return Losses(int(picture), int(sound), float(missing_s))


def read_picture_sizes(path: Path) -> PictureSizes | None:
    """Read the sizes of the pictures stored in *path* beside its tracks; None where there are none.

    Raises:
        InputError: those of `read_tracks`.
    """
    with _opened(path) as stored:
        if "picture_px" not in stored:
            return None
        width, height, analysed_width, analysed_height = stored["picture_px"].tolist()
        return PictureSizes((width, height), (analysed_width, analysed_height))


def tracks_mark(path: Path) -> str:
    """Read the fingerprint in *path*.

    Raises:
        InputError: those of `read_tracks`.
    """
    with _opened(path) as stored:
        return str(stored["fingerprint"])


class _Arrays:
    """Arrays of an open file by name, each read when it is asked for; together at most `MAX_BYTES`.

    Nothing is allocated for mere claims of a header, and no type but the expected one is read: no pickle.
    """

    def __init__(self, stored: zipfile.ZipFile) -> None:
        self._stored, self._left = stored, MAX_BYTES

    def __contains__(self, name: str) -> bool:
        return f"{name}.npy" in self._stored.namelist()

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the array; raise ValueError and others where it is damaged or of another form than in `FORMS`."""
        with self._stored.open(f"{name}.npy") as member:
            shape, in_columns, dtype = _header(member, name)
            size = math.prod(shape) * dtype.itemsize
            if size > self._left:
                raise ValueError(f"{name} claims the shape {shape}; at most {MAX_BYTES} bytes are read in all")
            self._left -= size
            content = member.read(size)
        if len(content) != size:
            raise ValueError(f"{name} ends after {len(content)} of {size} bytes")
        if dtype.kind == "U":
            content.decode("utf-32-le")  # numpy crashes on numbers that are no character
        array = np.frombuffer(content, dtype) if size else np.zeros(math.prod(shape), dtype)
        return array.reshape(shape, order="F" if in_columns else "C")


def _header(member: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read shape, order (True: columns first) and type, and check them against `FORMS`."""
    version = npy.read_magic(member)
    if version != (1, 0):
        raise ValueError(f"{name} is of version {version} of the format, expected (1, 0)")
    shape, in_columns, dtype = npy.read_array_header_1_0(member)
    wanted, dimensions = FORMS[name] if name in FORMS else OPTIONAL_FORMS[name]
    fits = dtype.str.startswith(wanted) if wanted == "<U" else dtype.str == wanted
    if not fits or len(shape) != dimensions or min(shape, default=0) < 0:
        raise ValueError(f"{name}: expected {wanted} of {dimensions} dimensions, got {dtype} {shape}")
    return shape, in_columns, dtype


@contextmanager
def _opened(path: Path) -> Iterator[_Arrays]:
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ValueError(f"it has {size} bytes; at most {MAX_BYTES} are read")
        with zipfile.ZipFile(path) as stored:
            yield _Arrays(stored)
    except OSError as error:
        raise InputError("unreadable", f"cannot be read: {error.strerror or error}", path) from error
    except _DAMAGE as error:
        raise InputError("bad_tracks", f"is no table of tracks: {error}", path) from error
