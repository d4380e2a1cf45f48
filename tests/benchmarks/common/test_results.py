"""What the benchmarks of how runs end find, and what they must not find."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.common.results import count_decoded, differences, faults_of_report, faults_of_results, timeless
from benchmarks.common.short_videos import Short

GOOD, BAD = Short(Path("/v/good.mp4")), Short(Path("/v/bad.mp4"), frozenset({"no_audio", "not_media"}))


def ended(path: str, status: str, reason_code: str = "") -> dict[str, Any]:
    return {"path": path, "status": status, "reason_code": reason_code, "message": "words"}


DONE, FAILED = ended("/v/good.mp4", "done"), ended("/v/bad.mp4", "failed", "no_audio")


@pytest.mark.parametrize(
    ("lines", "faults"),
    [
        ([DONE, FAILED], []),
        ([ended("/v/good.mp4", "skipped"), FAILED], []),
        ([DONE, DONE, FAILED], ["/v/good.mp4: listed twice"]),
        ([DONE], ["/v/bad.mp4: not listed"]),
        ([DONE, FAILED, ended("/v/other.mp4", "done")], ["/v/other.mp4: not among the inputs"]),
        (
            [ended("/v/good.mp4", "failed", "worker_died"), FAILED],
            ["/v/good.mp4: expected done, got failed worker_died"],
        ),
        ([DONE, ended("/v/bad.mp4", "done")], ["/v/bad.mp4: expected failed no_audio or not_media, got done"]),
        (
            [DONE, ended("/v/bad.mp4", "failed", "internal_error")],
            ["/v/bad.mp4: expected failed no_audio or not_media, got failed internal_error"],
        ),
    ],
)
def test_a_report_is_held_against_the_inputs(lines: list[dict[str, Any]], faults: list[str]) -> None:
    found = faults_of_report({"videos": lines}, [GOOD, BAD])
    assert len(found) == len(faults)
    assert all(one.startswith(other) for one, other in zip(found, faults, strict=True))


def test_what_differs_between_runs_is_left_out_at_any_depth() -> None:
    value = {"created_at": 1, "clips": [{"text": "a", "seconds": 3.0}], "host": "here", "end_time": 2}
    assert timeless(value) == {"clips": [{"text": "a"}], "end_time": 2}


def test_a_missing_manifest_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults_of_results(tmp_path / "manifest.json")
    assert "cannot be read" in fault


def test_a_whole_video_can_be_counted_and_a_broken_one_cannot(samples: Path, tmp_path: Path) -> None:
    pictures, sound = count_decoded(samples / "late_sound.mp4")
    assert pictures > 100 and sound > 16000
    broken = tmp_path / "broken.mp4"
    broken.write_bytes((samples / "late_sound.mp4").read_bytes()[:5000])
    with pytest.raises((OSError, ValueError)):
        count_decoded(broken)


def results(folder: Path) -> Path:
    """Some of what a run leaves."""
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "transcript.json").write_text("{}")
    (folder / "a" / "report.html").write_text("made today")
    (folder / "clips.jsonl").write_text(json.dumps({"clip": 1}))
    np.savez_compressed(folder / "a" / "tracks.npz", logit=np.array([1.0, np.nan]), mark=np.array("abc"))
    return folder


def test_equal_results_have_no_differences(tmp_path: Path) -> None:
    one, other = results(tmp_path / "one"), results(tmp_path / "other")
    (other / "a" / "report.html").write_text("made tomorrow")
    assert differences(one, other) == []


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a/transcript.json", b"[]", "a/transcript.json: differs"),
        ("clips.jsonl", b"", "clips.jsonl: differs"),
        ("a/.seg.part", b"", "a/.seg.part: too much"),
        ("clips.jsonl", None, "clips.jsonl: missing"),
    ],
)
def test_each_difference_is_found(tmp_path: Path, name: str, content: bytes | None, found: str) -> None:
    one, other = results(tmp_path / "one"), results(tmp_path / "other")
    if content is None:
        (other / name).unlink()
    else:
        (other / name).write_bytes(content)
    assert differences(one, other) == [found]


def test_another_number_in_a_table_is_found(tmp_path: Path) -> None:
    one, other = results(tmp_path / "one"), results(tmp_path / "other")
    np.savez_compressed(other / "a" / "tracks.npz", logit=np.array([1.0, 2.0]), mark=np.array("abc"))
    assert differences(one, other) == ["a/tracks.npz: differs"]
