"""Reader of a transcript that the user brings: JSON of openai-whisper or whisperX, or SubRip subtitles.

The file comes from outside. The result is always a sound `Transcript`, with notes on the repairs, or an `InputError`
that names the place; nothing in the file is ever run.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

import numpy as np

from pipeline.errors import InputError
from pipeline.outputs.transcript import is_own
from pipeline.speech import UNKNOWN_LANGUAGE
from pipeline.speech.given_srt import end_of, read_srt
from pipeline.speech.repairs import Repairs
from pipeline.speech.repeats import REPEATED
from pipeline.speech.words import attach_marks, is_unspaced, place_words, split_words
from pipeline.types import Segment, Timing, Transcript, Word

MAX_BYTES = 64 * 2**20
"""Size above which a file is refused: with every field that Whisper writes, an hour of speech takes about 3 MB."""

MAX_WORDS = 250_000
"""Most words of one file: twenty hours of fast speech."""

LONGEST_WORD = 1000
"""Most characters of a word with its marks: longer ones are no speech, and breaking lines in them would take for
ever."""

MAX_AT_ONCE = 50
"""Most words that are said at the same time: each needs a row of its own when they are given to faces."""

LATEST_S = 1e6
"""Latest time, eleven days: later ones are a mistake of unit."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters and halves of characters: no file could be written with the latter."""

_LANGUAGE_CODE = re.compile(r"([a-z]{2,3})(?:[-_]|$)")
"""Pattern for ``en`` in ``en`` and ``en-US``; a language that is written out, such as ``english``, does not match."""

_REACH = 64
"""Characters between two words within which the second is looked for in the text of its segment."""


T = TypeVar("T")

Zero = Literal["picture", "sound", "container"]
"""Instant from which a file counts its times: the first video frame (our own transcripts), the first sample of the
sound (those of recognisers), the start of the container (subtitles: players count from there)."""


@dataclass(frozen=True, slots=True)
class GivenTranscript:
    """Transcript with the times of its file."""

    transcript: Transcript
    zero: Zero


@dataclass(frozen=True, slots=True)
class _Detail:
    """Details of a word in a file, beside its text."""

    times_s: tuple[float, float]
    """Start and end; NaN where the file has none or gives the word no length."""
    timing: Timing
    confidence: float | None


_NO_TIME = _Detail((math.nan, math.nan), "interpolated", None)


def read_transcript(path: Path, language: str = "auto") -> Transcript:
    """Return the transcript of `read_given`, with the times of its file."""
    return read_given(path, language).transcript


def read_given(path: Path, language: str = "auto") -> GivenTranscript:
    """Read a transcript in words, and the instant from which it counts.

    Faulty parts of the file are mended where possible, or left out; ``notes`` names each with its place.

    Words that have no time in the file share the room that their neighbours and their segment leave them, by their
    number of characters, and are marked ``interpolated``. Segments come in order of their start; those of different
    speakers may overlap. What `pipeline.outputs.transcript` wrote is read back as it was, the speakers left out.

    Args:
        path: a file named ``.json`` or ``.srt``.
        language: ISO 639-1 code of the text where the file gives none; ``auto`` gives ``und``, undetermined.

    Raises:
        InputError: ``bad_transcript`` when nothing in it can be used, naming the file and the place in it.
    """
    path = Path(path)
    text = read_text(path)
    fallback = UNKNOWN_LANGUAGE if language == "auto" else language
    repairs = Repairs()
    try:
        if path.suffix.lower() == ".srt":
            given = GivenTranscript(Transcript(fallback, _from_srt(text, repairs)), "container")
        elif path.suffix.lower() == ".json":
            given = _from_json(text, fallback, repairs)
        else:
            _refuse("", f"a transcript ends in .json or .srt, not in {path.suffix!r}")
        _check_amount(given.transcript.words)
    except InputError as error:
        raise InputError(error.reason_code, error.message, path) from error
    return replace(given, transcript=replace(given.transcript, notes=repairs.notes(path.name)))


