"""``manifest.json``: catalogue of one video's clips, and of the sentences that got none.

Its fields, with units, are described in ``manifest.schema.json`` beside this file.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from config import Config
from pipeline.errors import InputError
from pipeline.outputs.files import write_bytes
from pipeline.outputs.seal import DIGEST, sealed
from pipeline.settings import ATTRIBUTION, CLIPS, SPEECH, VISION, settings_that_affect
from pipeline.types import (
    GRID_FPS,
    AttributedWord,
    ClipPlan,
    DroppedSentence,
    Losses,
    ModelChoice,
    PictureSizes,
    Probe,
    Sentence,
)

SCHEMA_VERSION = 1
"""Version of the fields; it rises when one changes its meaning or goes away."""

TIME_DIGITS = 3
SCORE_DIGITS = 4

MAX_BYTES = 256 * 2**20
"""Size above which a file is refused before it is read: an hour of talk takes about 4 MB."""


@dataclass(frozen=True, slots=True)
class CutClip:
    """Clip that lies on disk, whole."""

    plan: ClipPlan
    flags: tuple[str, ...]
    """Doubts about it, as the schema lists them."""


def settings_of(config: Config) -> dict[str, Any]:
    """Return the settings that change clips, by name: two runs in which they agree do the same work."""
    return settings_that_affect(config, VISION, SPEECH, ATTRIBUTION, CLIPS)


def manifest_json(
    *,
    probe: Probe,
    frame_count: int,
    first_frame: int = 0,
    language: str,
    language_probability: float | None = None,
    fingerprint: str,
    config: Config,
    models: Sequence[ModelChoice],
    clips: Sequence[CutClip],
    dropped: Sequence[DroppedSentence],
    losses: Losses = Losses(),  # noqa: B008 - it is frozen
    speaking: Mapping[str, Any] | None = None,
    overlaps: Sequence[Mapping[str, Any]] | None = None,
    notes: Sequence[str] = (),
    sizes: PictureSizes | None = None,
    created_at: datetime | None = None,
) -> dict[str, Any]:
    """Return the manifest as JSON values: times to the millisecond, scores to four digits.

    Args:
        probe: the source.
        frame_count: number of the grid frame after the last that was decoded from it.
        first_frame: number of the first grid frame.
        language: language of the transcript.
        language_probability: its probability; None where it was not detected.
        fingerprint: fingerprint of input, settings and weights.
        config: the settings of the run.
        models: the model of each job.
        clips: clips in order of their numbers.
        dropped: sentences without a clip, in order of their numbers.
        losses: parts of the source that could not be read.
        speaking: result of `pipeline.outputs.speaking.speaking_json`; left out where it is None.
        overlaps: that of `pipeline.outputs.speaking.overlaps_json`; left out where it is None.
        notes: remarks on the source, for people.
        sizes: sizes of the pictures, as they were analysed; left out where it is None.
        created_at: moment of writing, with its time zone; now by default.
    """
    moment = (created_at or datetime.now(UTC)).astimezone(UTC)
    used: dict[str, Any] = {}
    for model in models:
        job = f"{model.role}_with" if model.role in used else model.role
        used[job] = {"name": model.name, "sha256": model.sha256}
    return {
        "schema_version": SCHEMA_VERSION,
        "created_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "fingerprint": fingerprint,
        "source": {
            **_source_json(probe, first_frame, frame_count, losses, sizes),
            "language": language,
            "language_probability": _score(language_probability),
            "notes": list(notes),
        },
        "settings": settings_of(config),
        "models": [_model_json(model) for model in models],
        **({} if speaking is None else {"speaking": dict(speaking)}),
        **({} if overlaps is None else {"overlaps": [dict(overlap) for overlap in overlaps]}),
        "clips": [_clip_json(clip, used) for clip in clips],
        "dropped": [_dropped_json(line) for line in dropped],
    }


def validate(manifest: Any) -> None:
    """Check *manifest* against the schema.

    Raises:
        InputError: ``bad_manifest``, naming the place and the fault.
    """
    error = best_match(_validator().iter_errors(manifest))
    if error is not None:
        raise InputError("bad_manifest", f"{error.json_path}: {error.message[:500]}")


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Validate *manifest* and write it to *path*, sealed, whole or not at all.

    The seal tells later readers that this very content was validated: see `pipeline.outputs.own_manifest`.

    Raises:
        ValueError: it does not fit the schema: a fault of the program, not of the user's file.
    """
    try:
        validate(manifest)
    except InputError as error:
        raise ValueError(f"write_manifest: {error}") from error
    write_bytes(path, sealed(manifest))


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest in *path*, without its digest, checked against the whole schema.

    Raises:
        InputError: ``unreadable`` when the file cannot be opened, ``bad_manifest`` when it is no valid manifest or
            greater than `MAX_BYTES`.
    """
    return validated(read_content(path), path)


def read_content(path: Path) -> bytes:
    """Return the bytes of a manifest.

    Raises:
        InputError: ``unreadable`` or ``bad_manifest``; see `read_manifest`.
    """
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise InputError("bad_manifest", f"has {size} bytes; at most {MAX_BYTES} are read", path)
        return path.read_bytes()
    except OSError as error:
        raise InputError("unreadable", f"cannot be read: {error.strerror or error}", path) from error


def parsed(content: bytes, path: Path) -> Any:
    """Return the JSON value of the bytes of a manifest; *path* is for messages.

    Raises:
        InputError: ``bad_manifest``: it is not JSON, or holds numbers that JSON cannot hold.
    """
    try:
        return json.loads(content, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError("bad_manifest", f"is not JSON: {error}", path) from error


def validated(content: bytes, path: Path) -> dict[str, Any]:
    """Return the manifest in the bytes *content* of *path*, checked against the whole schema.

    Raises:
        InputError: ``bad_manifest``.
    """
    manifest = parsed(content, path)
    try:
        validate(manifest)
    except (InputError, RecursionError) as error:
        message = error.message if isinstance(error, InputError) else "is nested too deeply"
        raise InputError("bad_manifest", message, path) from error
    manifest.pop(DIGEST, None)
    return manifest


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    """Parse a number of the file; refuse those beyond the range of a float, which could not be written again."""
    number = float(text)
    return number if math.isfinite(number) else _refuse_constant(text)


@functools.cache
def _validator() -> Draft202012Validator:
    schema = json.loads(Path(__file__).with_name("manifest.schema.json").read_bytes())
    return Draft202012Validator(schema)


def _source_json(
    probe: Probe, first_frame: int, frame_count: int, losses: Losses, sizes: PictureSizes | None
) -> dict[str, Any]:
    analysed = {} if sizes is None else dict(zip(("analysed_width", "analysed_height"), sizes.analysed_px, strict=True))
    return {
        "path": probe.url or str(probe.path),
        "container": probe.container,
        "duration": _seconds(_duration(probe, first_frame, frame_count)),
        "width": probe.width_px,
        "height": probe.height_px,
        **analysed,
        "rate": _rate(probe.rate),
        "rotation": probe.rotation_deg,
        "first_frame_time": round(float(probe.zero_s), 6),
        "lead": round(float(probe.lead_s), 6),
        "audio_rate": probe.audio_rate_hz,
        "audio_channels": probe.audio_channels,
        "sound_track": probe.sound_track if probe.has_audio else None,
        "sound_tracks": probe.sound_tracks if probe.has_audio else 0,
        "grid_rate": GRID_FPS,
        "grid_frames": frame_count - first_frame,
        "first_grid_frame": first_frame,
        "lost": {
            "picture_packets": losses.picture_packets,
            "sound_packets": losses.sound_packets,
            "missing": _seconds(losses.missing_s),
        },
    }


def _duration(probe: Probe, first_frame: int, frame_count: int) -> float:
    """Return the length of the picture: by the pictures counted, where the file claims nothing or less."""
    claims = probe.duration_of != "nothing" and probe.duration_s > 0
    counted_s = first_frame / GRID_FPS + probe.counted_s(frame_count - first_frame)
    return probe.duration_s if claims and probe.duration_s + 1 / GRID_FPS >= counted_s else counted_s


def _model_json(model: ModelChoice) -> dict[str, Any]:
    return {
        "job": model.role,
        "name": model.name,
        "file": None if model.weights is None else model.weights.name,
        "sha256": model.sha256,
        "stands_in_for": model.stands_in_for,
        "why": model.why,
    }


def _clip_json(clip: CutClip, used: Mapping[str, Any]) -> dict[str, Any]:
    plan = clip.plan
    return {
        "clip": plan.name,
        "index": plan.index,
        **_sentence_json(plan.sentence, plan.start_s, plan.end_s),
        "first_frame": plan.first_frame,
        "frame_count": plan.frame_count,
        "rate": _rate(plan.rate),
        "crop_style": plan.style,
        "width": plan.size_px[0],
        "height": plan.size_px[1],
        "tracks": list(plan.tracks),
        "gap": plan.gap,
        "not_in_view": _gaps_json(plan),
        "words_outside": [_word_json(spoken) for spoken in plan.words_outside],
        "flags": list(clip.flags),
        "models": dict(used),
    }


def _dropped_json(line: DroppedSentence) -> dict[str, Any]:
    sentence = line.sentence
    return {
        "index": line.index,
        "reason_code": line.reason_code,
        "message": line.message,
        **_sentence_json(sentence, sentence.start_s, sentence.end_s),
    }


def _sentence_json(sentence: Sentence, start_s: float, end_s: float) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "start_time": _seconds(start_s),
        "end_time": _seconds(end_s),
        "speaker_track": sentence.track,
        "speaker": sentence.speaker,
        "avg_score": _score(sentence.avg_score),
        "probability": _score(sentence.probability),
        "margin": _score(sentence.margin),
        "coverage": _score(sentence.coverage),
        "words": [_word_json(spoken) for spoken in sentence.words],
    }


def _word_json(spoken: AttributedWord) -> dict[str, Any]:
    word = spoken.word
    return {
        "text": word.text.strip(),
        "start": _seconds(word.start_s),
        "end": _seconds(word.end_s),
        "confidence": _score(word.confidence),
        "timing": word.timing,
        "speaker": spoken.speaker,
        "probability": _score(dict(spoken.probabilities).get(spoken.track)),
    }


def _gaps_json(plan: ClipPlan) -> list[list[float]]:
    """Return the spans of the clip on which the face is not in view, as [start, end] in seconds of the video."""
    edges: list[int] = []
    seen = True
    for i, covered in enumerate([*plan.covered.tolist(), True]):
        if covered != seen:
            edges.append(plan.first_frame + i)
            seen = covered
    times = [_seconds(float(edge / plan.rate)) for edge in edges]
    return [list(pair) for pair in zip(times[::2], times[1::2], strict=True)]


def _rate(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _seconds(value: float) -> float:
    return round(float(value), TIME_DIGITS)


def _score(value: float | None) -> float | None:
    return None if value is None else round(float(value), SCORE_DIGITS)
