"""``run.json``: how every video of a run ended."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InputError
from pipeline.outputs.manifest import read_manifest
from pipeline.outputs.own_manifest import summary_of
from pipeline.outputs.seal import sealed
from pipeline.run import report as run_report
from pipeline.run.report import RunReport, read_run, results_of
from pipeline.sources.shard import Shard, list_digest
from pipeline.types import ModelChoice, VideoResult
from tests.support.finished import finished

A, B = Path("/v/a.mp4"), Path("/v/b.mp4")


@pytest.fixture
def report(tmp_path: Path) -> RunReport:
    """Of a run of two videos."""
    return RunReport(tmp_path, Path("/v"), [A, B])


def _read(report: RunReport) -> dict[str, Any]:
    return json.loads(report.path.read_text())


def test_it_is_written_after_each_video(report: RunReport) -> None:
    report.add(VideoResult(B, "done", seconds=1.23456, duration_s=4, clip_count=3, stand_ins=("faces: mtcnn",)))
    content = _read(report)
    assert content["schema_version"] == 2
    assert content["source"] == "/v"
    assert content["videos"] == [
        {
            "path": "/v/b.mp4",
            "status": "done",
            "reason_code": "",
            "message": "",
            "seconds": 1.235,
            "video_seconds": 4.0,
            "stand_ins": ["faces: mtcnn"],
            "clips": 3,
            "manifest": None,
            "timings": {},
        }
    ]


def test_videos_stand_in_the_order_of_the_run(report: RunReport) -> None:
    report.add(VideoResult(B, "done"))
    report.add(VideoResult(A, "failed", "no_audio", "has no sound"))
    assert [line["path"] for line in _read(report)["videos"]] == [str(A), str(B)]
    assert [result.path for result in report.results] == [A, B]
    assert _read(report)["videos"][0]["reason_code"] == "no_audio"


def test_a_later_result_takes_the_place_of_an_earlier(report: RunReport) -> None:
    report.add(VideoResult(A, "failed"))
    report.add(VideoResult(A, "done"))
    assert [line["status"] for line in _read(report)["videos"]] == ["done"]


def test_videos_without_a_result_were_interrupted(report: RunReport) -> None:
    report.add(VideoResult(A, "done"))
    report.close()
    last = _read(report)["videos"][1]
    assert (last["path"], last["status"], last["reason_code"]) == (str(B), "interrupted", "interrupted")


def test_close_gathers_the_clips_of_the_manifests(report: RunReport, monkeypatch: pytest.MonkeyPatch) -> None:
    gathered: list[tuple[Path, list[Path]]] = []
    monkeypatch.setattr(run_report, "write_clips_list", lambda path, manifests, _: gathered.append((path, manifests)))
    monkeypatch.setattr(run_report, "summary_of", lambda path: None)
    monkeypatch.setattr(run_report, "write_index", lambda *_: None)
    report.add(VideoResult(B, "skipped", manifest=Path("/r/b/output/manifest.json")))
    report.close()
    assert gathered == [(report.clips_path, [Path("/r/b/output/manifest.json")])]
    assert _read(report)["videos"][1]["manifest"] == "/r/b/output/manifest.json"


def test_a_manifest_that_has_gone_is_a_failure_of_its_video_only(report: RunReport, tmp_path: Path) -> None:
    report.add(VideoResult(A, "done", manifest=tmp_path / "gone" / "manifest.json"))
    report.add(VideoResult(B, "skipped"))
    report.close()
    ends = [(video["status"], video["reason_code"]) for video in _read(report)["videos"]]
    assert ends == [("failed", "manifest_lost"), ("skipped", "")]
    assert report.clips_path.read_text() == ""


def test_a_sealed_manifest_that_is_none_fails_alone(report: RunReport, tmp_path: Path) -> None:
    """Its digest is right, as anybody can compute one, and its lines look right: only whoever reads it sees it."""
    good, bad = (finished().write(tmp_path / name) for name in "ab")
    content = read_manifest(bad)
    content["clips"][0]["text"] = 5
    bad.write_bytes(sealed(content))
    report.add(VideoResult(A, "skipped", manifest=good))
    report.add(VideoResult(B, "skipped", manifest=bad))
    report.close()
    first, second = _read(report)["videos"]
    assert (first["status"], second["status"], second["reason_code"]) == ("skipped", "failed", "manifest_lost")
    assert "Delete that file" in second["message"]
    lines = [json.loads(line) for line in report.clips_path.read_text().splitlines()]
    assert {line["manifest"] for line in lines} == {"a/output/manifest.json"}
    assert "manifest_lost" in report.index_path.read_text()


def test_a_manifest_that_changes_while_the_run_goes_on_is_read_again(report: RunReport, tmp_path: Path) -> None:
    manifest = finished().write(tmp_path / "a")
    summary_of(manifest)
    manifest.write_bytes(manifest.read_bytes()[:-100])
    report.add(VideoResult(A, "done", manifest=manifest))
    report.close()
    assert _read(report)["videos"][0]["reason_code"] == "manifest_lost"


def test_the_list_of_an_earlier_run_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that changed nothing neither reads its manifests for the list again nor writes the list."""
    manifest = finished().write(tmp_path / "a")
    inodes = []
    for _ in range(2):
        report = RunReport(tmp_path, Path("/v"), [A])
        report.add(VideoResult(A, "skipped", manifest=manifest))
        report.close()
        assert read_run(report.path)["clips_list"]["parts"][0][0] == "a/output/manifest.json"
        inodes.append(report.clips_path.stat().st_ino)
    assert inodes[0] == inodes[1]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"clips_list": 3}', b"[" * 100_000])
