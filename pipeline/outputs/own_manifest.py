"""Manifests as this program wrote them, read without the whole schema.

`write_manifest` validates a manifest, and seals it. Where the seal holds, nothing needs to be validated again: the
few fields that are used are checked for their types, and `summary_of` does not even parse the file. Where it does not
hold, or there is none (an older or foreign manifest, an edited or damaged one), the whole schema decides.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import InputError, ToolError
from pipeline.outputs.manifest import parsed, read_content, validated
from pipeline.outputs.seal import DIGEST, seal_of
from pipeline.types import CLIP_NAME, FinishedVideo, Losses, PictureSizes


@dataclass(frozen=True, slots=True)
class Summary:
    """Facts that a run needs of the manifest of a video that is done."""

    digest: str
    """SHA-256 of its content: 64 hexadecimal digits."""
    fingerprint: str
    """Fingerprint of input, settings and weights."""
    clips: int
    dropped: int
    """Sentences without a clip."""
    speakers: int
    """Number of different speakers of the clips."""
    length_s: float
    """Length of the video, by the frames that were decoded."""
    sizes: PictureSizes | None = None
    """Sizes of its pictures; None where the manifest has none."""


_Stamp = tuple[int, int, int]
"""Inode, size and time of the last change of a file."""

_KNOWN: dict[Path, tuple[_Stamp, Summary]] = {}
"""Summaries that this process has made, which hold while the file has the same stamp."""


def read_own_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest in *path* without its digest: whole, and fit for every use of manifests.

    Raises:
        InputError: ``unreadable`` when the file cannot be opened, ``bad_manifest`` when it is no valid manifest.
    """
    content = read_content(path)
    if seal_of(content) is not None:
        manifest = parsed(content, path)
        if _is_usable(manifest):
            manifest.pop(DIGEST, None)
            return manifest
    return validated(content, path)


def finished_of(manifest: Path) -> FinishedVideo:
    """Return the clips that an earlier run made of a video, read from its manifest.

    Raises:
        InputError: it cannot be read.
    """
    content = read_own_manifest(manifest)
    failed = [line["message"] for line in content["dropped"] if line["reason_code"] == ToolError.reason_code]
    lost = content["source"]["lost"]
    losses = Losses(lost["picture_packets"], lost["sound_packets"], lost["missing"])
    notes = tuple(content["source"].get("notes", ()))
    counts = len(content["clips"]), len(content["dropped"]), len(failed)
    return FinishedVideo(
        manifest, *counts, failed[0] if failed else "", losses, notes, content["source"]["grid_frames"]
    )


def read_summary(path: Path) -> tuple[Summary, tuple[str, ...]]:
    """Return the summary of the manifest in *path*, and the names of its clips, which are bare names.

    The whole file is read and its digest compared, each time.

    Raises:
        InputError: as `read_own_manifest`.
    """
    stamp = _stamp_of(path)
    content = read_content(path)
    digest = seal_of(content)
    found = None if digest is None else _scanned(digest, content)
    if found is None:
        manifest = read_own_manifest(path)
        names = tuple(clip["clip"] for clip in manifest["clips"])
        try:
            found = _summary(digest or hashlib.sha256(content).hexdigest(), manifest), names
        except ArithmeticError as error:
            raise InputError("bad_manifest", f"$.source.grid_frames: {error}", path) from error
    _KNOWN[path] = stamp, found[0]
    return found


def summary_of(path: Path) -> Summary:
    """Return the first part of `read_summary`; a file that this process has read is not read again while it has the
    same inode, size and time.

    Raises:
        InputError: as `read_own_manifest`.
    """
    known = _KNOWN.get(path)
    if known is not None and known[0] == _stamp_of(path):
        return known[1]
    return read_summary(path)[0]


def _stamp_of(path: Path) -> _Stamp:
    try:
        seen = path.stat()
    except OSError as error:
        raise InputError("unreadable", f"cannot be read: {error.strerror or error}", path) from error
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _summary(digest: str, manifest: dict[str, Any]) -> Summary:
    source = manifest["source"]
    sizes = None
    with contextlib.suppress(KeyError, ValueError):
        width, height, *analysed_px = (source[name] for name in _SIZES)
        sizes = PictureSizes((width, height), (analysed_px[0], analysed_px[1]))
    return Summary(
        digest,
        manifest["fingerprint"],
        len(manifest["clips"]),
        len(manifest["dropped"]),
        len({clip["speaker"] for clip in manifest["clips"]}),
        source["grid_frames"] / source["grid_rate"],
        sizes,
    )


