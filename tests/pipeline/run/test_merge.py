"""One run of the shards of a run: equal to a run over the whole list, or refused with what to do."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.results import differences, timeless
from pipeline.errors import InputError
from pipeline.run import merge as merge_module
from pipeline.run import runner
from pipeline.run.merge import main, merge, ranges
from pipeline.run.report import RunReport
from pipeline.sources.shard import Shard
from pipeline.types import ModelChoice, VideoResult
from tests.support.quick_run import quick

FACES = ModelChoice("faces", "mtcnn", None, stands_in_for="s3fd", why="not found")


@pytest.fixture
def videos(tmp_path: Path) -> list[Path]:
    """Paths of five videos of a folder."""
    return [tmp_path / "videos" / f"{letter}.mp4" for letter in "abcde"]


def write(
    folder: Path,
    videos: list[Path],
    shard: str,
    ends: Mapping[str, VideoResult] | None = None,
    close: bool = True,
    source: Path | None = None,
) -> RunReport:
    """The files of a shard's run; its videos are done unless *ends* says other."""
    rank, world = map(int, shard.split("/"))
    report = RunReport(folder, source or videos[0].parent, videos, Shard(rank, world))
    report.set_models([FACES])
    report.take((ends or {}).get(video.stem, VideoResult(video, "done")) for video in Shard(rank, world).of(videos))
    report.close() if close else report.write()
    return report


def content_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps(content_of(path) | fields))


def refusal(folder: Path) -> str:
    """What is said of shards that make up no run; nothing may have been written."""
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
    with pytest.raises(InputError) as caught:
        merge(folder, print)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before
    return str(caught.value)


class TestMerging:
    def test_videos_stand_in_the_order_of_the_list(self, tmp_path: Path, videos: list[Path]) -> None:
        failed = VideoResult(videos[3], "failed", "no_audio", "has no sound", details={"tries": 2})
        for rank in range(3):
            write(tmp_path, videos, f"{rank}/3", {"d": failed})
        merged = merge(tmp_path, print)
        assert [result.path for result in merged] == videos and merged[3] == failed
        assert [line["path"] for line in content_of(tmp_path / "run.json")["videos"]] == list(map(str, videos))

    def test_it_is_the_run_of_the_whole_list(self, tmp_path: Path, videos: list[Path]) -> None:
        for rank in range(2):
            write(tmp_path, videos, f"{rank}/2")
        merge(tmp_path, print)
        write(tmp_path / "whole", videos, "0/1")
        merged, whole = (timeless(content_of(folder / "run.json")) for folder in (tmp_path, tmp_path / "whole"))
        assert merged == whole

    def test_the_files_of_the_shards_stay(self, tmp_path: Path, videos: list[Path]) -> None:
        for rank in range(2):
            write(tmp_path, videos, f"{rank}/2")
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        merge(tmp_path, print)
        assert {path: path.read_bytes() for path in before} == before
        assert {path.name for path in tmp_path.iterdir()} - {path.name for path in before} == {
            "run.json",
            "clips.jsonl",
            "index.html",
        }

    def test_more_shards_than_videos(self, tmp_path: Path, videos: list[Path]) -> None:
        for rank in range(7):
            write(tmp_path, videos, f"{rank}/7")
        assert len(merge(tmp_path, print)) == 5

    def test_names_that_are_not_utf8(self, tmp_path: Path) -> None:
        names = [tmp_path / "caf\udce9.mp4", tmp_path / "b.mp4"]
        for rank in range(2):
            write(tmp_path, names, f"{rank}/2")
        assert [result.path for result in merge(tmp_path, print)] == names

    def test_the_only_video(self, tmp_path: Path, videos: list[Path]) -> None:
        for rank in range(2):
            write(tmp_path, videos[:1], f"{rank}/2", source=videos[0])
        assert len(merge(tmp_path, print)) == 1

    def test_a_manifest_that_has_gone_since_is_a_failure_of_its_video(self, tmp_path: Path, videos: list[Path]) -> None:
        for rank in range(2):
            write(tmp_path, videos, f"{rank}/2")
        path = tmp_path / "run.shard-00-of-02.json"
        content = content_of(path)
        content["videos"][0]["manifest"] = str(tmp_path / "a" / "output" / "manifest.json")
        path.write_text(json.dumps(content))
        assert [result.reason_code for result in merge(tmp_path, print)] == ["manifest_lost", "", "", "", ""]