def test_a_run_file_of_before_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    report = RunReport(tmp_path, Path("/v"), [A])
    report.close()
    assert read_run(report.path)["clips_list"]["parts"] == []


def test_a_run_without_clips_has_an_empty_list(report: RunReport) -> None:
    report.close()
    assert report.clips_path.read_text() == ""


def test_models_queues_and_times(report: RunReport) -> None:
    report.set_models([ModelChoice("faces", "mtcnn", None, stands_in_for="s3fd", why="not found")])
    report.set_queues({"vision": {"bound": 2, "most": 1}})
    report.add(VideoResult(A, "done", timings={"decode": [0.00049, 1.23456]}, details={"traceback": "x", "tries": 2}))
    content = _read(report)
    assert content["models"] == [{"job": "faces", "name": "mtcnn", "stands_in_for": "s3fd", "why": "not found"}]
    assert content["queues"] == {"vision": {"bound": 2, "most": 1}}
    assert content["videos"][0]["timings"] == {"decode": [0.0, 1.235]}
    assert content["videos"][0]["traceback"] == "x"
    assert content["videos"][0]["tries"] == 2


def test_why_nothing_was_started(report: RunReport) -> None:
    report.set_error(InputError("no_ffmpeg", "no ffmpeg was found"))
    report.write()
    assert (_read(report)["reason_code"], _read(report)["message"]) == ("no_ffmpeg", "no ffmpeg was found")


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    video = Path("/v/caf\udce9.mp4")
    report = RunReport(tmp_path, Path("/v"), [video])
    report.add(VideoResult(video, "done"))
    assert _read(report)["videos"][0]["path"] == str(video)


def test_nothing_else_is_left_in_the_folder(report: RunReport) -> None:
    report.close()
    assert sorted(path.name for path in report.path.parent.iterdir()) == ["clips.jsonl", "index.html", "run.json"]


