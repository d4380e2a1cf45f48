"""B1 to B8: where the old systems lost videos, hung, and took failures for successes."""

from __future__ import annotations

import ast
import dataclasses
import json
import multiprocessing
import os
import zipfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from config import Config
from pipeline.artifacts import finished
from pipeline.attribution.stage import ATTRIBUTION
from pipeline.checkpoint import read_checkpoint
from pipeline.clips.stage import CLIPS
from pipeline.errors import InputError, ToolError
from pipeline.executors.local.executor import LocalExecutor
from pipeline.executors.runtime import run_stage
from pipeline.executors.serial import SerialExecutor
from pipeline.graph import GRAPH
from pipeline.machine import ResolvedConfig, resolved
from pipeline.media import encode
from pipeline.media.encode import write_clip
from pipeline.opening import open_video
from pipeline.outputs.files import write_text
from pipeline.run import engines, runner
from pipeline.sources.discover import result_folders
from pipeline.stage import Graph, Models, OpenedVideo, VideoJob
from pipeline.types import ModelChoice, ScoredTracks, Segment, Transcript, VideoResult, Word
from tests.support import fake_stages
from tests.support.by_hand import kept, prints, work_of
from tests.support.executing import CONFIG, Recorder, run
from tests.support.film import Film
from tests.test_architecture import ROOT, sources

CPU = Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu", DOWNLOAD_WEIGHTS=False)
MODELS = (ModelChoice("faces", "mtcnn", None), ModelChoice("speaking", "lip-motion", None))


NAMES = ["meet.mp4", "bad.mp4", *(f"{number:02}.mp4" for number in range(20))]