def transcript_digest(path: Path) -> str:
    """Return the sha256 of a transcript file, in hexadecimal.

    Raises:
        InputError: ``bad_transcript`` when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError("bad_transcript", f"cannot be read: {error.strerror or error}", path) from error


def read_text(path: Path) -> str:
    """Return the text of a transcript file.

    Raises:
        InputError: ``bad_transcript`` when it cannot be read, or is no text.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError("bad_transcript", f"has {size} bytes; at most {MAX_BYTES} are read", path)
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


def _from_srt(text: str, repairs: Repairs) -> tuple[Segment, ...]:
    segments = []
    for cue in read_srt(text, repairs):
        texts = split_words(_CONTROL.sub(" ", cue.text))
        if cue.end_s > LATEST_S:
            repairs.add(f"line {cue.line}", f"{cue.end_s:g} s is beyond {LATEST_S:g} s; the cue was left out")
        elif texts:
            segments.append(_segment(texts, [_NO_TIME] * len(texts), cue.start_s, cue.end_s))
    if not segments:
        _refuse("", repairs.first or "holds no words")
    return _in_order(segments)


def _check_amount(words: Sequence[Word]) -> None:
    """Refuse amounts that would keep the rest of the pipeline busy for hours and cannot be speech."""
    if len(words) > MAX_WORDS:
        _refuse("", f"has {len(words)} words; at most {MAX_WORDS} are read")
    starts_s = np.sort([word.start_s for word in words if word.end_s > word.start_s])
    ends_s = np.sort([word.end_s for word in words if word.end_s > word.start_s])
    at_once = np.arange(1, len(starts_s) + 1) - np.searchsorted(ends_s, starts_s, side="right")
    if at_once.max(initial=0) > MAX_AT_ONCE:
        place_s = starts_s[int(at_once.argmax())]
        _refuse("", f"{at_once.max()} words are said at {place_s:.2f} s, more than {MAX_AT_ONCE} at the same time")


def _from_json(text: str, language: str, repairs: Repairs) -> GivenTranscript:
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
    parts = [
        _json_segment(part, f"segments[{index}]", least_s, repairs) for index, part in enumerate(content["segments"])
    ]
    segments = _all_timed([part for part in parts if part is not None], repairs)
    if parts and not segments:
        _refuse("", repairs.first or "holds no words")
    transcript = Transcript(code[1] if code else language, _in_order(segments))
    return GivenTranscript(transcript, zero)


@dataclass(frozen=True, slots=True)
class _Untimed:
    """Words of a segment for which a file has no time, or only one of its ends."""

    place: str
    texts: tuple[str, ...]
    details: Sequence[_Detail]
    flags: tuple[str, ...]
    start_s: float | None
    end_s: float | None


def _all_timed(parts: Sequence[Segment | _Untimed], repairs: Repairs) -> list[Segment]:
    """Return segments in the order of the file; those without a time get the room between their neighbours, if any."""
    found: list[Segment] = []
    for index, part in enumerate(parts):
        if isinstance(part, Segment):
            found.append(part)
            continue
        before_s, after_s = part.start_s, part.end_s
        if before_s is None:
            before_s = max((segment.end_s for segment in found), default=None if after_s is None else 0.0)
        if after_s is None:
            after_s = next((later.start_s for later in parts[index + 1 :] if isinstance(later, Segment)), None)
            if part.start_s is not None:
                after_s = end_of(part.start_s, math.inf if after_s is None else after_s, sum(map(len, part.texts)))
        ends = {(True, True): "neither start nor end", (True, False): "no start", (False, True): "no end"}
        wrong = f"has {ends[part.start_s is None, part.end_s is None]}, and no word with times"
        if before_s is None or after_s is None or after_s <= before_s:
            repairs.add(part.place, f"{wrong}, and its neighbours leave no room; it was left out")
        else:
            repairs.add(part.place, f"{wrong}; it was given {before_s:g} to {after_s:g} s")
            found.append(_segment(part.texts, part.details, before_s, after_s, part.flags))
    return found


