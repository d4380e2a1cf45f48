"""What a run would do, told without doing anything."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from config import Config
from pipeline.errors import InputError
from pipeline.machine import resolved
from pipeline.outputs.failure import write_failure
from pipeline.run import dry_run as module
from pipeline.run import plan
from pipeline.run.dry_run import Past, dry_run, past_of, work_seconds
from pipeline.run.plan import make_plan
from pipeline.sources.shard import Shard
from pipeline.types import VideoResult

CPU = Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", DOWNLOAD_WEIGHTS=False)


@pytest.fixture
def videos(tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one good video and one that is none."""
    for name in ("LIPGEN_WEIGHTS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(samples / "late_sound.mp4", folder / "good.mp4")
    (folder / "text.mp4").write_text("no video")
    return folder


def told(videos: Path, config: Config = CPU) -> tuple[int, list[str]]:
    lines: list[str] = []
    return dry_run(videos, config, lines.append), lines


def everything(folder: Path) -> list[tuple[Path, int]]:
    return sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))


def test_each_video_is_told_and_nothing_is_written(videos: Path) -> None:
    before = everything(videos.parent)
    code, lines = told(videos)
    assert code == 1 and everything(videos.parent) == before
    assert sum(line.startswith("to do    good.mp4: ") for line in lines) == 1
    assert sum(line.startswith("failed   text.mp4 (not_media)") for line in lines) == 1
    assert any(line.startswith("1 of 2 videos to do") for line in lines)
    assert any(line.startswith("time: unknown") for line in lines)
    assert sum(line.startswith("disk: about") for line in lines) == 2


def test_a_storage_is_refused_rather_than_fetched(videos: Path) -> None:
    for source, output in ((videos.as_uri(), ""), (videos, "s3://bucket/out")):
        with pytest.raises(InputError, match="--doctor"):
            dry_run(source, dataclasses.replace(CPU, OUTPUT_DIR=output), print)


def test_a_folder_for_results_need_not_be_there(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "deep"
    (videos / "text.mp4").unlink()
    code, lines = told(videos, dataclasses.replace(CPU, OUTPUT_DIR=str(out)))
    assert code == 0 and not out.parent.exists() and any(str(out) in line for line in lines)


def test_what_an_earlier_run_found_is_told(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = make_plan(videos, CPU, lambda _: None)
    job, _ = orders.job(1, orders.choose_models(lambda _: None))
    job.folder.mkdir()
    write_failure(job.folder, job.prints, VideoResult(job.path, "failed", "no_audio", "has no sound"))
    monkeypatch.setattr(module, "kept_stages", lambda *_: frozenset({"vision"}))
    code, lines = told(videos)
    assert code == 1
    assert any(line.startswith("failed   text.mp4 (no_audio): has no sound (found by") for line in lines)
    assert any(
        line.startswith("to do    good.mp4") and line.endswith("vision kept from an earlier run") for line in lines
    )


@pytest.mark.parametrize(
    ("changed", "held"), [({}, 3), ({"ENGINE": "ray"}, 2), ({"ENGINE": "ray", "MAX_VIDEOS_IN_FLIGHT": 1}, 1)]
)
def test_room_for_the_sound_of_videos_in_work(
    videos: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], held: int
) -> None:
    """On this machine it is that of two more than decoders; on one of a cluster that of its team."""
    for number in range(3):
        shutil.copy(videos / "good.mp4", videos / f"{number}.mp4")
    monkeypatch.setattr(module, "SOUND_BYTES_PER_S", 1e9)
    monkeypatch.setattr(plan, "gpu_counter", lambda config: (lambda: 0) if config.ENGINE == "ray" else None)
    _, lines = told(videos, dataclasses.replace(CPU, NUM_PREPROCESS_WORKERS=1, **changed))
    (length_s,) = {float(line.split()[3]) for line in lines if line.startswith("to do")}
    (needed,) = [line for line in lines if "for temporary files" in line]
    assert float(needed.split()[2]) == pytest.approx(held * length_s, rel=0.05)


def test_too_little_room_is_told(videos: Path) -> None:
    _, lines = told(videos, dataclasses.replace(CPU, MIN_FREE_GB=1e9))
    assert sum(line.endswith("NOT ENOUGH") for line in lines) == 2


def report(folder: Path, videos: list[dict[str, Any]]) -> None:
    (folder / "run.json").write_text(json.dumps({"videos": videos}))


def test_an_earlier_run_tells_how_fast_it_goes(tmp_path: Path) -> None:
    lines = []
    for number, vision_s in enumerate((10.0, 20.0, 90.0)):
        manifest = tmp_path / str(number) / "output" / "manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_bytes(bytes(500))
        timings = {"vision": [5.0, 5.0 + vision_s], "speech": [5.0, 6.0]}
        lines.append({"manifest": str(manifest), "video_seconds": 10.0, "timings": timings})
    report(tmp_path, [*lines, {"manifest": None, "video_seconds": 0, "timings": {}}])
    assert past_of(tmp_path) == Past({"vision": 2.0, "speech": 0.1}, 50.0, 3)
    assert past_of(tmp_path, Shard(1, 2)) == Past({}, None)
    (tmp_path / "run.json").rename(tmp_path / "run.shard-01-of-02.json")
    assert past_of(tmp_path, Shard(1, 2)).videos == 3


@pytest.mark.parametrize("content", [b"", b"[]", b'{"videos": [1]}', b"[" * 100_000])
def test_a_damaged_report_tells_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    assert past_of(tmp_path) == Past({}, None)


def test_the_busiest_kind_of_worker_gives_the_time() -> None:
    past = Past({"vision": 2.0, "speech": 0.5, "clips": 0.1}, None, 1)
    config = dataclasses.replace(resolved(CPU), VISION_DEVICE=("cpu", "cuda:0"), VISION_WORKERS=1)
    to_do = [(100.0, frozenset()), (50.0, frozenset({"vision"}))]
    assert work_seconds(to_do, past, config) == pytest.approx(100.0)  # 2 * 100 / 2 workers; speech: 0.5 * 150
    assert work_seconds([(100.0, frozenset({"vision", "speech"}))], past, config) == pytest.approx(10.0)
    config = dataclasses.replace(config, VISION_WORKERS=2)
    assert work_seconds(to_do, past, config) == pytest.approx(75.0)  # speech; vision has four workers now