@dataclasses.dataclass
class Ran:
    """A run of `NAMES` through three decoding processes and one of each other kind."""

    folder: Path
    results: Mapping[str, VideoResult]
    queues: Mapping[str, Mapping[str, int]]
    children: int
    """Processes that were left."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("run")
    (folder / ".work").mkdir()
    # Vision and speech of this video wait for each other.
    (folder / ".watched").write_text(str(folder / "meet.mp4"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FAKE_STAGES_WATCHED", str(folder / ".watched"))
        config = dataclasses.replace(CONFIG, NUM_PREPROCESS_WORKERS=3)
        recorder, executor = run(LocalExecutor, folder, NAMES, config)
    return Ran(folder, recorder.results, executor.queues(), len(multiprocessing.active_children()))


@pytest.mark.slow
def test_b01_every_video_goes_through_every_stage(ran: Ran) -> None:
    """The parent read the queues of the workers and passed work on undone: of 20 videos 0 or 1 was done, then all
    hung."""
    for name in NAMES[2:]:
        assert ran.results[name].status == "done"
        assert ran.results[name].clip_count == fake_stages.FRAMES, "every picture was seen, and unharmed"
        # The fake transcript is the number of the process that made it; that of the manifest comes first.
        clips, speech, _ = (ran.folder / f"{name}.out" / "output" / "manifest.json").read_text().split()
        assert len({clips, speech, str(os.getpid())}) == 3


@pytest.mark.slow
def test_b02_the_end_of_one_worker_is_not_the_end_of_the_work(ran: Ran) -> None:
    """Every preprocessor sent an end mark; vision left at the first, the parent waited for all, videos were lost."""
    assert sorted(ran.results) == sorted(NAMES)
    assert [name for name, result in ran.results.items() if result.status != "done"] == ["bad.mp4"]
    assert ran.children == 0


@pytest.mark.slow
def test_b02_workers_without_work_hold_nobody_up(tmp_path: Path) -> None:
    """A preprocessor that had got no video sent its end mark at once, and vision left before the first picture."""
    (tmp_path / ".work").mkdir()
    config = dataclasses.replace(CONFIG, NUM_PREPROCESS_WORKERS=3)
    recorder, _ = run(LocalExecutor, tmp_path, ["only.mp4"], config)
    assert recorder.results["only.mp4"].clip_count == fake_stages.FRAMES
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_b03_every_queue_has_a_bound_that_holds(ran: Ran) -> None:
    """Queues without a bound: preprocessing ran ahead until disk or memory was full."""
    assert {"videos", "pictures"} <= set(ran.queues)
    assert all(0 < queue["peak"] <= queue["bound"] for queue in ran.queues.values()), ran.queues
    assert ran.queues["videos"]["bound"] == CONFIG.MAX_VIDEOS_IN_FLIGHT


def test_b04_picture_and_sound_are_worked_on_at_the_same_time(ran: Ran) -> None:
    """Vision and Whisper ran one after the other, though neither needs the other."""
    assert ran.results["meet.mp4"].status == "done", "each of the two waits for the other to begin"


def test_b04_models_are_loaded_once_and_b05_on_the_device_that_was_asked_for(tmp_path: Path) -> None:
    """The networks were loaded anew for every video, and on the first GPU whatever was asked for."""
    loaded: list[tuple[str, str]] = []

    def noting(name: str) -> Any:
        return lambda config, models, device: loaded.append((name, device))

    (tmp_path / ".work").mkdir()
    config = dataclasses.replace(CONFIG, VISION_DEVICE=("cuda:1",))
    stages = tuple(
        dataclasses.replace(stage, load=noting(stage.name)) if stage.feeds else stage for stage in fake_stages.STAGES
    )
    used = dataclasses.replace(fake_stages.GRAPH, stages=stages)
    recorder = Recorder()
    jobs = [VideoJob(i, tmp_path / f"{i}.mp4", tmp_path / f"{i}.out", prints("v", "s", "w")) for i in range(3)]
    SerialExecutor(config, (), tmp_path / ".work", used).run(jobs, recorder)
    assert [result.status for result in recorder.results.values()] == ["done"] * 3
    assert sorted(loaded) == [("speech", "cpu"), ("vision", "cuda:1")]


def test_b05_a_file_saved_on_a_gpu_is_read_without_one(tmp_path: Path) -> None:
    """Weights were loaded to the device that they had been saved on, always the first GPU."""
    plain, moved = tmp_path / "plain.model", tmp_path / "moved.model"
    torch.save({"a": torch.arange(3.0)}, plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(moved, "w") as new:
        for name in old.namelist():
            # In the pickle of a tensor its device is a string: length, then text.
            new.writestr(name, old.read(name).replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"))
    assert b"cuda:0" in moved.read_bytes()
    assert torch.equal(read_checkpoint(moved)["a"], torch.arange(3.0))


@pytest.mark.slow
def test_b05_no_part_of_the_program_takes_the_first_gpu() -> None:
    """``.cuda()`` without a number was written into every network."""
    found = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name.endswith(".cuda") or name == "torch.cuda.set_device":
                found.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    assert found == []


def _use_fakes_but_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **real: Any) -> None:
    """Lets `runner.run` work in this process, with *real* stages and fake ones for the rest."""
    stages = tuple(CLIPS if stage.name == "clips" else stage for stage in fake_stages.STAGES)
    used = dataclasses.replace(fake_stages.GRAPH, stages=stages, **real)

    def serial(config: ResolvedConfig, models: Models, work_dir: Path, _: Graph) -> SerialExecutor:
        return SerialExecutor(config, models, work_dir, used)

    monkeypatch.setattr(engines, "LocalExecutor", serial)
    for name in ("HOME", "XDG_CACHE_HOME", "LIPGEN_WEIGHTS"):
        monkeypatch.setenv(name, str(tmp_path / "empty"))


def test_b06_a_failure_has_an_exit_code_a_line_and_its_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors were printed at most: no exit code, no list of what failed, and ffmpeg was told to hide the cause."""
    videos = tmp_path / "videos"
    videos.mkdir()
    film = Film(videos)
    film.make("good.mkv", film.times(Fraction(25), 1), sound=[(Fraction(0), film.tone(16000, 1))])
    film.make("mute.mkv", film.times(Fraction(25), 1))
    (videos / "text.mp4").write_text("no video at all")
    _use_fakes_but_for(monkeypatch, tmp_path, open_video=open_video)
    assert runner.run(videos, CPU) == 1
    ends = {Path(video["path"]).name: video for video in json.loads((videos / "run.json").read_text())["videos"]}
    assert {name: (end["status"], end["reason_code"]) for name, end in ends.items()} == {
        "good.mkv": ("done", ""),
        "mute.mkv": ("failed", "no_audio"),
        "text.mp4": ("failed", "not_media"),
    }
    assert "no sound" in ends["mute.mkv"]["message"] and "text.mp4" in ends["text.mp4"]["message"]


def test_b06_the_words_of_ffmpeg_are_in_the_error(tmp_path: Path) -> None:
    """``-loglevel panic``: exit code 1 and not a word."""
    with pytest.raises(ToolError) as caught:
        write_clip(
            *(tmp_path / "a.mp4", [np.zeros((32, 32, 3), np.uint8)]),
            size_px=(32, 32),
            rate=Fraction(25),
            sound=np.zeros((640, 1), np.int16),
            sound_rate_hz=16000,
            crf=18,
            preset="no-such-preset",
        )
    assert "no-such-preset" in caught.value.stderr_tail and caught.value.exit_code != 0
    assert caught.value.stderr_tail.strip() in str(caught.value)


