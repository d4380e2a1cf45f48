"""The command that works on one video of a run again, and keeps its doubtful sentences."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config import Config
from pipeline.machine import resolved
from pipeline.run import runner
from pipeline.run.rerun import rerun_of
from pipeline.stage import VideoJob
from pipeline.storage.mirror import Mirror
from tests.support.command_line import LONG_S, ROOT
from tests.support.quick_run import quick

CPU = Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", DETECT_EVERY=5)


def words_of(job: VideoJob, **settings: Any) -> list[str]:
    """The words for *job*, without ``--detect-every 5``, which stands for the ``auto`` of this machine."""
    words = list(rerun_of(job, resolved(dataclasses.replace(CPU, **settings))))
    at = words.index("--detect-every")
    return words[:at] + words[at + 2 :]


def test_the_video_and_its_folder_are_named_with_what_differs() -> None:
    job = VideoJob(3, Path("/v/sub/-a b.mp4"), Path("/out/sub/-a b"))
    words = words_of(job, OUTPUT_DIR="/out", CLIP_CRF=30, ALIGN=True, EXPORT=("rttm", "ava"), RECURSIVE=True)
    settings = ["--align", "--clip-crf", "30", "--export", "rttm,ava"]
    assert words == ["/v/sub/-a b.mp4", "--output-dir", "/out/sub", *settings]


def test_settings_of_the_machine_and_of_the_run_are_left_out() -> None:
    job = VideoJob(0, Path("/v/a.mp4"), Path("/v/a"))
    of_machine = {"VISION_DEVICE": "cpu", "WORK_DIR": "/secret", "MAX_RAM_GB": 3.0, "RAY_ADDRESS": "ray://me:1"}
    words = words_of(job, FORCE=True, RETRY_FAILED=True, LOG_JSON=True, ENGINE="serial", SHARD="0/4", **of_machine)
    assert words == ["/v/a.mp4", "--output-dir", "/v"]


def test_what_changes_results_is_kept_wherever_it_stands() -> None:
    """The size of the ring decides at which size large pictures are analysed."""
    job = VideoJob(0, Path("/v/a.mp4"), Path("/v/a"))
    assert words_of(job, RING_MB=512)[3:] == ["--ring-mb", "512"]


def test_files_of_the_user_are_named_by_their_own_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    files: dict[str, Any] = {
        "scenes": Path("/s/a-Scenes.csv"),
        "face_boxes": Path("/b/a-faces.csv"),
        "sound_file": Path("/a.wav"),
        "ranges": Path("/r/a.edl"),
    }
    job = VideoJob(0, Path("/v/a.mp4"), Path("/v/a"), transcript=Path("/t/sub/a.json"), **files)
    words = words_of(job, TRANSCRIPTS="t", SCENES="s", FACE_BOXES="b", RANGES="r", AUDIO_FILE="a.wav", WEIGHTS_DIR="-w")
    pairs = dict(zip(words[1::2], words[2::2], strict=True))
    assert pairs == {
        "--output-dir": "/v",
        "--transcripts": "/t/sub",
        "--scenes": "/s/a-Scenes.csv",
        "--face-boxes": "/b/a-faces.csv",
        "--audio-file": "/a.wav",
        "--ranges": "/r/a.edl",
        "--weights-dir": f"{tmp_path}/-w",
    }


def test_a_transcript_of_an_earlier_run_is_found_from_the_folder_of_that_run() -> None:
    job = VideoJob(0, Path("/v/a.mp4"), Path("/v/a"), transcript=Path("/old/a/transcript.json"))
    assert words_of(job, TRANSCRIPTS="/old")[3:] == ["--transcripts", "/old"]


def test_places_on_a_storage_are_named_by_their_urls(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, "s3://b/videos", "s3://b/out")
    path, folder = mirror.source_folder / "a.mp4", mirror.results_folder / "a"
    job = VideoJob(0, path, folder, remote=mirror.remote_of(path, folder))
    assert words_of(job, OUTPUT_DIR=str(mirror.results_folder)) == ["s3://b/videos/a.mp4", "--output-dir", "s3://b/out"]


def test_there_is_none_where_the_video_alone_would_have_another_folder() -> None:
    """Beside ``a.mkv`` the results of ``a.mp4`` lie in ``a.mp4``; those of ``a.mp4`` alone would lie in ``a``."""
    assert rerun_of(VideoJob(0, Path("/v/a.mp4"), Path("/out/a.mp4")), resolved(CPU)) == ()


@pytest.mark.slow
@pytest.mark.timeout(LONG_S)
def test_the_copied_command_keeps_the_clip_in_a_shell(tmp_path: Path) -> None:
    """Names that a shell would take apart; the run asks for a certainty that no sentence has."""
    videos, given, output = tmp_path / "it's $HOME", tmp_path / "their `words`", tmp_path / "-out \n ü"
    for folder in (videos, given):
        folder.mkdir()
    shutil.copy(ROOT / "samples" / "late_sound.mp4", videos / "-a \udcff;b.mp4")
    shutil.copy(ROOT / "samples" / "transcripts" / "late_sound.json", given / "-a \udcff;b.json")
    runner.run(videos, quick(given, OUTPUT_DIR=str(output), MIN_PROBABILITY=1.0, CLIP_TEXT=True))
    folder = output / "-a \udcff;b"
    before = json.loads((folder / "output" / "manifest.json").read_text())
    doubtful = {line["index"] for line in before["dropped"] if line["reason_code"] == "uncertain_speaker"}
    assert doubtful and not before["clips"]
    tracks = (folder / "tracks.npz").stat().st_mtime_ns
    (block,) = re.findall(r'id="data">(.*?)</script>', (folder / "report.html").read_text(), re.DOTALL)

    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "-c", json.loads(block)["keep"]]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    after = json.loads((folder / "output" / "manifest.json").read_text())
    assert {clip["index"] for clip in after["clips"]} == doubtful
    assert all("uncertain_speaker" in clip["flags"] for clip in after["clips"])
    for clip in after["clips"]:
        assert (folder / "output" / clip["clip"]).stat().st_size > 1000
        assert (folder / "output" / clip["clip"]).with_suffix(".txt").is_file()
    assert (folder / "tracks.npz").stat().st_mtime_ns == tracks
    assert 'id="keep"' not in (folder / "report.html").read_text()