def test_a_long_list_is_written_from_time_to_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written whole after each of ten thousand videos, it would cost more than the work."""
    monkeypatch.setattr(run_report, "OFTEN", 3)
    paths = [Path(f"/v/{number}.mp4") for number in range(6)]
    report = RunReport(tmp_path, Path("/v"), paths)
    counts = []
    for path in paths:
        report.add(VideoResult(path, "done"))
        counts.append(len(_read(report)["videos"]))
    assert counts == [1, 2, 3, 3, 3, 3]
    report.close()
    assert len(_read(report)["videos"]) == 6


def test_writing_takes_a_small_share_of_a_long_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that takes 2 s is paid for by the 40 s that begin with it."""
    now_s = [1000.0]
    written = []

    def slow(*_: object) -> None:
        written.append(now_s[0])
        now_s[0] += 2.0

    monkeypatch.setattr(run_report, "OFTEN", 0)
    monkeypatch.setattr(run_report.time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(run_report, "write_json", slow)
    report = RunReport(tmp_path, Path("/v"), [A])
    for _ in range(100):
        now_s[0] += 1.0
        report.add(VideoResult(A, "done"))
    assert len(written) == 3
    assert min(later - earlier for earlier, later in pairwise(written)) > 40.0


def test_a_report_that_cannot_be_written_does_not_end_the_run(
    report: RunReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_report, "write_json", full)
    report.add(VideoResult(A, "done"))
    assert [result.status for result in report.results] == ["done"]
    with pytest.raises(OSError, match="No space left"):
        report.close()


def test_the_peak_of_memory_is_told(report: RunReport) -> None:
    for peak in (2_000_000_000, 3_000_000_000, 1_000_000_000):
        report.set_peak_memory(peak)
    report.close()
    assert _read(report)["peak_memory_mb"] == 3000


FULL = VideoResult(
    A,
    "partial",
    "damaged",
    "said \udce9",
    1.5,
    ("faces: mtcnn",),
    3,
    Path("/v/a/output/manifest.json"),
    8.5,
    {"vision": [0.5, 1.5]},
    {"notes": ["short of memory"], "kept": [], "tries": 2},
)


class TestShard:
    def test_a_whole_run_has_none(self, report: RunReport) -> None:
        report.write()
        assert _read(report)["shard"] is None

    def test_it_takes_its_share_of_the_videos_and_tells_of_all(self, tmp_path: Path) -> None:
        report = RunReport(tmp_path, Path("/v"), [A, B], Shard(1, 2))
        report.close()
        content = _read(report)
        assert [video["path"] for video in content["videos"]] == [str(B)]
        digest = list_digest([A, B], Path("/v"))
        assert content["shard"] == {"rank": 1, "world": 2, "videos_in_all": 2, "list_digest": digest}
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "clips.shard-01-of-02.jsonl",
            "index.shard-01-of-02.html",
            "run.shard-01-of-02.json",
        ]


class TestReading:
    @pytest.mark.parametrize("shard", [Shard(0, 1), Shard(0, 2)])
    def test_what_is_written_fits_the_schema(self, tmp_path: Path, shard: Shard) -> None:
        report = RunReport(tmp_path, Path("/v"), [A, B], shard)
        report.set_models([ModelChoice("faces", "mtcnn", None, stands_in_for="s3fd", why="not found")])
        report.set_queues({"vision": {"bound": 2, "peak": 1}})
        report.set_peak_memory(10**9)
        report.take([FULL])
        report.write()
        assert read_run(report.path) == _read(report)

    def test_results_come_back_as_they_were(self, report: RunReport) -> None:
        report.take([FULL, VideoResult(B, "failed", "no_audio", "has no sound")])
        report.write()
        assert results_of(read_run(report.path)) == report.results

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("schema_version", 3, "schema_version: 3 is not one of"),
            ("created_at", "2026-13-01T00:00:00+00:00", "month"),
            ("seconds", -1, "seconds: -1 is less than"),
            ("videos", [{"path": "/v/a.mp4"}], r"videos\[0\]"),
            ("source", "", "source: '' does not match"),
            ("more", 1, "Additional properties"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, report: RunReport, name: str, value: object, message: str) -> None:
        report.write()
        report.path.write_text(json.dumps(_read(report) | {name: value}))
        with pytest.raises(InputError, match=message) as caught:
            read_run(report.path)
        assert (caught.value.reason_code, caught.value.path) == ("bad_run_file", report.path)

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[" * 100_000, b'{"seconds": NaN}', b'{"seconds": 1e999}', b"\xff"]
    )
    def test_what_is_no_json_is_refused(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "run.json").write_bytes(content)
        with pytest.raises(InputError, match="is not the JSON that a run writes"):
            read_run(tmp_path / "run.json")

    def test_what_is_too_large_is_refused_unread(self, report: RunReport, monkeypatch: pytest.MonkeyPatch) -> None:
        report.write()
        monkeypatch.setattr(run_report, "MAX_BYTES", report.path.stat().st_size - 1)
        monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
        with pytest.raises(InputError, match="at most"):
            read_run(report.path)

    def test_what_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="cannot be read: No such file") as caught:
            read_run(tmp_path / "run.json")
        assert caught.value.reason_code == "unreadable"