def test_b07_videos_of_one_name_have_folders_of_their_own(tmp_path: Path) -> None:
    """``a.mp4`` and ``a.mkv`` wrote into one folder."""
    videos = [tmp_path / name for name in ("a.mkv", "a.mp4", "A.avi", "b.mp4")]
    folders = result_folders(videos, tmp_path, tmp_path / "out")
    assert [each.name for each in folders] == ["a.mkv", "a.mp4", "A.avi", "b"]
    assert len(set(result_folders(videos, tmp_path, None))) == 4


def test_b07_nothing_is_written_beside_the_videos_where_another_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames, crops and sound were left in the input folder, which had to be writable."""
    videos, out = tmp_path / "videos", tmp_path / "out"
    videos.mkdir()
    film = Film(videos)
    film.make("a.mkv", film.times(Fraction(25), 1), sound=[(Fraction(0), film.tone(16000, 1))])
    videos.chmod(0o555)
    _use_fakes_but_for(monkeypatch, tmp_path, open_video=open_video)
    try:
        assert runner.run(videos, dataclasses.replace(CPU, OUTPUT_DIR=str(out))) == 0
    finally:
        videos.chmod(0o755)
    assert [path.name for path in videos.iterdir()] == ["a.mkv"]
    assert (out / "a" / "output" / "manifest.json").is_file()


def _kept_video(tmp_path: Path) -> tuple[VideoJob, OpenedVideo]:
    """A video of two sentences whose vision and speech are done."""
    film = Film(tmp_path)
    path = film.make("v.mkv", film.times(Fraction(25), 4), sound=[(Fraction(0), film.tone(16000, 4))])
    prepared = open_video(VideoJob(0, path, tmp_path), tmp_path / "sound.pcm", resolved(CPU), lambda _: None)
    frames = np.arange(100, dtype=np.int32)
    tracks = ScoredTracks(
        *(100, np.zeros(1, np.int32), frames * 0, frames),
        np.tile(np.array([10, 5, 50, 45], np.float32), (100, 1)),
        *(np.full(100, 3, np.float32), np.full(100, 0.9, np.float32)),
    )
    spoken = [Segment(at, at + 1.0, " Hello.", (Word(" Hello.", at, at + 1.0, 0.9),)) for at in (0.2, 2.2)]
    job = VideoJob(0, path, tmp_path / "result", prints("v" * 64, "s" * 64, "w" * 64))
    job.folder.mkdir()
    kept(job.folder, tracks, Transcript("en", tuple(spoken)), job.prints)
    run_stage(ATTRIBUTION, work_of(job, prepared, Config(CLIP_SIZE=32), MODELS))
    return job, prepared


def _finish(job: VideoJob, prepared: OpenedVideo) -> Path:
    return run_stage(CLIPS, work_of(job, prepared, Config(CLIP_SIZE=32), MODELS)).summary.manifest


@pytest.mark.slow
def test_b07_what_an_earlier_run_left_is_not_taken_for_this_one(tmp_path: Path) -> None:
    """Old crops were found by their pattern: scores were paired with the wrong tracks."""
    job, prepared = _kept_video(tmp_path)
    manifest = _finish(job, prepared)
    (manifest.parent / "seg_0007_track_003.mp4").write_bytes(b"stale")
    named = {clip["clip"] for clip in json.loads(_finish(job, prepared).read_text())["clips"]}
    assert len(named) == 2
    assert {path.name for path in manifest.parent.glob("*.mp4")} == named


@pytest.mark.slow
def test_b08_a_failed_clip_is_no_success_and_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text and manifest named a clip that had failed; the next run then passed it over for ever."""
    job, prepared = _kept_video(tmp_path)
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho no room on the device >&2\nexit 1\n")
    broken.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setattr(encode, "find_ffmpeg", lambda: str(broken))
        with pytest.raises(InputError, match="no room on the device"):
            _finish(job, prepared)
    assert list((job.folder / "output").iterdir()) == []
    assert finished(GRAPH, job.folder, job.prints) is None
    manifest = _finish(job, prepared)
    assert finished(GRAPH, job.folder, job.prints) == manifest
    (manifest.parent / json.loads(manifest.read_text())["clips"][0]["clip"]).unlink()
    assert finished(GRAPH, job.folder, job.prints) is None, "a clip that is gone is done again"


def test_b08_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest was written in place: a run killed at that moment left half of it."""
    path = tmp_path / "manifest.json"
    write_text(path, "old")

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        write_text(path, "new " * 1000)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["manifest.json"]