def _json_segment(part: Any, place: str, least_s: float, repairs: Repairs) -> Segment | _Untimed | None:
    if not isinstance(part, dict):
        repairs.add(place, f"expected an object, got {_shown(part)}; it was left out")
        return None
    text = _mended(lambda: _text(part.get("text", ""), f"{place}.text"), repairs, "the words alone were read") or ""
    entries = part.get("words")
    if entries is not None and not isinstance(entries, list):
        repairs.add(f"{place}.words", f"expected a list, got {_shown(entries)}; the text alone was read")
        entries = None
    all_read = [_json_word(entry, f"{place}.words[{i}]", least_s, repairs) for i, entry in enumerate(entries or ())]
    read = [word for word in all_read if word is not None]
    kept = attach_marks(_spaced([word for word, _ in read], text))
    texts = tuple(joined for joined, _ in kept) or split_words(text)
    details = [read[index][1] for _, index in kept] or [_NO_TIME] * len(texts)
    if not texts:
        return None
    times_s = np.array([detail.times_s for detail in details], np.float64)
    start_s, end_s = _span(part, place, least_s, repairs)
    flags = _mended(lambda: _flags(part, place), repairs, "they were left out") or ()
    reach = [bound for bound in (start_s, end_s) if bound is not None]
    reach.extend(times_s[np.isfinite(times_s)].tolist())
    if len(reach) < 2:
        return _Untimed(place, texts, details, flags, start_s, end_s)
    return _segment(texts, details, min(reach), max(reach), flags)


def _json_word(entry: Any, place: str, least_s: float, repairs: Repairs) -> tuple[str, _Detail] | None:
    """Return the text and the details of one word."""
    if not isinstance(entry, dict):
        repairs.add(place, f"expected an object, got {_shown(entry)}; it was left out")
        return None
    text = _mended(lambda: _text(entry.get("word"), f"{place}.word"), repairs, "it was left out")
    if text is None:
        return None
    start_s, end_s = _span(entry, place, least_s, repairs)
    times_s, timing = _NO_TIME.times_s, _NO_TIME.timing
    if start_s is not None and end_s is not None:
        if entry.get("timing") == "interpolated":
            times_s = (start_s, end_s)
        elif start_s < end_s:
            times_s, timing = (start_s, end_s), "measured"
    confidence = _mended(lambda: _confidence(entry, place), repairs, "it was left out")
    return text, _Detail(times_s, timing, confidence)


def _mended(read: Callable[[], T], repairs: Repairs, how: str) -> T | None:
    """Return the result of *read*; None where it refuses, which is noted with *how* it was mended."""
    try:
        return read()
    except InputError as error:
        place, _, wrong = error.message.partition(": ")
        repairs.add(place, f"{wrong}; {how}")
        return None


def _span(part: Mapping[str, Any], place: str, least_s: float, repairs: Repairs) -> tuple[float | None, float | None]:
    """Return start and end of a segment or word, in order; None for one that is missing or wrong in the file."""
    start_s, end_s = (
        _mended(lambda name=name: _optional_time(part, name, place, least_s), repairs, "the time was left out")
        for name in ("start", "end")
    )
    if start_s is not None and end_s is not None and end_s < start_s:
        repairs.add(place, f"ends at {end_s:g} s, before it starts at {start_s:g} s; the two were exchanged")
        return end_s, start_s
    return start_s, end_s


def _confidence(entry: Mapping[str, Any], place: str) -> float | None:
    confidence = entry.get("probability", entry.get("score"))
    if confidence is None:
        return None
    if not 0 <= _number(confidence, f"{place}.probability") <= 1:
        _refuse(f"{place}.probability", f"expected 0 to 1, got {_shown(confidence)}")
    return float(confidence)


def _flags(part: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """Return the doubts that this program noted of a segment in an earlier run."""
    flags = part.get("flags", [])
    if not isinstance(flags, list):
        _refuse(f"{place}.flags", f"expected a list, got {_shown(flags)}")
    return tuple(dict.fromkeys(flag for flag in flags if flag == REPEATED))


def _spaced(words: Sequence[str], text: str) -> tuple[str, ...]:
    """Return the words in Whisper's convention. whisperX leaves spaces out; the segment's text shows where they
    were."""
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
