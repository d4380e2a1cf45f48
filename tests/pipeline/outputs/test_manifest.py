"""``manifest.json`` and its schema."""

from __future__ import annotations

import copy
import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from config import Config
from pipeline.errors import InputError
from pipeline.graph import GRAPH
from pipeline.outputs import manifest as module
from pipeline.outputs.manifest import (
    CutClip,
    manifest_json,
    read_manifest,
    settings_of,
    validate,
    write_manifest,
)
from pipeline.types import AttributedWord, ClipPlan, DroppedSentence, ModelChoice, Probe, Sentence, Word

SCHEMA = json.loads(Path(module.__file__).with_name("manifest.schema.json").read_bytes())
PROBE = Probe(
    *(Path("/v/a b.mp4"), "mov,mp4", 4.0040001, 640, 360, Fraction(30000, 1001), 90, Fraction(1, 3), 44100, 2),
    lead_s=Fraction(38, 25),
)
SENTENCE = Sentence(
    (
        AttributedWord(Word(" Hi", 1.0000001, 1.5, 0.123456), 2, 1, ((2, 0.876543), (None, 0.1), (5, 0.023457))),
        AttributedWord(Word(" you.", 1.5, 1.9), 2, 1),
    ),
    *(2, 1, 1.23456789, 0.77777777, 2.5, 1.0),
)
PLAN = ClipPlan(
    4,
    SENTENCE,
    22,
    np.zeros((31, 4), np.float32),
    "face",
    np.array([False] * 3 + [True] * 20 + [False] * 8),
    (224, 224),
    tracks=(2, 7),
    gap="wide",
)
HI = {"text": "Hi", "start": 1.0, "end": 1.5, "timing": "measured", "speaker": 1}
YOU = {"text": "you.", "start": 1.5, "end": 1.9, "timing": "measured", "speaker": 1}
UNSEEN = Sentence((AttributedWord(Word(" Oh", 3.0, 3.2), None, None),), None, None, None, None, None, 0.0)


