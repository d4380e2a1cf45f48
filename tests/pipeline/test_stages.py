"""What settings and models the stages are loaded with."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts import TRACKS
from pipeline.errors import InputError, describe
from pipeline.machine import ResolvedConfig
from pipeline.opening import open_video
from pipeline.outputs.failure import ends_results
from pipeline.outputs.tracks import read_faces, read_losses
from pipeline.speech import stage as speech_stage
from pipeline.stage import Models, NoSound, OpenedVideo, VideoJob
from pipeline.types import FaceTracks, Fingerprints, Losses, ModelChoice, ScoredTracks
from pipeline.vision import stage as vision_stage
from pipeline.vision.block_scorer import BlockScorer
from pipeline.vision.embedding import FaceEmbedder
from pipeline.vision.given_faces import WIDEST_STEP
from pipeline.vision.persons import IdentityByFace, IdentityByFraming
from pipeline.vision.scenes import GivenShots
from pipeline.vision.session import VisionModels, VisionSession
from pipeline.vision.settings import VisionSettings
from s3fd.landmarks import YuNetLandmarks
from s3fd.mtcnn_landmarks import MtcnnLandmarks
from tests.support.by_hand import on_cpu, tracks_of, work_of
from tests.support.film import Film

CONFIG = on_cpu(DETECT_EVERY=5)
MODELS = (
    ModelChoice("faces", "mtcnn", None),
    ModelChoice("speaking", "lip-motion", None),
    ModelChoice("identity", "by-track", None),
)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The named arguments with which detectors were loaded."""
    calls: list[dict[str, Any]] = []
    real: Callable[..., Any] = vision_stage.load_detector

    def watched(*arguments: Any, **named: Any) -> Any:
        calls.append(named)
        return real(*arguments, **named)

    monkeypatch.setattr(vision_stage, "load_detector", watched)
    return calls


def vision(config: ResolvedConfig, models: Models) -> VisionModels:
    return vision_stage.load_vision(config, models, "cpu")


def begun(video: VideoJob, opened: OpenedVideo, loaded: VisionModels) -> VisionSession:
    """Return vision at the beginning of *video*."""
    work = dataclasses.replace(work_of(video, opened, CONFIG), loaded=loaded, capacity=200)
    return vision_stage.run_vision(work).session


@pytest.mark.parametrize("compiled", [False, True])
def test_compile_reaches_the_detector(loaded: list[dict[str, Any]], compiled: bool) -> None:
    vision(on_cpu(DETECT_EVERY=5, COMPILE=compiled), MODELS)
    assert loaded == [{"compiled": compiled}]


def test_without_an_identity_network_none_is_loaded() -> None:
    assert vision(CONFIG, MODELS).identity is None
    framing = ModelChoice("identity", "by-framing", None)
    assert isinstance(vision(CONFIG, (*MODELS[:2], framing)).identity, IdentityByFraming)


@pytest.mark.slow
@pytest.mark.parametrize(("helper", "kind"), [("yunet_n_dynamic.onnx", YuNetLandmarks), (None, MtcnnLandmarks)])
def test_the_identity_network_gets_its_landmarks_from_its_helper(shared: Path, helper: str | None, kind: type) -> None:
    weights = shared / "weights"
    identity = ModelChoice(
        "identity", "mobilefacenet", weights / "mobilefacenet.pt", helper=weights / helper if helper else None
    )
    persons = vision(CONFIG, (*MODELS[:2], identity)).identity
    assert isinstance(persons, IdentityByFace) and isinstance(persons.embedder, FaceEmbedder)
    assert isinstance(persons.embedder.landmarks, kind)