def _scanned(digest: str, content: bytes) -> tuple[Summary, tuple[str, ...]] | None:
    """Return the result of `read_summary`, found in the lines of a sealed file; None where they have another form.

    JSON text holds no bare line end, so that a line of the file with its indentation is a field of just that depth.
    """
    listed_at, dropped_at = content.find(_CLIPS), content.rfind(_DROPPED)
    if not 0 <= listed_at < dropped_at:
        return None
    head = content[:listed_at]
    names, speakers = [], set()
    try:
        at = content.find(_CLIP, listed_at, dropped_at)
        while at >= 0:
            names.append(_after(content, at + len(_CLIP) - len(_STEM), b'"').decode("ascii"))
            at = content.index(_SPEAKER, at, dropped_at)
            speakers.add(_number(_after(content, at + len(_SPEAKER), b"\n")))
            at = content.find(_CLIP, at, dropped_at)
        fingerprint = _one(head, b'\n "fingerprint": "', b'"').decode("ascii")
        frames = _number(_one(head, b'\n  "grid_frames": ', b"\n"))
        length_s = frames / _number(_one(head, b'\n  "grid_rate": ', b"\n"))
        sizes = None
        if _ANALYSED in head:
            width, height, *analysed = (_number(_one(head, side, b"\n")) for side in _SIDES)
            sizes = PictureSizes((width, height), (analysed[0], analysed[1]))
    except (ValueError, ArithmeticError):
        return None
    if not length_s >= 0 or "\\" in fingerprint or not all(map(_is_clip, names)):
        return None
    dropped = content.count(_REASON, dropped_at)
    return Summary(digest, fingerprint, len(names), dropped, len(speakers), length_s, sizes), tuple(names)


_STEM = b"seg_"
_CLIPS, _DROPPED = b'\n "clips": [', b'\n "dropped": ['
_CLIP = b'\n  {\n   "clip": "' + _STEM
"""Start of a clip in a sealed manifest; it ends in a rare character, which makes it quick to find."""
_SPEAKER, _REASON = b'\n   "speaker": ', b'\n   "reason_code": "'
_ANALYSED = b'\n  "analysed_width": '
_SIDES = (b'\n  "width": ', b'\n  "height": ', _ANALYSED, b'\n  "analysed_height": ')
"""Beginnings of lines of a sealed manifest."""


def _after(content: bytes, start: int, end: bytes) -> bytes:
    """Return the bytes between *start* and the next *end*; ValueError where there is none."""
    return content[start : content.index(end, start)]


def _number(rest: bytes) -> int:
    """Return the whole number that ends a line; ValueError where it is none."""
    return int(rest.removesuffix(b","))


def _one(content: bytes, before: bytes, after: bytes) -> bytes:
    """Return the bytes between *before* and *after*; ValueError unless *before* is there just once."""
    _, value = content.split(before)
    return _after(value, 0, after)


def _is_clip(name: Any) -> bool:
    return isinstance(name, str) and name.endswith(".mp4") and CLIP_NAME.fullmatch(name) is not None


_SIZES = ("width", "height", "analysed_width", "analysed_height")


def _is_usable(manifest: Any) -> bool:
    """Return True where every field that the program uses of finished manifests has its type.

    Whoever reads one more field of `read_own_manifest` adds it here.
    """
    try:
        source, lost = manifest["source"], manifest["source"]["lost"]
        return (
            isinstance(manifest["fingerprint"], str)
            and isinstance(source["path"], str)
            and _is_count(source["grid_frames"])
            and _is_count(source["grid_rate"])
            and source["grid_rate"] > 0
            and all(_is_count(source[name]) for name in _SIZES if name in source)
            and _is_count(lost["picture_packets"])
            and _is_count(lost["sound_packets"])
            and _is_number(lost["missing"])
            and all(isinstance(note, str) for note in source.get("notes", ()))
            and isinstance(manifest["settings"], dict)
            and isinstance(manifest["clips"], list)
            and isinstance(manifest["dropped"], list)
            and all(_is_clip(clip["clip"]) and _is_count(clip["speaker"]) for clip in manifest["clips"])
            and all(isinstance(line[name], str) for line in manifest["dropped"] for name in ("reason_code", "message"))
            and all(map(_is_sentence, (*manifest["clips"], *manifest["dropped"])))
        )
    except (TypeError, KeyError, IndexError, AttributeError):
        return False


def _is_sentence(line: dict[str, Any]) -> bool:
    speaker = line["speaker"]
    return (
        _is_count(line["index"])
        and _is_number(line["start_time"])
        and (speaker is None or _is_count(speaker))
        and isinstance(line["text"], str)
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 53


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
