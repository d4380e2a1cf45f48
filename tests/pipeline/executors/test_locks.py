"""A video is in the hands of one run at a time."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from config import Config
from pipeline.artifacts import TRANSCRIPT
from pipeline.executors import locks
from pipeline.executors.locks import VideoLocks
from pipeline.graph import GRAPH
from pipeline.outputs.failure import failed_before, write_failure
from pipeline.results import LOG
from pipeline.stage import Graph, VideoJob
from pipeline.types import Fingerprints, VideoResult
from tests.support.by_hand import prints

ROOT = Path(__file__).resolve().parents[3]
PRINTS = prints("v" * 64, "s" * 64, "w" * 64, "f" * 64)


@pytest.fixture
def video(tmp_path: Path) -> VideoJob:
    return VideoJob(0, tmp_path / "a.mp4", tmp_path / "a", PRINTS)


def two(tmp_path: Path, config: Config = Config()) -> tuple[VideoLocks, VideoLocks]:  # noqa: B008 - it is frozen
    """Those of two runs."""
    return VideoLocks(config, tmp_path, GRAPH), VideoLocks(config, tmp_path, GRAPH)


def test_a_video_that_one_run_holds_is_not_given_to_another(tmp_path: Path, video: VideoJob) -> None:
    first, second = two(tmp_path)
    assert first.acquire(video) == video
    assert second.acquire(video) is None
    first.release(video)
    assert second.acquire(video) == video


def test_what_a_run_has_taken_it_may_take_again(tmp_path: Path, video: VideoJob) -> None:
    first, second = two(tmp_path)
    assert first.acquire(video) and first.acquire(video)
    first.release(video)
    assert second.acquire(video) is not None


@pytest.mark.slow
def test_a_run_that_is_killed_lets_go(tmp_path: Path, video: VideoJob) -> None:
    code = (
        "import sys, time; from pathlib import Path; from config import Config\n"
        "from pipeline.executors.locks import VideoLocks; from pipeline.stage import VideoJob\n"
        "from pipeline.graph import GRAPH\n"
        "folder = Path(sys.argv[1])\n"
        "assert VideoLocks(Config(), folder, GRAPH).acquire(VideoJob(0, folder / 'a.mp4', folder / 'a'))\n"
        "print('held', flush=True); time.sleep(600)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    mine = VideoLocks(Config(), tmp_path, GRAPH)
    assert mine.acquire(video) is None
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert mine.acquire(video) == video


def test_what_another_run_did_meanwhile_is_skipped_unless_forced(
    tmp_path: Path, video: VideoJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finished(graph: Graph, folder: Path, found: Fingerprints) -> Path | None:
        return folder / "manifest.json" if found.of("clips") == PRINTS.of("clips") else None

    monkeypatch.setattr(locks, "finished", finished)
    mine, forced = VideoLocks(Config(), tmp_path, GRAPH), VideoLocks(Config(FORCE=True), tmp_path, GRAPH)
    result = mine.acquire(video)
    assert isinstance(result, VideoResult) and result.status == "skipped"
    assert forced.acquire(video) == video  # it was released


@pytest.mark.parametrize(("force", "kept"), [(False, frozenset({"speech"})), (True, frozenset())])
def test_what_an_earlier_run_left_is_told_unless_forced(
    tmp_path: Path, video: VideoJob, monkeypatch: pytest.MonkeyPatch, force: bool, kept: frozenset[str]
) -> None:
    monkeypatch.setattr(locks, "kept_artifacts", lambda *_: {TRANSCRIPT: Path("transcript.json")})
    taken = VideoLocks(Config(FORCE=force), tmp_path, GRAPH).acquire(video)
    assert taken == dataclasses.replace(video, kept=kept)


def test_finished_results_of_an_earlier_state_stay_when_a_video_is_taken(tmp_path: Path, video: VideoJob) -> None:
    manifest = video.folder / "output" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({}))
    (video.folder / "annotated.mp4").touch()
    (video.folder / ".tracks.npz.7-ab.part").touch()
    write_failure(video.folder, PRINTS, VideoResult(video.path, "failed", "no_audio"))
    taken = VideoLocks(Config(), tmp_path, GRAPH).acquire(video)
    assert isinstance(taken, VideoJob) and taken == dataclasses.replace(video, renews=True)
    assert taken.work == video.folder / ".next"
    assert failed_before(video.folder, PRINTS.failure) is None
    assert {path.name for path in video.folder.iterdir()} == {"output", "annotated.mp4", ".next", LOG}
    assert manifest.read_text() == "{}"


def test_what_was_made_of_results_that_are_gone_goes_when_a_video_is_taken(tmp_path: Path, video: VideoJob) -> None:
    (video.folder / ".next").mkdir(parents=True)
    for name in ("annotated.mp4", ".next/tracks.npz", ".next/report.html"):
        (video.folder / name).touch()
    assert VideoLocks(Config(), tmp_path, GRAPH).acquire(video) == video
    assert {path.name for path in video.folder.iterdir()} == {"tracks.npz", LOG}


@pytest.mark.parametrize(("code", "taken"), [(errno.EWOULDBLOCK, False), (errno.ENOTSUP, True), (errno.ENOSYS, True)])
def test_a_lock_that_is_held_or_unknown_to_the_system(
    tmp_path: Path, video: VideoJob, monkeypatch: pytest.MonkeyPatch, code: int, taken: bool
) -> None:
    def refuse(lock: int, how: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    assert (VideoLocks(Config(), tmp_path, GRAPH).acquire(video) is not None) is taken


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EIO, errno.EINTR])
def test_a_lock_that_cannot_be_had_is_not_taken_for_ours(
    tmp_path: Path, video: VideoJob, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(lock: int, how: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with pytest.raises(OSError) as raised:
        VideoLocks(Config(), tmp_path, GRAPH).acquire(video)
    assert raised.value.errno == code


def test_min_free_gb_acts(tmp_path: Path, video: VideoJob, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(int(1.5e9)))
    assert VideoLocks(Config(MIN_FREE_GB=1.4), tmp_path, GRAPH).acquire(video)
    with pytest.raises(OSError, match=r"only 1\.50 GB are free \(MIN_FREE_GB is 1\.6\)"):
        VideoLocks(Config(MIN_FREE_GB=1.6), tmp_path, GRAPH).acquire(video)


def test_a_log_that_has_grown_long_is_begun_anew(
    tmp_path: Path, video: VideoJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    video.folder.mkdir()
    for size, left in ((100, 100), (101, 0)):
        monkeypatch.setattr(locks, "MAX_LOG_BYTES", 100)
        (video.folder / LOG).write_bytes(b"x" * size)
        mine = VideoLocks(Config(), tmp_path, GRAPH)
        mine.acquire(video)
        mine.release_all()
        assert (video.folder / LOG).stat().st_size == left


def test_no_descriptor_is_left(tmp_path: Path, video: VideoJob) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    first, second = two(tmp_path)
    first.acquire(video)
    second.acquire(video)
    first.release_all()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
