"""A video is in the hands of one run at a time."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from config import Config
from pipeline.executors import claims
from pipeline.executors.claims import LOG, Claims
from pipeline.outputs.failure import failed_before, write_failure
from pipeline.stages import VideoJob
from pipeline.types import Marks, VideoResult

ROOT = Path(__file__).resolve().parents[3]
MARKS = Marks("v" * 64, "s" * 64, "w" * 64)


@pytest.fixture
def video(tmp_path: Path) -> VideoJob:
    return VideoJob(0, tmp_path / "a.mp4", tmp_path / "a", MARKS)


def two(tmp_path: Path, config: Config = Config()) -> tuple[Claims, Claims]:  # noqa: B008 - it is frozen
    """Those of two runs."""
    return Claims(config, tmp_path), Claims(config, tmp_path)


def test_a_video_that_one_run_holds_is_not_given_to_another(tmp_path: Path, video: VideoJob) -> None:
    first, second = two(tmp_path)
    assert first.take(video) == video
    assert second.take(video) is None
    first.release(video)
    assert second.take(video) == video


def test_what_a_run_has_taken_it_may_take_again(tmp_path: Path, video: VideoJob) -> None:
    first, second = two(tmp_path)
    assert first.take(video) and first.take(video)
    first.release(video)
    assert second.take(video) is not None


def test_a_run_that_is_killed_lets_go(tmp_path: Path, video: VideoJob) -> None:
    code = (
        "import sys, time; from pathlib import Path; from config import Config\n"
        "from pipeline.executors.claims import Claims; from pipeline.stages import VideoJob\n"
        "folder = Path(sys.argv[1])\n"
        "assert Claims(Config(), folder).take(VideoJob(0, folder / 'a.mp4', folder / 'a'))\n"
        "print('held', flush=True); time.sleep(600)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    mine = Claims(Config(), tmp_path)
    assert mine.take(video) is None
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert mine.take(video) == video


def test_what_another_run_did_meanwhile_is_skipped_unless_forced(
    tmp_path: Path, video: VideoJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finished(folder: Path, mark: str) -> Path | None:
        return folder / "manifest.json" if mark == MARKS.whole else None

    monkeypatch.setattr(claims, "finished_before", finished)
    mine, forced = Claims(Config(), tmp_path), Claims(Config(FORCE=True), tmp_path)
    result = mine.take(video)
    assert isinstance(result, VideoResult) and result.status == "skipped"
    assert forced.take(video) == video  # it was released


@pytest.mark.parametrize(("force", "kept"), [(False, frozenset({"speech"})), (True, frozenset())])
def test_what_an_earlier_run_left_is_told_unless_forced(
    tmp_path: Path, video: VideoJob, monkeypatch: pytest.MonkeyPatch, force: bool, kept: frozenset[str]
) -> None:
    monkeypatch.setattr(claims, "stages_kept", lambda folder, marks: frozenset({"speech"}))
    taken = Claims(Config(FORCE=force), tmp_path).take(video)
    assert taken == dataclasses.replace(video, kept=kept)


def test_what_holds_no_more_goes_when_a_video_is_taken(tmp_path: Path, video: VideoJob) -> None:
    manifest = video.folder / "output" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({}))
    (video.folder / ".tracks.npz.7-ab.part").touch()
    write_failure(video.folder, MARKS.whole, VideoResult(video.path, "failed", "no_audio"))
    assert Claims(Config(), tmp_path).take(video)
    assert failed_before(video.folder, MARKS.whole) is None
    assert {path.name for path in video.folder.iterdir()} == {"output", LOG} and not manifest.exists()


def test_min_free_gb_acts(tmp_path: Path, video: VideoJob, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(int(1.5e9)))
    assert Claims(Config(MIN_FREE_GB=1.4), tmp_path).take(video)
    with pytest.raises(OSError, match=r"only 1\.50 GB are free \(MIN_FREE_GB is 1\.6\)"):
        Claims(Config(MIN_FREE_GB=1.6), tmp_path).take(video)


def test_a_log_that_has_grown_long_is_begun_anew(
    tmp_path: Path, video: VideoJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    video.folder.mkdir()
    for size, left in ((100, 100), (101, 0)):
        monkeypatch.setattr(claims, "MOST_LOG_BYTES", 100)
        (video.folder / LOG).write_bytes(b"x" * size)
        mine = Claims(Config(), tmp_path)
        mine.take(video)
        mine.release_all()
        assert (video.folder / LOG).stat().st_size == left


def test_no_descriptor_is_left(tmp_path: Path, video: VideoJob) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    first, second = two(tmp_path)
    first.take(video)
    second.take(video)
    first.release_all()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