class TestWhatIsAddedUp:
    @pytest.mark.parametrize(
        ("spans", "wanted"),
        [
            # Side by side, the second within the first: 12:00:00 to 12:01:40.
            ((("12:01:40", 100), ("12:01:00", 30)), 100),
            # Overlapping: 12:00:00 to 12:02:00.
            ((("12:01:00", 60), ("12:02:00", 90)), 120),
            # One after the other, with an hour between: 60 and 30.
            ((("12:01:00", 60), ("13:00:00", 30)), 90),
        ],
    )
    def test_seconds_are_those_in_which_some_shard_ran(
        self, tmp_path: Path, videos: list[Path], spans: tuple[tuple[str, int], ...], wanted: float
    ) -> None:
        for rank, (clock, seconds) in enumerate(spans):
            report = write(tmp_path, videos, f"{rank}/2")
            change(report.path, created_at=f"2026-01-02T{clock}+00:00", seconds=seconds)
        merge(tmp_path, print)
        assert content_of(tmp_path / "run.json")["seconds"] == wanted

    def test_the_greatest_of_memory_and_queues_and_all_hosts(self, tmp_path: Path, videos: list[Path]) -> None:
        for rank, (peak, most, host) in enumerate([(100, 3, "a"), (None, 2, "b"), (300, 1, "a")]):
            report = write(tmp_path, videos, f"{rank}/3")
            change(report.path, peak_memory_mb=peak, host=host, queues={"vision": {"bound": 4, "peak": most}})
        merge(tmp_path, print)
        content = content_of(tmp_path / "run.json")
        assert (content["peak_memory_mb"], content["host"]) == (300, "a, b")
        assert content["queues"] == {"vision": {"bound": 4, "peak": 3}}

    def test_models_of_which_some_shards_had_others_are_all_there_and_told(
        self, tmp_path: Path, videos: list[Path]
    ) -> None:
        write(tmp_path, videos, "0/2")
        report = write(tmp_path, videos, "1/2")
        report.set_models([ModelChoice("faces", "s3fd", None)])
        report.write()
        said: list[str] = []
        merge(tmp_path, said.append)
        assert [model["name"] for model in content_of(tmp_path / "run.json")["models"]] == ["mtcnn", "s3fd"]
        assert said == ["not all shards had the same model of faces: mtcnn, s3fd"]

    def test_settings_that_differ_are_told(
        self, tmp_path: Path, videos: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for rank in range(2):
            write(tmp_path, videos, f"{rank}/2")
        every = {"a": 1, "b": 5}
        monkeypatch.setattr(
            merge_module,
            "_manifest",
            lambda result: {"settings": {"DETECT_EVERY": every.get(result.path.stem), "CLIP_STYLE": "face"}},
        )
        said: list[str] = []
        merge(tmp_path, said.append)
        assert said == ["not all shards had the same DETECT_EVERY: 1 in shard 0/2, 5 in shard 1/2"]


class TestRefusing:
    def test_missing_shards_are_named_with_the_command_that_redoes_them(
        self, tmp_path: Path, videos: list[Path]
    ) -> None:
        for rank in (1, 5):
            write(tmp_path, videos, f"{rank}/8")
        said = refusal(tmp_path)
        assert "of 8 shards these have no run file: 0,2-4,6-7" in said
        assert "--shard 0/8 and so on" in said and "SHARDS=8 sbatch --array=0,2-4,6-7 slurm/array.sbatch" in said

    def test_a_shard_that_was_killed(self, tmp_path: Path, videos: list[Path]) -> None:
        write(tmp_path, videos, "0/2")
        report = write(tmp_path, videos, "1/2", close=False)
        change(report.path, videos=content_of(report.path)["videos"][:1])
        said = refusal(tmp_path)
        assert "has 1 of the 2 videos of shard 1/2: its run has not ended" in said and "--shard 1/2" in said

    def test_a_shard_that_could_not_begin(self, tmp_path: Path, videos: list[Path]) -> None:
        write(tmp_path, videos, "0/2")
        report = RunReport(tmp_path, videos[0].parent, [], Shard(1, 2))
        report.set_error(InputError("not_found", "there is no such file or folder", videos[0].parent))
        report.close()
        assert "shard 1/2 was not begun: " in (said := refusal(tmp_path)) and "there is no such file" in said

    def test_a_file_that_came_between_the_shards(self, tmp_path: Path, videos: list[Path]) -> None:
        """Those run before it came are to be run again."""
        for rank, (known, clock) in enumerate([(4, "10"), (5, "12"), (4, "11")]):
            report = write(tmp_path, videos[:known], f"{rank}/3")
            change(report.path, created_at=f"2026-01-02T{clock}:00:00+00:00")
        said = refusal(tmp_path)
        assert "different lists of videos (4 videos, 5 videos); shard 1/3 is the newest" in said
        assert "SHARDS=3 sbatch --array=0,2 " in said

    def test_different_sources(self, tmp_path: Path, videos: list[Path]) -> None:
        for rank, source in enumerate([tmp_path / "videos", tmp_path]):
            write(tmp_path, videos, f"{rank}/2", source=source)
        assert f"different folders ({tmp_path}/videos, {tmp_path})" in refusal(tmp_path)

    def test_two_divisions(self, tmp_path: Path, videos: list[Path]) -> None:
        write(tmp_path, videos, "0/2")
        write(tmp_path, videos, "0/3")
        assert "run files of 2 and 3 shards. Delete those" in refusal(tmp_path)

    def test_a_video_in_the_place_of_another(self, tmp_path: Path, videos: list[Path]) -> None:
        write(tmp_path, videos, "0/2")
        report = write(tmp_path, videos, "1/2")
        content = content_of(report.path)
        content["videos"][0]["path"] = str(videos[0])
        report.path.write_text(json.dumps(content))
        assert "put together, are not the list" in refusal(tmp_path)

    @pytest.mark.parametrize("other", ["1/2", "0/1"])
    def test_a_file_under_another_name(self, tmp_path: Path, videos: list[Path], other: str) -> None:
        write(tmp_path / "other", videos, other).path.rename(tmp_path / "run.shard-00-of-02.json")
        shutil.rmtree(tmp_path / "other")
        assert "by its content" in refusal(tmp_path)

    def test_a_file_that_is_spoiled(self, tmp_path: Path, videos: list[Path]) -> None:
        report = write(tmp_path, videos, "0/2")
        report.path.write_text("{")
        assert f"{report.path}: is not the JSON that a run writes" in refusal(tmp_path)

    @pytest.mark.parametrize("place", ["source", "manifest"])
    def test_what_lies_on_a_storage(self, tmp_path: Path, videos: list[Path], place: str) -> None:
        """Its paths are URLs, which no path of this machine stands for."""
        report = write(tmp_path, videos, "0/2")
        content = content_of(report.path)
        line = content if place == "source" else content["videos"][0]
        line[place] = "s3://bucket/videos"
        report.path.write_text(json.dumps(content))
        assert "--shard 0/1 skips what they did" in refusal(tmp_path)

    def test_no_shards(self, tmp_path: Path) -> None:
        assert "there is no run.shard-RANK-of-WORLD.json here" in refusal(tmp_path)

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="cannot be read: No such file") as caught:
            merge(tmp_path / "none", print)
        assert caught.value.reason_code == "unreadable"


