"""``index.html`` of a run as text; `tests/browser` opens it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.outputs import index_page as module
from pipeline.outputs.index_page import totals, write_index
from tests.support.finished import finished


def _run(*videos: dict[str, Any], **changed: Any) -> dict[str, Any]:
    lines = [
        {
            "status": "done",
            "reason_code": "",
            "message": "",
            "stand_ins": [],
            "manifest": None,
            "clips": 0,
            "seconds": 1.0,
            "video_seconds": 0.0,
            **video,
        }
        for video in videos
    ]
    models = [{"job": "faces", "name": "mtcnn", "stands_in_for": "s3fd", "why": "<none>"}]
    run = {"created_at": "2030", "source": "/v", "seconds": 4.0, "message": "", "models": models, "videos": lines}
    return {**run, "peak_memory_mb": None, **changed}


def _data(path: Path) -> dict[str, Any]:
    (block,) = re.findall(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
    return json.loads(block)


@pytest.fixture
def written(tmp_path: Path) -> tuple[dict[str, Any], list[Path]]:
    """A run of one video with its manifest."""
    done = finished()
    manifest = done.write(tmp_path / "a #1")
    return _run({"path": "/v/a #1.mp4", "manifest": str(manifest)}), [manifest]


def test_a_video_is_filled_from_its_manifest(tmp_path: Path, written) -> None:
    (tmp_path / "a #1" / "report.html").touch()
    (video,) = _data(write_index(tmp_path, *written))["videos"]
    assert (video["name"], video["clips"], video["dropped"], video["speakers"]) == ("a #1.mp4", 5, 1, 2)
    assert (video["seconds"], video["report"]) == (18, "./a%20%231/report.html")


def test_no_link_where_there_is_no_report(tmp_path: Path, written) -> None:
    assert _data(write_index(tmp_path, *written))["videos"][0]["report"] is None


def test_every_sentence_can_be_searched(tmp_path: Path, written) -> None:
    sentences = _data(write_index(tmp_path, *written))["sentences"]
    assert sentences[:2] == [[0, 0.0, 1, 1, "This is sentence 0."], [0, 3.0, None, 0, "This is sentence 1."]]
    assert len(sentences) == 6


@pytest.mark.parametrize(("bound", "value"), [("MAX_SENTENCES", 2), ("MAX_LETTERS", 40)])
def test_a_search_that_is_not_whole_says_so(tmp_path: Path, written, monkeypatch, bound: str, value: int) -> None:
    monkeypatch.setattr(module, bound, value)
    path = write_index(tmp_path, *written)
    assert len(_data(path)["sentences"]) == 2  # 19 letters each
    assert "4 more sentences are left out" in path.read_text()


def test_a_whole_search_says_nothing(tmp_path: Path, written) -> None:
    assert "left-out" not in write_index(tmp_path, *written).read_text()


def test_a_failed_video_has_its_reason(tmp_path: Path) -> None:
    message = "it has <no> sound" + "!" * 1000
    run = _run({"path": "/v/\udcff.mp4", "status": "failed", "reason_code": "no_audio", "message": message})
    (video,) = _data(write_index(tmp_path, run, []))["videos"]
    assert (video["name"], video["status"], video["reason"]) == ("\ufffd.mp4", "failed", "no_audio")
    assert video["message"].startswith("it has <no> sound!")
    assert len(video["message"]) < 650


def test_what_kept_a_run_from_starting_is_told(tmp_path: Path) -> None:
    path = write_index(tmp_path, _run(message="weights <are> missing"), [])
    assert "<b>Nothing was started:</b> weights &lt;are&gt; missing" in path.read_text()


def test_stand_ins_are_told_and_text_is_escaped(tmp_path: Path) -> None:
    text = write_index(tmp_path, _run(), []).read_text()
    assert "<b>mtcnn</b> stands in for <b>s3fd</b> (faces): &lt;none&gt;" in text


def test_throughput_counts_what_this_run_did() -> None:
    videos = [
        {"status": "done", "seconds": 30.0, "clips": 2, "dropped": 1},
        {"status": "skipped", "seconds": 70.0, "clips": 3, "dropped": 0},
        {"status": "failed", "seconds": 10.0, "clips": 0, "dropped": 0},
    ]
    found = dict(totals({"seconds": 20.0}, videos))
    assert found["throughput"] == "1.50 s of video a second"
    assert (found["videos"], found["clips"], found["length"]) == ("3, 1 done, 1 failed, 1 skipped", "5", "1:50")


def test_no_throughput_of_nothing() -> None:
    assert "throughput" not in dict(totals({"seconds": 0.0}, []))
