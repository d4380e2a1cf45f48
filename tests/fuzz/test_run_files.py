"""Run files from outside: a run that can be merged and shown, or a refusal that writes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.run.dry_run import past_of
from pipeline.run.merge import merge
from pipeline.run.report import RunReport, read_run
from pipeline.sources.shard import RUN_FILES, Shard
from pipeline.types import ModelChoice, VideoResult
from tests.fuzz.mutations import CHANGES, Change, fuzz, mutated
from tests.fuzz.values import JSON_VALUES, Place, changed, nested, places_in, raw_json

pytestmark = pytest.mark.slow

VIDEOS = [Path("/v/a.mp4"), Path("/v/b.mp4"), Path("/v/in/c.mp4")]
FIRST, SECOND = Shard(0, 2), Shard(1, 2)


def _content(shard: Shard) -> dict[str, Any]:
    report = RunReport(Path("/out"), Path("/v"), VIDEOS, shard)
    report.set_models([ModelChoice("faces", "mtcnn", None, stands_in_for="s3fd", why="not found")])
    report.set_queues({"vision": {"bound": 4, "peak": 2}})
    report.set_peak_memory(10**9)
    timings, details = {"vision": [0.5, 1.5]}, {"notes": ["short of memory"], "tries": 2}
    for video in shard.of(VIDEOS):
        ended = VideoResult(video, "partial", "damaged", "is damaged", 1.5, ("faces: mtcnn",), 3, None, 8.5)
        report.take([VideoResult(video, "failed", "no_audio", "none", timings=timings, details=details), ended])
    return json.loads(json.dumps(report._content()))


VALID = _content(SECOND)
OTHER = json.dumps(_content(FIRST))


def _check(folder: Path, content: bytes) -> None:
    """Merges a sound shard and one of this *content*."""
    for name in RUN_FILES:
        (folder / name).unlink(missing_ok=True)
    path = folder / SECOND.name_of("run.json")
    (folder / FIRST.name_of("run.json")).write_text(OTHER)
    path.write_bytes(content)
    past_of(folder, SECOND)
    try:
        read_run(path)
        results = merge(folder, print)
    except InputError as error:
        assert error.reason_code in ("bad_run_file", "not_one_run")
        assert not any((folder / name).exists() for name in RUN_FILES)
        return
    merged = read_run(folder / "run.json")
    assert [line["path"] for line in merged["videos"]] == [str(result.path) for result in results]
    assert len(results) == len(VIDEOS)


PLACES = places_in(VALID)


def test_the_sound_ones_are_merged(tmp_path: Path) -> None:
    _check(tmp_path, json.dumps(VALID).encode())
    assert (tmp_path / "run.json").exists()


@fuzz
@given(changes=CHANGES)
def test_a_spoiled_run_file(tmp_path: Path, changes: list[Change]) -> None:
    _check(tmp_path, mutated(json.dumps(VALID).encode(), changes))


@fuzz
@given(place=st.sampled_from(PLACES), value=JSON_VALUES)
@example(("created_at",), "0001-01-01T00:00:00+00:00")
@example(("shard", "world"), 999_999)
@example(("shard", "videos_in_all"), 10**9)
@example(("videos", 0, "manifest"), "/" + "a/" * 5000)
@example(("videos", 0, "message"), "\ud800")
@example(("videos", 0, "path"), "/v/\ud800.mp4")
@example(("videos", 0, "stand_ins"), ["\ud800"])
@example(("models", 0), {"job": "\ud800", "name": "\ud800", "stands_in_for": "\ud800", "why": "\ud800"})
@example(("host",), "\ud800")
def test_another_value_anywhere(tmp_path: Path, place: Place, value: Any) -> None:
    _check(tmp_path, raw_json(changed(VALID, place, value)))


@fuzz
@given(name=st.text(max_size=6), value=JSON_VALUES)
def test_another_field_of_a_video(tmp_path: Path, name: str, value: Any) -> None:
    _check(tmp_path, raw_json(changed(VALID, ("videos", 0, name), value)))


@fuzz
@given(content=JSON_VALUES.map(raw_json) | st.binary(max_size=60))
@example(nested(100_000))
def test_any_json_and_any_bytes(tmp_path: Path, content: bytes) -> None:
    _check(tmp_path, content)