@pytest.mark.parametrize(
    ("numbers", "text"), [([3], "3"), ([0, 1], "0-1"), ([0, 1, 2, 4, 6, 7], "0-2,4,6-7"), ([], "")]
)
def test_ranges(numbers: list[int], text: str) -> None:
    assert ranges(numbers) == text


class TestCommand:
    @pytest.mark.parametrize(("status", "code"), [("done", 0), ("partial", 0), ("failed", 1), ("interrupted", 1)])
    def test_exit_codes_are_those_of_a_run(
        self, tmp_path: Path, videos: list[Path], status: Any, code: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for rank in range(2):
            write(tmp_path, videos, f"{rank}/2", {"c": VideoResult(videos[2], status)})
        assert main([str(tmp_path)]) == code
        assert f"5 videos: {'5 done' if status == 'done' else '4 done'}" in capsys.readouterr().out

    def test_what_is_no_run_ends_with_2(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([str(tmp_path)]) == 2
        assert "merge_runs: " in capsys.readouterr().err and list(tmp_path.iterdir()) == []

    def test_a_full_disk_ends_with_2(
        self, tmp_path: Path, videos: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(tmp_path, videos, "0/2")
        write(tmp_path, videos, "1/2")

        def full(self: RunReport) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(RunReport, "close", full)
        assert main([str(tmp_path)]) == 2
        assert "cannot be written: No space left on device" in capsys.readouterr().err


@pytest.mark.slow
def test_two_shards_of_real_videos_equal_one_whole_run(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two good videos and one that is none: every file but logs and pages for people."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("LIPGEN_WEIGHTS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder, transcripts, out, whole = (tmp_path / name for name in ("videos", "transcripts", "out", "whole"))
    folder.mkdir()
    transcripts.mkdir()
    for stem in ("a", "b"):
        shutil.copy(samples / "late_sound.mp4", folder / f"{stem}.mp4")
        shutil.copy(samples / "transcripts" / "late_sound.json", transcripts / f"{stem}.json")
    (folder / "c.mp4").write_text("no video")
    config = quick(transcripts, OUTPUT_DIR=str(out))
    assert runner.run(folder, config) == 1
    out.rename(whole)
    assert runner.run(folder, dataclasses.replace(config, SHARD="0/2")) == 1
    assert runner.run(folder, dataclasses.replace(config, SHARD="1/2")) == 0
    assert main([str(out)]) == 1
    for path in out.glob("*.shard-*"):
        path.unlink()
    assert differences(whole, out) == []
    assert timeless(content_of(out / "run.json")) == timeless(content_of(whole / "run.json"))
    assert sum(line["clips"] for line in content_of(out / "run.json")["videos"]) > 0
