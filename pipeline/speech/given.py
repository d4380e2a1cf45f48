"""A transcript that the user brings: JSON as openai-whisper or whisperX writes it, or SubRip subtitles.

The file comes from outside. Whatever is in it, the result is a sound `Transcript` or an `InputError` that names the
place; nothing in it is ever run.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import pysubs2
from pysubs2.time import TIMESTAMP

from pipeline.errors import InputError
from pipeline.outputs.transcript import is_own
from pipeline.speech import UNKNOWN_LANGUAGE
from pipeline.speech.repeats import REPEATED
from pipeline.speech.words import attach_marks, is_unspaced, place_words, split_words
from pipeline.types import Segment, Timing, Transcript, Word

LARGEST_BYTES = 64 * 2**20
"""Greater files are refused: with every field that Whisper writes, an hour of speech takes about 3 MB."""

MOST_WORDS = 250_000
"""Words of one file: twenty hours of fast speech."""

LONGEST_WORD = 1000
"""Characters of a word with its marks: what is longer is no speech, and lines would be broken in it for ever."""

LONGEST_CUE = 10_000
"""Characters of one subtitle: patterns that look for styles in it take the square of its length."""

MOST_AT_ONCE = 50
"""Words that are said at the same time: each needs a row of its own when they are given to faces."""

LATEST_S = 1e6
"""Times beyond eleven days are a mistake of unit."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters and halves of characters: no file could be written with the latter."""

_LANGUAGE_CODE = re.compile(r"([a-z]{2,3})(?:[-_]|$)")
"""``en`` of ``en`` and ``en-US``; a language that is written out, such as ``english``, is none."""

_REACH = 64
"""Characters between two words within which the second is looked for in the text of its segment."""

_TIMES = re.compile(r"\d\s*-->\s*\d")
"""Marks a line of times; one that is left in the text of a cue was not understood."""


Zero = Literal["picture", "sound", "container"]
"""Instant from which a file counts its times: the first video frame (our own transcripts), the first sample of the
sound (those of recognisers), the start of the container (subtitles: players count from there)."""


@dataclass(frozen=True, slots=True)
class GivenTranscript:
    """A transcript as its file has it."""

    transcript: Transcript
    zero: Zero


@dataclass(frozen=True, slots=True)
class _Detail:
    """What a file says of a word beside its text."""

    times_s: tuple[float, float]
    """Start and end; NaN where the file has none or gives the word no length."""
    timing: Timing
    confidence: float | None


_NO_TIME = _Detail((math.nan, math.nan), "interpolated", None)


def read_transcript(path: Path, language: str = "auto") -> Transcript:
    """The transcript of `read_given`, with the times of its file."""
    return read_given(path, language).transcript


def read_given(path: Path, language: str = "auto") -> GivenTranscript:
    """Reads a transcript in words, and says from which instant it counts.

    Words that have no time in the file share the room that their neighbours and their segment leave them, by their
    number of characters, and are marked ``interpolated``. Segments come in order of their start; those of different
    speakers may overlap. What `pipeline.outputs.transcript` wrote is read back as it was, the speakers left out.

    Args:
        path: a file named ``.json`` or ``.srt``.
        language: ISO 639-1 code of the text where the file gives none; ``auto`` gives ``und``, undetermined.

    Raises:
        InputError: ``bad_transcript``, naming the file and the place in it.
    """
    path = Path(path)
    text = _read_text(path)
    fallback = UNKNOWN_LANGUAGE if language == "auto" else language
    try:
        if path.suffix.lower() == ".srt":
            given = GivenTranscript(Transcript(fallback, _from_srt(text)), "container")
        elif path.suffix.lower() == ".json":
            given = _from_json(text, fallback)
        else:
            _refuse("", f"a transcript ends in .json or .srt, not in {path.suffix!r}")
        _check_amount(given.transcript.words)
    except InputError as error:
        raise InputError(error.reason_code, error.message, path) from error
    return given