def _manifest(**changed: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "probe": PROBE,
        "frame_count": 100,
        "language": "en",
        "language_probability": 0.98765,
        "fingerprint": "abc",
        "config": Config(),
        "models": [
            ModelChoice("faces", "mtcnn", None, stands_in_for="s3fd", why="not found"),
            ModelChoice("words", "base", Path("/w/base.pt"), "0f" * 32),
        ],
        "clips": [CutClip(PLAN, ("face_gap",))],
        "dropped": [DroppedSentence(5, UNSEEN, "not_visible", "no face is in view")],
        "notes": ["no speech"],
        "created_at": datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    return manifest_json(**{**values, **changed})


def test_a_clip_has_its_fields_rounded() -> None:
    (clip,) = _manifest()["clips"]
    assert clip == {
        "clip": "seg_0004_track_002.mp4",
        "index": 4,
        "text": "Hi you.",
        "start_time": 0.88,
        "end_time": 2.12,
        "speaker_track": 2,
        "speaker": 1,
        "avg_score": 1.2346,
        "probability": 0.7778,
        "margin": 2.5,
        "coverage": 1.0,
        "words": [
            {**HI, "confidence": 0.1235, "probability": 0.8765},
            {**YOU, "confidence": None, "probability": None},
        ],
        "first_frame": 22,
        "frame_count": 31,
        "rate": "25/1",
        "crop_style": "face",
        "width": 224,
        "height": 224,
        "tracks": [2, 7],
        "gap": "wide",
        "not_in_view": [[0.88, 1.0], [1.8, 2.12]],
        "words_outside": [],
        "flags": ["face_gap"],
        "models": {"faces": {"name": "mtcnn", "sha256": None}, "words": {"name": "base", "sha256": "0f" * 32}},
    }


def test_a_trimmed_clip_at_the_rate_of_its_source() -> None:
    first, second = SENTENCE.words
    plan = dataclasses.replace(
        PLAN,
        sentence=dataclasses.replace(SENTENCE, words=(second,)),
        first_frame=45,
        rate=Fraction(30000, 1001),
        covered=np.array([True] * 29 + [False] * 2),
        gap="trim",
        words_outside=(first,),
    )
    (clip,) = _manifest(clips=[CutClip(plan, ())])["clips"]
    assert (clip["text"], clip["gap"], clip["rate"]) == ("you.", "trim", "30000/1001")
    assert (clip["start_time"], clip["end_time"]) == (1.502, 2.536)  # 45 and 76 frames of 1001/30000 s
    assert clip["not_in_view"] == [[2.469, 2.536]]
    assert clip["words_outside"] == [{**HI, "confidence": 0.1235, "probability": 0.8765}]


def test_both_files_of_a_speaker_model_are_told() -> None:
    speaking = [ModelChoice("speaking", name, Path(f"/w/{name}"), sha * 32) for name, sha in (("a", "0a"), ("b", "0b"))]
    manifest = _manifest(models=speaking)
    assert [(line["name"], line["sha256"]) for line in manifest["models"]] == [("a", "0a" * 32), ("b", "0b" * 32)]
    assert manifest["clips"][0]["models"] == {
        "speaking": {"name": "a", "sha256": "0a" * 32},
        "speaking_with": {"name": "b", "sha256": "0b" * 32},
    }


def test_a_dropped_sentence_has_its_reason() -> None:
    (line,) = _manifest()["dropped"]
    assert (line["index"], line["reason_code"], line["message"]) == (5, "not_visible", "no face is in view")
    assert (line["start_time"], line["end_time"], line["text"]) == (3.0, 3.2, "Oh")
    assert (line["speaker_track"], line["avg_score"]) == (None, None)


def test_source_and_models_are_told() -> None:
    manifest = _manifest()
    assert manifest["source"] == {
        "path": "/v/a b.mp4",
        "container": "mov,mp4",
        "duration": 4.004,
        "width": 640,
        "height": 360,
        "rate": "30000/1001",
        "rotation": 90,
        "first_frame_time": 0.333333,
        "lead": 1.52,
        "audio_rate": 44100,
        "audio_channels": 2,
        "sound_track": 1,
        "sound_tracks": 1,
        "grid_rate": 25,
        "grid_frames": 100,
        "first_grid_frame": 0,
        "lost": {"picture_packets": 0, "sound_packets": 0, "missing": 0.0},
        "language": "en",
        "language_probability": 0.9877,
        "notes": ["no speech"],
    }
    assert manifest["models"][1] == {
        "job": "words",
        "name": "base",
        "file": "base.pt",
        "sha256": "0f" * 32,
        "stands_in_for": None,
        "why": "",
    }


@pytest.mark.parametrize("older", [False, True], ids=["not detected", "older version"])
def test_a_language_need_not_have_a_probability(older: bool) -> None:
    manifest = _manifest(language_probability=None)
    assert manifest["source"]["language_probability"] is None
    if older:
        del manifest["source"]["language_probability"]
    validate(manifest)


def test_the_time_of_writing_is_utc() -> None:
    elsewhere = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    assert _manifest(created_at=elsewhere)["created_at"] == "2030-01-02T01:04:05Z"


def test_settings_that_change_nothing_are_left_out() -> None:
    stages = {stage.name for stage in GRAPH.required}
    names = {each.name for each in dataclasses.fields(Config) if stages & set(each.metadata["affects"])}
    assert set(settings_of(Config())) == names
    assert settings_of(Config(CLIP_CRF=30)) != settings_of(Config())
    assert settings_of(Config(DEBUG=True)) == settings_of(Config())


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    manifest = _manifest()
    write_manifest(tmp_path / "manifest.json", manifest)
    assert read_manifest(tmp_path / "manifest.json") == manifest


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def _described(schema: dict[str, Any], place: str = "$"):
    for name, field in schema.get("properties", {}).items():
        yield f"{place}.{name}", field
        yield from _described(field, f"{place}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _described(schema[key], f"{place}[]")
    for name, field in schema.get("$defs", {}).items():
        yield from _described(field, name)


def test_every_field_is_described_and_no_other_allowed() -> None:
    fields = dict(_described(SCHEMA))
    assert len(fields) > 60
    assert [place for place, field in fields.items() if not field.get("description")] == []
    open_ended = [
        place for place, field in fields.items() if field["type"] == "object" and "additionalProperties" not in field
    ]
    assert open_ended == []


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("schema_version",), 2, "schema_version"),
        (("created_at",), "yesterday", "created_at"),
        (("clips", 0, "clip"), "../elsewhere.mp4", "clips[0].clip"),
        (("clips", 0, "speaker_track"), None, "speaker_track"),
        (("clips", 0, "speaker_track"), 1.5, "speaker_track"),
        (("clips", 0, "coverage"), 1.5, "coverage"),
        (("clips", 0, "words"), [], "words"),
        (("clips", 0, "words", 0, "timing"), "guessed", "timing"),
        (("clips", 0, "surprise"), 1, "surprise"),
        (("dropped", 0, "reason_code"), "bad_mood", "reason_code"),
        (("models", 0, "sha256"), "abc", "sha256"),
        (("source",), None, "source"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, place, value, words) -> None:
    manifest = copy.deepcopy(_manifest())
    holder: Any = manifest
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    with pytest.raises(InputError) as caught:
        validate(manifest)
    assert caught.value.reason_code == "bad_manifest"
    assert words in str(caught.value)
    with pytest.raises(ValueError, match="write_manifest"):
        write_manifest(tmp_path / "manifest.json", manifest)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("field", ["clips", "dropped", "source", "fingerprint", "models"])
def test_a_missing_field_is_refused(field: str) -> None:
    manifest = _manifest()
    del manifest[field]
    with pytest.raises(InputError, match=field):
        validate(manifest)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"clips": []}', b"\xff\xfe", b"[" * 100_000])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"manifest\.json") as caught:
        read_manifest(path)
    assert caught.value.reason_code == "bad_manifest"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_manifest(tmp_path / "manifest.json")
    assert caught.value.reason_code == "unreadable"


def test_scores_that_are_no_numbers_never_reach_the_file(tmp_path: Path) -> None:
    """B28: JSON has no NaN."""
    spoiled = dataclasses.replace(PLAN, sentence=dataclasses.replace(SENTENCE, avg_score=float("nan")))
    with pytest.raises(ValueError, match="JSON"):
        write_manifest(tmp_path / "manifest.json", _manifest(clips=[CutClip(spoiled, ())]))
    assert list(tmp_path.iterdir()) == []
