"""Manifests from outside: a manifest that the other writers can use, or a refusal."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import Config
from pipeline.errors import InputError
from pipeline.fingerprint import finished_before
from pipeline.outputs import manifest as module
from pipeline.outputs.clips_list import write_clips_list
from pipeline.outputs.files import json_text
from pipeline.outputs.manifest import CutClip, manifest_json, read_manifest
from pipeline.types import AttributedWord, ClipPlan, DroppedSentence, ModelChoice, Probe, Sentence, Word
from tests.fuzz.mutations import CHANGES, Change, fuzz, mutated
from tests.fuzz.values import JSON_VALUES, Place, changed, places_in, raw_json

SPOKEN = (AttributedWord(Word(" Hi", 1.0, 1.5, 0.5), 0, 1, ((0, 0.9), (None, 0.1))),)
SENTENCE = Sentence(SPOKEN, 0, 1, 1.5, 0.8, None, 1.0)
PLAN = ClipPlan(0, SENTENCE, 22, np.zeros((31, 4), np.float32), "face", np.ones(31, bool), (224, 224), tracks=(0,))
VALID = manifest_json(
    probe=Probe(Path("/v/a.mp4"), "mov,mp4", 4.0, 640, 360, Fraction(25), 0, Fraction(0), 44100, 2),
    frame_count=100,
    language="en",
    fingerprint="ab" * 32,
    config=Config(),
    models=[ModelChoice("words", "base", Path("/w/base.pt"), "0f" * 32)],
    clips=[CutClip(PLAN, ())],
    dropped=[DroppedSentence(1, SENTENCE, "low_score", "too low")],
)


def _check(folder: Path, content: bytes) -> None:
    path = folder / "a" / "output" / "manifest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    finished_before(folder / "a", "ab" * 32)
    try:
        manifest = read_manifest(path)
    except InputError as error:
        assert error.reason_code == "bad_manifest"
        return
    assert len(json_text(manifest)) > 0
    assert write_clips_list(folder / "clips.jsonl", [path]) == len(manifest["clips"])
    for line in (folder / "clips.jsonl").read_bytes().splitlines():
        clip = json.loads(line)
        assert Path(clip["path"]).parent == Path("a/output"), "a clip outside of its folder"


PLACES = places_in(VALID)


@fuzz
@given(changes=CHANGES)
def test_a_spoiled_manifest(tmp_path: Path, changes: list[Change]) -> None:
    _check(tmp_path, mutated(json.dumps(VALID).encode(), changes))


@fuzz
@given(place=st.sampled_from(PLACES), value=JSON_VALUES)
def test_another_value_anywhere(tmp_path: Path, place: Place, value: Any) -> None:
    _check(tmp_path, raw_json(changed(VALID, place, value)))


@fuzz
@given(content=JSON_VALUES.map(raw_json) | st.binary(max_size=60))
def test_any_json_and_any_bytes(tmp_path: Path, content: bytes) -> None:
    _check(tmp_path, content)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_what_is_no_number_is_refused(tmp_path: Path, number: str) -> None:
    """JSON has no such numbers; a reader that lets them in cannot write the list of clips any more."""
    text = json.dumps(changed(VALID, ("clips", 0, "avg_score"), "HERE")).replace('"HERE"', number)
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(InputError, match="is no number"):
        read_manifest(path)


def test_a_manifest_that_is_too_large_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(VALID))
    monkeypatch.setattr(module, "LARGEST_BYTES", path.stat().st_size)
    assert read_manifest(path) == VALID
    monkeypatch.setattr(module, "LARGEST_BYTES", path.stat().st_size - 1)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(InputError, match="at most") as caught:
        read_manifest(path)
    assert caught.value.reason_code == "bad_manifest"