def transcript_digest(path: Path) -> str:
    """The sha256 of a transcript file, in hexadecimal.

    Raises:
        InputError: ``bad_transcript`` when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError("bad_transcript", f"cannot be read: {error.strerror or error}", path) from error


def _read_text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise InputError("bad_transcript", f"has {size} bytes; at most {LARGEST_BYTES} are read", path)
        data = path.read_bytes()
    except OSError as error:
        raise InputError("bad_transcript", f"cannot be read: {error.strerror or error}", path) from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            "bad_transcript",
            f"is not {encoding.removesuffix('-sig').upper()} text at byte {error.start}. Save it as UTF-8",
            path,
        ) from error


def _from_srt(text: str) -> tuple[Segment, ...]:
    _check_cues(text)
    cues = pysubs2.SSAFile.from_string(text, format_="srt")
    segments = []
    for number, cue in enumerate(cues, 1):
        place = f"cue {number}"
        if _TIMES.search(cue.text):
            _refuse(place, "a line of times inside it is not of the form 00:00:01,000 --> 00:00:02,000")
        start_s, end_s = _time(cue.start / 1000, place), _time(cue.end / 1000, place)
        _check_order(start_s, end_s, place)
        texts = split_words(_CONTROL.sub(" ", cue.plaintext))
        if texts:
            segments.append(_segment(texts, [_NO_TIME] * len(texts), start_s, end_s))
    if not segments:
        _refuse("", "holds no words")
    return _in_order(segments)


def _check_cues(text: str) -> None:
    """Refuses a subtitle that is too long to be one; a line with two times begins one, as pysubs2 has it."""
    number = length = 0
    for line in text.split("\n"):
        if len(TIMESTAMP.findall(line)) == 2:
            number, length = number + 1, 0
        elif number:
            length += len(line) + 1
            if length > LONGEST_CUE:
                _refuse(f"cue {number}", f"has more than {LONGEST_CUE} characters")


def _check_amount(words: Sequence[Word]) -> None:
    """Refuses what would keep the rest of the pipeline busy for hours and cannot be speech."""
    if len(words) > MOST_WORDS:
        _refuse("", f"has {len(words)} words; at most {MOST_WORDS} are read")
    starts_s = np.sort([word.start_s for word in words if word.end_s > word.start_s])
    ends_s = np.sort([word.end_s for word in words if word.end_s > word.start_s])
    at_once = np.arange(1, len(starts_s) + 1) - np.searchsorted(ends_s, starts_s, side="right")
    if at_once.max(initial=0) > MOST_AT_ONCE:
        place_s = starts_s[int(at_once.argmax())]
        _refuse("", f"{at_once.max()} words are said at {place_s:.2f} s, more than {MOST_AT_ONCE} at the same time")


def _from_json(text: str, language: str) -> GivenTranscript:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("bad_transcript", f"is not JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("segments"), list):
        _refuse("", 'expected an object with a list "segments", as openai-whisper and whisperX write it')
    said = content.get("language")
    if said is not None and not isinstance(said, str):
        _refuse("language", f"expected a code such as en, got {_shown(said)}")
    code = _LANGUAGE_CODE.match(said or "")
    zero: Zero = "picture" if is_own(content) else "sound"
    least_s = -LATEST_S if zero == "picture" else 0.0
    parts = [_json_segment(part, f"segments[{index}]", least_s) for index, part in enumerate(content["segments"])]
    segments = [segment for segment in parts if segment is not None]
    if parts and not segments:
        _refuse("", "holds no words")
    return GivenTranscript(Transcript(code[1] if code else language, _in_order(segments)), zero)


def _json_segment(part: Any, place: str, least_s: float) -> Segment | None:
    if not isinstance(part, dict):
        _refuse(place, f"expected an object, got {_shown(part)}")
    text = _text(part.get("text", ""), f"{place}.text")
    entries = part.get("words")
    if entries is not None and not isinstance(entries, list):
        _refuse(f"{place}.words", f"expected a list, got {_shown(entries)}")
    read = [_json_word(entry, f"{place}.words[{index}]", least_s) for index, entry in enumerate(entries or ())]
    kept = attach_marks(_spaced([word for word, _ in read], text))
    texts = tuple(joined for joined, _ in kept) or split_words(text)
    details = [read[index][1] for _, index in kept] or [_NO_TIME] * len(texts)
    if not texts:
        return None
    times_s = np.array([detail.times_s for detail in details], np.float64)
    start_s, end_s = (_optional_time(part, name, place, least_s) for name in ("start", "end"))
    reach = [bound for bound in (start_s, end_s) if bound is not None]
    if len(reach) == 2:
        _check_order(reach[0], reach[1], place)
    elif np.isnan(times_s).all():
        _refuse(place, "has neither start and end nor a word with them")
    reach.extend(times_s[np.isfinite(times_s)].tolist())
    return _segment(texts, details, min(reach), max(reach), _flags(part, place))


def _json_word(entry: Any, place: str, least_s: float) -> tuple[str, _Detail]:
    """Text of one word, and what else is said of it."""
    if not isinstance(entry, dict):
        _refuse(place, f"expected an object, got {_shown(entry)}")
    text = _text(entry.get("word"), f"{place}.word")
    start_s, end_s = (_optional_time(entry, name, place, least_s) for name in ("start", "end"))
    times_s, timing = _NO_TIME.times_s, _NO_TIME.timing
    if start_s is not None and end_s is not None:
        _check_order(start_s, end_s, place)
        if entry.get("timing") == "interpolated":
            times_s = (start_s, end_s)
        elif start_s < end_s:
            times_s, timing = (start_s, end_s), "measured"
    confidence = entry.get("probability", entry.get("score"))
    if confidence is not None and not 0 <= _number(confidence, f"{place}.probability") <= 1:
        _refuse(f"{place}.probability", f"expected 0 to 1, got {_shown(confidence)}")
    return text, _Detail(times_s, timing, None if confidence is None else float(confidence))


def _flags(part: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """The doubts that this program noted of a segment in an earlier run."""
    flags = part.get("flags", [])
    if not isinstance(flags, list):
        _refuse(f"{place}.flags", f"expected a list, got {_shown(flags)}")
    return tuple(dict.fromkeys(flag for flag in flags if flag == REPEATED))


def _spaced(words: Sequence[str], text: str) -> tuple[str, ...]:
    """The words in Whisper's convention. whisperX leaves their spaces out; the segment's text tells where they were."""
    if any(word[:1].isspace() for word in words):
        return tuple(" " + " ".join(word.split()) if word[:1].isspace() else " ".join(word.split()) for word in words)
    spaced, at = [], 0
    for number, word in enumerate(words):
        word = word.strip()
        found = text.find(word, at, at + len(word) + _REACH)
        has_space = text[found - 1 : found].isspace() if found > 0 and number > 0 else not is_unspaced(word)
        at = found + len(word) if found >= 0 else at
        spaced.append(f" {word}" if has_space else word)
    return tuple(spaced)


def _segment(
    texts: Sequence[str], details: Sequence[_Detail], start_s: float, end_s: float, flags: tuple[str, ...] = ()
) -> Segment:
    longest = max(map(len, texts))
    if longest > LONGEST_WORD:
        _refuse("", f"holds a word of {longest} characters, {_shown(max(texts, key=len))}; at most {LONGEST_WORD} are")
    placed, _ = place_words(texts, np.array([detail.times_s for detail in details], np.float64), start_s, end_s)
    words = tuple(
        Word(text, float(first), float(last), detail.confidence, detail.timing)
        for text, (first, last), detail in zip(texts, placed, details, strict=True)
    )
    return Segment(start_s, end_s, "".join(texts), words, flags)


def _in_order(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    return tuple(sorted(segments, key=lambda segment: segment.start_s))


def _optional_time(part: Mapping[str, Any], name: str, place: str, least_s: float) -> float | None:
    value = part.get(name)
    return None if value is None else _time(value, f"{place}.{name}", least_s)


def _time(value: Any, place: str, least_s: float = 0.0) -> float:
    number = _number(value, place)
    if not least_s <= number <= LATEST_S:
        _refuse(place, f"expected seconds from {least_s:g} to {LATEST_S:g}, got {_shown(value)}")
    return number


def _check_order(start_s: float, end_s: float, place: str) -> None:
    if end_s < start_s:
        _refuse(place, f"ends at {end_s:g} s, before it starts at {start_s:g} s")


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (value != value):
        _refuse(place, f"expected a number, got {_shown(value)}")
    return float(value) if abs(value) < 1e300 else math.inf if value > 0 else -math.inf


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        _refuse(place, f"expected text, got {_shown(value)}")
    return _CONTROL.sub(" ", value)


def _shown(value: Any) -> str:
    shown = repr(value) if isinstance(value, (int, float, str)) else type(value).__name__
    return shown if len(shown) <= 40 else shown[:37] + "..."


def _refuse(place: str, message: str) -> NoReturn:
    raise InputError("bad_transcript", f"{place}: {message}" if place else message)
