"""Choice of the sound track of a file, where it has several."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import av.audio.stream
import av.container
import av.stream

from pipeline.errors import InputError

AUTO = "auto"

CODES: Mapping[str, tuple[str, ...]] = {
    "ar": ("ara",), "bg": ("bul",), "bn": ("ben",), "ca": ("cat",), "cs": ("cze", "ces"), "da": ("dan",),
    "de": ("ger", "deu"), "el": ("gre", "ell"), "en": ("eng",), "es": ("spa",), "et": ("est",), "fa": ("per", "fas"),
    "fi": ("fin",), "fr": ("fre", "fra"), "he": ("heb",), "hi": ("hin",), "hr": ("hrv",), "hu": ("hun",),
    "id": ("ind",), "is": ("ice", "isl"), "it": ("ita",), "ja": ("jpn",), "ko": ("kor",), "lt": ("lit",),
    "lv": ("lav",), "ms": ("may", "msa"), "nb": ("nob",), "nl": ("dut", "nld"), "no": ("nor",), "pl": ("pol",),
    "pt": ("por",), "ro": ("rum", "ron"), "ru": ("rus",), "sk": ("slo", "slk"), "sl": ("slv",), "sr": ("srp",),
    "sv": ("swe",), "ta": ("tam",), "te": ("tel",), "th": ("tha",), "tr": ("tur",), "uk": ("ukr",), "ur": ("urd",),
    "vi": ("vie",), "zh": ("chi", "zho"),
}  # fmt: skip
"""ISO 639-2 codes that containers use for each ISO 639-1 code, bibliographic and terminological."""


def sound_streams(container: av.container.InputContainer) -> list[av.audio.stream.AudioStream]:
    """Return the sound tracks that can be decoded, in the order of the file."""
    return [each for each in container.streams.audio if each.codec_context is not None and each.rate]


def language_of(stream: av.audio.stream.AudioStream) -> str:
    """Return the language that the file claims for a track, as it writes it; empty where it claims none."""
    language = str(stream.metadata.get("language", "")).strip().lower()
    return "" if language == "und" else language


def chosen_track(container: av.container.InputContainer, wanted: str, path: Path) -> int | None:
    """Return the number of the sound track to use, from 1; None without sound.

    Args:
        container: the file.
        wanted: ``auto`` for the first that is marked as default, else the first; a number; or a language code.
        path: the file, for the message.

    Raises:
        InputError: ``no_such_track``, naming the tracks that there are.
    """
    streams = sound_streams(container)
    if not streams:
        return None
    if wanted == AUTO:
        default = [bool(stream.disposition & av.stream.Disposition.default) for stream in streams]
        return 1 + (default.index(True) if True in default else 0)
    if wanted.isdecimal():
        if int(wanted) <= len(streams):
            return int(wanted)
    else:
        same = _same_language(wanted)
        for number, stream in enumerate(streams, 1):
            if language_of(stream).split("-")[0] in same:
                return number
    there = ", ".join(f"{number} ({language_of(each) or 'no language'})" for number, each in enumerate(streams, 1))
    raise InputError("no_such_track", f"has no sound track {wanted!r} (SOUND_TRACK); it has {there}", path)


def _same_language(code: str) -> set[str]:
    for short, longer in CODES.items():
        if code == short or code in longer:
            return {short, *longer}
    return {code}
