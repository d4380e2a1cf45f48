"""``attribution.json``: who says each word of a video, and the sentences that they make.

The words themselves stand in ``transcript.json``, in the same order; this file names them by their place there, and
faces by their tracks in ``tracks.npz``. So it holds for these two alone: ``made_of`` is their digest. It is sealed
(`pipeline.outputs.seal`), and numbers come back as they were, to the last bit.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.outputs.files import write_bytes
from pipeline.outputs.seal import seal_of, sealed
from pipeline.types import AttributedWord, Attribution, Overlap, Sentence, Word

SCHEMA_VERSION = 2
MAX_BYTES = 1 << 30


def digest_of(tracks: Path, words: Sequence[Word]) -> str:
    """Return the digest of faces and words, for `write_attribution`: 64 hexadecimal digits.

    Args:
        tracks: the file of faces.
        words: of the transcript. Speakers that are added to its file later do not count.

    Raises:
        InputError: ``unreadable``.
    """
    try:
        with tracks.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise InputError("unreadable", f"cannot be read: {error.strerror or error}", tracks) from error
    digest.update(json.dumps([[word.text, word.start_s, word.end_s, word.timing] for word in words]).encode())
    return digest.hexdigest()


def write_attribution(path: Path, attribution: Attribution, mark: str, made_of: str) -> None:
    """Write *attribution* to *path*, whole or not at all.

    Args:
        path: where to.
        attribution: whose sentences are made of its own words.
        mark: its fingerprint.
        made_of: `digest_of` the faces and words.
    """
    places = {id(word): place for place, word in enumerate(attribution.words)}
    content = {
        "schema_version": SCHEMA_VERSION,
        "fingerprint": mark,
        "made_of": made_of,
        "words": [
            [word.track, word.speaker, [[track, float(share)] for track, share in word.probabilities]]
            for word in attribution.words
        ],
        "sentences": [
            {
                "words": [places[id(word)] for word in sentence.words],
                "track": sentence.track,
                "speaker": sentence.speaker,
                "avg_score": _float(sentence.avg_score),
                "probability": _float(sentence.probability),
                "margin": _float(sentence.margin),
                "coverage": float(sentence.coverage),
            }
            for sentence in attribution.sentences
        ],
        "overlaps": [[each.start_s, each.end_s, list(each.tracks)] for each in attribution.overlaps],
    }
    write_bytes(path, sealed(content))


def attribution_marks(path: Path) -> tuple[str, str]:
    """Return the fingerprint in *path*, whose content is as it was written, and the digest of what it was made of.

    Raises:
        InputError: as of `read_attribution`.
    """
    content = _read(path)
    return content["fingerprint"], content["made_of"]


def read_attribution(path: Path, words: Sequence[Word]) -> Attribution:
    """Return what `write_attribution` wrote to *path*.

    Args:
        path: the file.
        words: of the transcript that it is of.

    Raises:
        InputError: ``unreadable`` when the file cannot be opened, ``bad_attribution`` when it is none of ours, damaged,
            or of other words.
    """
    content = _read(path)
    try:
        lines = content["words"]
        if len(lines) != len(words):
            raise ValueError(f"it is of {len(lines)} words, and the transcript has {len(words)}")
        attributed = tuple(_word(word, line) for word, line in zip(words, lines, strict=True))
        sentences = tuple(_sentence(attributed, line) for line in content["sentences"])
        return Attribution(attributed, sentences, tuple(_overlap(*line) for line in content["overlaps"]))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise InputError("bad_attribution", f"is no attribution of this program: {error}", path) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ValueError(f"it has {size} bytes; at most {MAX_BYTES} are read")
        raw = path.read_bytes()
        if seal_of(raw) is None:
            raise ValueError("its content does not match its digest")
        content = json.loads(raw)
        if content["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"expected version {SCHEMA_VERSION}, got {content['schema_version']!r:.40}")
        for name in ("fingerprint", "made_of"):
            if not isinstance(content[name], str):
                raise ValueError(f"expected text as {name}, got {content[name]!r:.40}")
        return content
    except OSError as error:
        raise InputError("unreadable", f"cannot be read: {error.strerror or error}", path) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError("bad_attribution", f"is no attribution of this program: {error}", path) from error


def _word(word: Word, line: Any) -> AttributedWord:
    track, speaker, shares = line
    probabilities = tuple((_number_of(face), _finite(share)) for face, share in shares)
    return AttributedWord(word, _number_of(track), _number_of(speaker), probabilities)


def _sentence(words: Sequence[AttributedWord], line: dict[str, Any]) -> Sentence:
    places = [_number_of(place) for place in line["words"]]
    return Sentence(
        words=tuple(words[place] for place in places if place is not None),
        track=_number_of(line["track"]),
        speaker=_number_of(line["speaker"]),
        avg_score=_score(line["avg_score"]),
        probability=_score(line["probability"]),
        margin=_score(line["margin"]),
        coverage=_finite(line["coverage"]),
    )


def _overlap(start_s: Any, end_s: Any, tracks: Any) -> Overlap:
    numbers = (_number_of(track) for track in tracks)
    return Overlap(_finite(start_s), _finite(end_s), tuple(track for track in numbers if track is not None))


def _score(value: Any) -> float | None:
    return None if value is None else _finite(value)


def _number_of(value: Any) -> int | None:
    if value is not None and (type(value) is not int or value < 0):
        raise ValueError(f"expected a number from 0, got {value!r:.40}")
    return value


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {value!r:.40}")
    return float(value)


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
