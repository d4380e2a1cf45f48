"""Manifests from outside: a manifest that the other writers can use, or a refusal."""

from __future__ import annotations

import contextlib
import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import Config
from pipeline.artifacts import finished
from pipeline.errors import InputError
from pipeline.graph import GRAPH
from pipeline.outputs import manifest as module
from pipeline.outputs.clip_texts import write_clip_texts
from pipeline.outputs.clips_list import write_clips_list
from pipeline.outputs.files import json_text
from pipeline.outputs.index_page import write_index
from pipeline.outputs.manifest import CutClip, manifest_json, read_manifest
from pipeline.outputs.own_manifest import finished_of, read_own_manifest, summary_of
from pipeline.outputs.seal import seal_of, sealed
from pipeline.types import AttributedWord, ClipPlan, DroppedSentence, Fingerprints, ModelChoice, Probe, Sentence, Word
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
    finished(GRAPH, folder / "a", Fingerprints({"clips": "ab" * 32}, most_px=1 << 20))
    summary = manifest = None
    with contextlib.suppress(InputError):
        summary = summary_of(path)
    try:
        manifest = read_own_manifest(path)
    except InputError as error:
        assert error.reason_code == "bad_manifest"
    with contextlib.suppress(InputError):
        assert read_manifest(path) == manifest, "what fits the schema is read, and the same is read"
    if seal_of(content) is None and manifest is not None:
        assert read_manifest(path) == manifest, "what has no seal fits the whole schema"
    if manifest is None or summary is None:
        assert summary is None or seal_of(content) is not None
        return
    assert len(json_text(manifest)) > 0
    finished_of(path)
    write_clip_texts(path.parent, manifest)
    write_index(folder, RUN | {"videos": [LINE | {"manifest": str(path)}]}, [path])
    write_clips_list(folder / "clips.jsonl", [path])
    lines = (folder / "clips.jsonl").read_bytes().splitlines()
    assert len(lines) == len(manifest["clips"])
    assert {each.parent for each in folder.rglob("*.txt")} <= {path.parent}, "a text outside of its folder"
    for line in lines:
        clip = json.loads(line)
        assert Path(clip["path"]).parent == Path("a/output"), "a clip outside of its folder"


PLACES = places_in(VALID)

RUN = {
    "created_at": "2030",
    "source": "/v",
    "seconds": 4.0,
    "reason_code": "",
    "message": "",
    "models": [],
    "peak_memory_mb": None,
}
LINE = {
    "path": "/v/a.mp4",
    "status": "skipped",
    "reason_code": "",
    "message": "",
    "stand_ins": [],
    "clips": 0,
    "seconds": 1.0,
    "video_seconds": 0.0,
}
"""What a run tells of the video, for the page."""


@fuzz
@given(changes=CHANGES)
def test_a_spoiled_manifest_of_the_program(tmp_path: Path, changes: list[Change]) -> None:
    """Truncated, torn or edited: it is never taken for the file that was written."""
    content = mutated(sealed(VALID), changes)
    _check(tmp_path, content)
    assert seal_of(content) is None or content == sealed(VALID)


@pytest.mark.slow
@fuzz
@given(place=st.sampled_from(PLACES), value=JSON_VALUES)
def test_another_value_anywhere_under_a_right_seal(tmp_path: Path, place: Place, value: Any) -> None:
    """Everybody can compute a digest: what is used is looked at all the same."""
    text = raw_json(changed(VALID, place, value))
    body = text.removeprefix(b"{")
    if text.startswith(b"{"):
        _check(tmp_path, b'{\n "digest": "%s",\n' % hashlib.sha256(body).hexdigest().encode() + body)


@pytest.mark.slow
@fuzz
@given(place=st.sampled_from(PLACES), value=JSON_VALUES)
def test_another_value_in_the_lines_that_the_program_writes(tmp_path: Path, place: Place, value: Any) -> None:
    other = changed(VALID, place, value)
    with contextlib.suppress(ValueError):  # NaN and infinity cannot be sealed
        _check(tmp_path, sealed(other) if isinstance(other, dict) and other else raw_json(other))


@fuzz
@given(changes=CHANGES)
def test_a_spoiled_manifest(tmp_path: Path, changes: list[Change]) -> None:
    _check(tmp_path, mutated(json.dumps(VALID).encode(), changes))


@pytest.mark.slow
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
    monkeypatch.setattr(module, "MAX_BYTES", path.stat().st_size)
    assert read_manifest(path) == VALID
    monkeypatch.setattr(module, "MAX_BYTES", path.stat().st_size - 1)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(InputError, match="at most") as caught:
        read_manifest(path)
    assert caught.value.reason_code == "bad_manifest"