def test_the_identity_network_runs_on_the_device_of_vision(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(vision_stage, "load_identity", lambda *call: calls.append(call))
    monkeypatch.setattr(vision_stage, "load_scorer", lambda *_, **__: None)
    monkeypatch.setattr(vision_stage, "load_detector", lambda *_, **__: None)
    identity = ModelChoice("identity", "sface", Path("/w/s.onnx"), helper=Path("/w/y.onnx"))
    vision_stage.load_vision(CONFIG, (*MODELS[:2], identity), "cuda:1")
    assert calls == [("sface", Path("/w/s.onnx"), Path("/w/y.onnx"), "cuda:1")]


@pytest.mark.parametrize(
    ("config", "words", "asked"),
    [
        (
            on_cpu(WHISPER_LANGUAGE="en"),
            ModelChoice("words", "pocketsphinx", None),
            ("pocketsphinx", None, "en", "auto"),
        ),
        (
            on_cpu(WHISPER_PRECISION="full"),
            ModelChoice("words", "whisper-base", Path("/w/base.pt")),
            ("whisper", Path("/w/base.pt"), "auto", "full"),
        ),
        (on_cpu(), ModelChoice("words", "transcript", None), None),
    ],
)
def test_the_recogniser_is_loaded_with_its_settings_unless_all_words_are_given(
    monkeypatch: pytest.MonkeyPatch, config: ResolvedConfig, words: ModelChoice, asked: tuple[Any, ...] | None
) -> None:
    calls: list[tuple[Any, ...]] = []

    def noted(name: str, weights: Path | None, device: str, language: str, precision: str) -> None:
        calls.append((name, weights, language, precision))

    monkeypatch.setattr(speech_stage, "load_transcriber", noted)
    speech_stage.load_speech(config, (*MODELS, words), "cpu")
    assert calls == ([asked] if asked else [])


@pytest.mark.parametrize("align", [False, True])
def test_align_loads_its_network_at_once(monkeypatch: pytest.MonkeyPatch, align: bool) -> None:
    """Without it, the network waits for a given transcript that needs it."""
    network = ModelChoice("alignment", "mms-fa", Path("/w/mms_fa.pt"))
    loaded: list[tuple[ModelChoice, str]] = []
    monkeypatch.setattr(speech_stage, "_load_aligner", lambda *call: loaded.append(call))
    words = ModelChoice("words", "transcript", None)
    speech_stage.load_speech(on_cpu(ALIGN=align), (*MODELS, words, network), "cuda:1")
    assert loaded == ([(network, "cuda:1")] if align else [])


def test_a_sound_for_which_there_is_no_room_is_not_begun(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, sound = VideoJob(0, samples / "late_sound.mp4", tmp_path), tmp_path / "1.pcm"
    prepared = open_video(video, sound, CONFIG, lambda _: None)
    needed = int(prepared.probe.duration_s * 32_000)
    assert abs(needed - sound.stat().st_size) < 32_000
    sound.unlink()
    for free, fits in ((needed, True), (needed - 1, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        if fits:
            open_video(video, sound, CONFIG, lambda _: None)
            sound.unlink()
            continue
        with pytest.raises(OSError, match="MB of temporary files") as caught:
            open_video(video, sound, CONFIG, lambda _: None)
        assert describe(caught.value)[0] == "disk_full" and not sound.exists()


@pytest.mark.slow
def test_scenes_and_sound_of_the_user_take_the_place_of_the_files_own(samples: Path, tmp_path: Path) -> None:
    scenes, sound = tmp_path / "s.csv", tmp_path / "1.pcm"
    header = "Scene Number,Start Frame,Start Timecode,Start Time (seconds),End Frame,End Timecode,End Time (seconds)"
    scenes.write_text(f"{header}\n1,1,00:00:00.000,0.000,50,00:00:02.000,2.000\n2,51,00:00:02.000,2.000,100,,4.000\n")
    video = VideoJob(0, samples / "two_shot.mp4", tmp_path, scenes=scenes)
    assert open_video(video, None, CONFIG, lambda _: None).shots == (0, 50)
    other = samples / "late_sound.mp4"
    lengths = []
    for file in (None, other):
        job = VideoJob(0, samples / "two_shot.mp4", tmp_path, sound_file=file)
        prepared = open_video(job, sound, CONFIG, lambda _: None)
        lengths.append(prepared.audio.duration_s)
        assert prepared.shots is None and (prepared.probe.sound_file is not None) == (file is not None)
    assert lengths[0] > 20 > 10 > lengths[1]


@pytest.mark.parametrize("content", ["text", "", "video without sound"])
def test_a_wrong_sound_file_of_the_user_is_no_fault_of_the_video(samples: Path, tmp_path: Path, content: str) -> None:
    """Earlier results of the video stay."""
    given = tmp_path / "given.mkv"
    given.write_text(content)
    if content.startswith("video"):
        film = Film(tmp_path)
        film.make(given.name, film.times(Fraction(25), 1))
    job = VideoJob(0, samples / "two_shot.mp4", tmp_path, sound_file=given)
    with pytest.raises(InputError, match=rf"{given.name}: .* \(AUDIO_FILE\)") as caught:
        open_video(job, tmp_path / "1.pcm", CONFIG, lambda _: None)
    assert caught.value.reason_code == "bad_audio_file"
    assert not ends_results("bad_audio_file", Fingerprints(failure="f"))


@pytest.mark.parametrize(("duration_s", "lost"), [(0.0, 33), (1.0, 3)])
def test_what_lies_in_streams_that_are_not_read_is_lost(
    samples: Path, tmp_path: Path, duration_s: float, lost: int
) -> None:
    """Of an excerpt that ends before them nothing is."""
    job = VideoJob(0, samples / "late_sound.mp4", tmp_path)
    found = open_video(job, tmp_path / "1.pcm", dataclasses.replace(CONFIG, DURATION=duration_s), lambda _: None)
    found = dataclasses.replace(found, probe=dataclasses.replace(found.probe, unread_packets=30))
    none, boxes, scores = np.zeros(0, np.int32), np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    tracks = ScoredTracks(25, np.zeros(1, np.int32), none, none, boxes, scores, scores)
    assert read_losses(tracks_of(job, found, tracks, 3)).picture_packets == lost


def test_vision_is_told_the_shots_of_the_user(samples: Path, tmp_path: Path) -> None:
    job = VideoJob(0, samples / "late_sound.mp4", tmp_path)
    prepared = dataclasses.replace(open_video(job, tmp_path / "1.pcm", CONFIG, lambda _: None), shots=(0, 7))
    session: Any = begun(job, prepared, vision(CONFIG, MODELS))
    shots = session._stream._shots
    assert isinstance(shots, GivenShots) and shots.push(7, np.zeros((1, 1, 3), np.uint8)) == [7]


def test_faces_of_the_user_take_the_place_of_the_detector(samples: Path, tmp_path: Path, loaded: list[Any]) -> None:
    """No detector is loaded; what is kept of vision needs no faces; a threshold leaves out the less certain."""
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("0,10,10,60,60,0.9\n1,11,10,61,60,0.7\n")
    job = VideoJob(0, samples / "late_sound.mp4", tmp_path, face_boxes=boxes)
    prepared = open_video(job, tmp_path / "1.pcm", CONFIG, lambda _: None)
    assert prepared.faces is not None
    assert [prepared.faces.at(frame).tolist() for frame in (0, 1, 2)] == [[[10, 10, 60, 60]], [[11, 10, 61, 60]], []]
    surer = open_video(job, None, dataclasses.replace(CONFIG, FACEDET_THRESHOLD=0.8), lambda _: None)
    assert surer.faces is not None and [len(surer.faces.at(frame)) for frame in (0, 1)] == [1, 0]
    kept = dataclasses.replace(job, kept=frozenset({"vision"}))
    assert open_video(kept, None, CONFIG, lambda _: None).faces is None
    given = vision(CONFIG, (ModelChoice("faces", vision_stage.FACE_BOXES, boxes), *MODELS[1:]))
    assert given.detector is None and loaded == []
    session: Any = begun(job, prepared, given)
    assert session._stream._look_up([0, 5])[0].tolist() == [[10, 10, 60, 60]]


def mute(video: VideoJob) -> VideoJob:
    """Return *video* as it is worked on without sound."""
    return dataclasses.replace(video, no_sound=NoSound("has no sound", ("count",), ("clips",), frozenset({"speech"})))


def test_vision_scores_nobody_where_there_is_no_sound(samples: Path, tmp_path: Path) -> None:
    """A sound that ought to be there, and is not, is a bug and no silence."""
    job = VideoJob(0, samples / "late_sound.mp4", tmp_path)
    with_sound = open_video(job, tmp_path / "1.pcm", CONFIG, lambda _: None)
    without = open_video(mute(job), None, CONFIG, lambda _: None)
    assert (without.sound, without.probe.has_audio, with_sound.probe.has_audio) == (None, False, True)
    models = vision(CONFIG, MODELS)
    assert isinstance(begun(job, with_sound, models)._scorer, BlockScorer)
    assert begun(mute(job), without, models)._scorer is None
    with pytest.raises(ValueError, match="expected the sound"):
        begun(job, without, models)


def test_a_file_without_sound_can_be_opened_once_that_is_known(tmp_path: Path) -> None:
    film = Film(tmp_path)
    job = VideoJob(0, film.make("mute.mkv", film.times(Fraction(25), 1)), tmp_path)
    with pytest.raises(InputError) as raised:
        open_video(job, tmp_path / "1.pcm", CONFIG, lambda _: None)
    assert raised.value.reason_code == "no_audio"
    assert open_video(mute(job), None, CONFIG, lambda _: None).probe.duration_s == 1.0


def test_what_a_video_without_sound_has_lost_is_noted(tmp_path: Path) -> None:
    """No clips tell of it."""
    film, none = Film(tmp_path), np.zeros(0, np.int32)
    job = mute(VideoJob(0, film.make("mute.mkv", film.times(Fraction(25), 4)), tmp_path))
    opened = open_video(job, None, CONFIG, lambda _: None)
    faces = FaceTracks(25, np.zeros(1, np.int32), none, none, np.zeros((0, 4), np.float32))
    work = work_of(job, opened, CONFIG)
    session: Any = SimpleNamespace(finish=lambda: faces, notes=("slow",))
    assert vision_stage.VisionRun(work, session).finish(3).notes == (
        "slow",
        "the last 3.0 s of its picture are missing",
        "3 packets of its picture could not be decoded",
    )
    path = work.pending(TRACKS)
    assert read_losses(path) == Losses(3, 0, 3.0) and not isinstance(read_faces(path), ScoredTracks)


def test_there_is_room_for_the_widest_step_of_given_faces() -> None:
    plain = vision_stage.frames_held(CONFIG)
    held = vision_stage.frames_held(dataclasses.replace(CONFIG, FACE_BOXES="boxes.csv"))
    assert held >= VisionSettings.of(CONFIG, WIDEST_STEP + 1).frames_held(1) > plain
    wide = dataclasses.replace(CONFIG, DETECT_EVERY=25, FACE_BOXES="boxes.csv")
    assert vision_stage.frames_held(wide) == vision_stage.frames_held(dataclasses.replace(wide, FACE_BOXES=""))
