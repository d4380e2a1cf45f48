"""One video to its results: with a real decoder and encoder, and faces and words made by hand."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from config import Config
from pipeline.clips.worker import MOST_AT_ONCE, FinishedVideo, clips_at_once, finish_video
from pipeline.errors import InputError, ToolError
from pipeline.media.probe import probe
from pipeline.outputs.clips_list import clip_lines
from pipeline.outputs.manifest import read_manifest
from pipeline.outputs.transcript import read_own_transcript
from pipeline.types import Losses, Marks, ModelChoice, ScoredTracks, Segment, Transcript, Word

WIDTH, HEIGHT, FRAMES, RATE_HZ = 160, 120, 75, 16_000
SQUARE = 30
BEEP_S = (1.4, 1.6)
MODELS = (
    ModelChoice("faces", "mtcnn", None, stands_in_for="s3fd", why="no weights"),
    ModelChoice("speaking", "lip-motion", None),
    ModelChoice("words", "base", Path("/somewhere/base.pt"), "ab" * 32),
)


def _square_at(frame: int) -> tuple[int, int]:
    return 20 + frame, 40 + frame // 5


LIT = np.random.default_rng(5).random(FRAMES) < 0.5
"""Whether the ground is light on a frame: no two stretches of it are alike."""


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds at 25 fps: a white square moves over a ground that flickers as `LIT` says; a beep at `BEEP_S`."""
    path = tmp_path_factory.mktemp("source") / "square and beep.mp4"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=25, options={"crf": "10", "bf": "0"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        for i in range(FRAMES):
            pixels = np.full((HEIGHT, WIDTH, 3), 140 if LIT[i] else 40, np.uint8)
            x, y = _square_at(i)
            pixels[y : y + SQUARE, x : x + SQUARE] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format="bgr24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(picture.encode(frame))
        container.mux(picture.encode())
        times = np.arange(FRAMES * RATE_HZ // 25) / RATE_HZ
        beep = np.where((times >= BEEP_S[0]) & (times < BEEP_S[1]), np.sin(2 * np.pi * 1000 * times), 0)
        for first in range(0, len(beep), 1024):
            block = av.AudioFrame.from_ndarray(
                np.ascontiguousarray((beep[None, first : first + 1024] * 16000).astype(np.int16)),
                format="s16",
                layout="mono",
            )
            block.sample_rate, block.pts, block.time_base = RATE_HZ, first, Fraction(1, RATE_HZ)
            container.mux(sound.encode(block))
        container.mux(sound.encode())
    return path


@pytest.fixture(scope="module")
def tracks() -> ScoredTracks:
    """The square as a face that speaks, and a silent one beside it; the square is lost on the last ten frames."""
    corners = np.array([_square_at(i) for i in range(FRAMES - 10)], np.float32)
    moving = np.hstack([corners, corners + SQUARE])
    still = np.tile(np.array([100, 10, 130, 40], np.float32), (FRAMES, 1))
    boxes = np.vstack([moving, still])
    numbers = np.repeat(np.arange(2, dtype=np.int32), [len(moving), len(still)])
    frames = np.concatenate([np.arange(len(moving)), np.arange(FRAMES)]).astype(np.int32)
    logits = np.where(numbers == 0, 2.0, -2.0).astype(np.float32)
    return ScoredTracks(
        FRAMES, np.zeros(1, np.int32), numbers, frames, boxes, logits, np.where(numbers == 0, 0.9, 0.1).astype("f4")
    )


def _segment(*words: Word, flags: tuple[str, ...] = ()) -> Segment:
    return Segment(words[0].start_s, words[-1].end_s, "".join(word.text for word in words), words, flags)


TRANSCRIPT = Transcript(
    "en",
    (
        _segment(Word(" Hello", 0.24, 0.56, 0.9), Word(" there.", 0.56, 0.9, 0.8)),
        _segment(Word(" Beep", 1.4, 1.6, timing="interpolated"), Word(" now", 1.9, 2.7), flags=("repeated",)),
        _segment(Word(" Too late.", 3.2, 3.6)),
    ),
)


@pytest.fixture
def finish(tmp_path: Path, video: Path, tracks: ScoredTracks) -> Callable[..., FinishedVideo]:
    """`finish_video` of the square and beep into ``tmp_path / "result"``."""

    def call(**changed: Any) -> FinishedVideo:
        values: dict[str, Any] = {
            "folder": tmp_path / "result",
            "probe": probe(video),
            "tracks": tracks,
            "transcript": TRANSCRIPT,
            "models": MODELS,
            "config": Config(CLIP_SIZE=84, CLIP_CRF=10, SENTENCE_PAUSE_S=0.4),
            "marks": Marks(speech="s1", whole="f1"),
            "timings": {"vision": 1.5},
            "on_clip": lambda done, total: None,
        }
        return finish_video(**{**values, **changed})

    return call


def _pictures(clip: Path) -> list[np.ndarray]:
    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="bgr24").astype(float) for frame in container.decode(video=0)]


def _sound(clip: Path) -> tuple[np.ndarray, float]:
    """Samples as they are played, and the length of the stream in seconds."""
    with av.open(str(clip)) as container:
        stream = container.streams.audio[0]
        assert stream.duration is not None and stream.time_base is not None
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])
        return samples, float(stream.duration * stream.time_base)


def test_everything_is_left(finish, tmp_path: Path) -> None:
    finished = finish()
    result = tmp_path / "result"
    assert finished == FinishedVideo(result / "output" / "manifest.json", 2, 1, 0)
    assert sorted(path.relative_to(result).as_posix() for path in result.rglob("*") if path.is_file()) == [
        "output/manifest.json",
        "output/seg_0000_track_000.mp4",
        "output/seg_0001_track_000.mp4",
        "persons/person_000.jpg",
        "persons/person_001.jpg",
        "report.html",
        "transcript.ass",
        "transcript.json",
        "transcript.srt",
        "transcript.vtt",
    ]


def test_the_manifest_tells_what_happened(finish, video: Path) -> None:
    manifest = read_manifest(finish().manifest)
    first, second = manifest["clips"]
    assert [first["clip"], first["text"]] == ["seg_0000_track_000.mp4", "Hello there."]
    assert (first["start_time"], first["end_time"]) == (0.12, 1.04)  # 0.24 - 0.12 and 0.90 + 0.12 on the grid
    assert (first["speaker_track"], first["speaker"], first["avg_score"], first["margin"]) == (0, 1, 2.0, 4.0)
    assert (first["coverage"], first["flags"], first["not_in_view"]) == (1.0, [], [])
    assert [word["text"] for word in first["words"]] == ["Hello", "there."]
    assert (second["start_time"], second["end_time"]) == (1.28, 2.84)
    assert second["not_in_view"] == [[2.6, 2.84]]
    assert set(second["flags"]) == {"repeated", "interpolated_times", "face_gap"}
    (late,) = manifest["dropped"]
    assert (late["index"], late["reason_code"], late["text"]) == (2, "outside_picture", "Too late.")
    assert manifest["source"]["path"] == str(video)
    assert manifest["models"][0]["stands_in_for"] == "s3fd"
    assert first["models"]["words"] == {"name": "base", "sha256": "ab" * 32}


def test_a_clip_has_the_frames_and_the_sound_of_its_span(finish) -> None:
    finished = finish()
    for clip in read_manifest(finished.manifest)["clips"]:
        path = finished.manifest.parent / clip["clip"]
        pictures = _pictures(path)
        _, sound_s = _sound(path)
        length_s = clip["end_time"] - clip["start_time"]
        assert len(pictures) == clip["frame_count"] == round(length_s * 25)
        assert abs(sound_s - length_s) < 0.04
        assert all(picture.shape == (84, 84, 3) for picture in pictures)


def test_each_frame_is_the_one_of_its_instant(finish) -> None:
    finished = finish()
    for clip in read_manifest(finished.manifest)["clips"]:
        lit = [np.median(picture[:4]) > 90 for picture in _pictures(finished.manifest.parent / clip["clip"])]
        assert lit == LIT[clip["first_frame"] :][: len(lit)].tolist()


def test_the_window_follows_the_face(finish) -> None:
    finished = finish()
    pictures = _pictures(finished.manifest.parent / "seg_0000_track_000.mp4")
    for picture in pictures:
        bright = np.argwhere(picture.mean(axis=2) > 200)
        np.testing.assert_allclose(bright.mean(axis=0), 41.5, atol=1.5)
        np.testing.assert_allclose(np.ptp(bright, axis=0) + 1, 84 / 1.4, atol=2.1)


def test_the_sound_is_that_of_the_same_instants(finish) -> None:
    finished = finish()
    samples, _ = _sound(finished.manifest.parent / "seg_0001_track_000.mp4")
    loud = np.flatnonzero(np.abs(samples) > 0.1) / RATE_HZ
    np.testing.assert_allclose([loud[0], loud[-1]], np.array(BEEP_S) - 1.28, atol=0.02)


def test_progress_is_told_from_none_to_all(finish) -> None:
    told = []
    finish(on_clip=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_tracks_and_transcript_can_be_read_back(finish, tracks: ScoredTracks, tmp_path: Path) -> None:
    finish()
    assert read_own_transcript(tmp_path / "result" / "transcript.json")[1] == "s1"
    transcript = json.loads((tmp_path / "result" / "transcript.json").read_text())
    speakers = [word["speaker"] for segment in transcript["segments"] for word in segment["words"]]
    assert speakers == [1, 1, 1, 1, None]
    srt = (tmp_path / "result" / "transcript.srt").read_text()
    assert "Speaker 1: Hello there." in srt and "Off-screen: Too late." in srt


def test_the_clips_can_be_listed(finish, tmp_path: Path) -> None:
    lines = list(clip_lines([finish().manifest], tmp_path))
    assert [line["path"] for line in lines] == [f"result/output/seg_000{i}_track_000.mp4" for i in (0, 1)]


def test_what_an_earlier_run_left_goes_and_the_rest_stays(finish, tmp_path: Path) -> None:
    output = tmp_path / "result" / "output"
    output.mkdir(parents=True)
    stale = ("seg_0007_track_003.mp4", ".seg_0008_track_003.mp4.part", ".manifest.json.77.part")
    for name in (*stale, "notes.txt", "seg_my_own.mp4"):
        (output / name).write_text("old")
    finish()
    names = {path.name for path in output.iterdir()}
    assert names == {
        *("manifest.json", "seg_0000_track_000.mp4", "seg_0001_track_000.mp4"),
        *("notes.txt", "seg_my_own.mp4"),
    }


def test_the_old_manifest_is_gone_before_the_first_clip(finish, tmp_path: Path) -> None:
    manifest = finish().manifest
    seen = []
    finish(on_clip=lambda done, total: seen.append(manifest.exists()))
    assert seen == [False] * 3
    assert manifest.exists()


def _failing_ffmpeg(tmp_path: Path) -> str:
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\necho 'Error: the disk is on fire' >&2\nexit 3\n")
    script.chmod(0o755)
    return str(script)


def test_a_failed_encoder_is_told_and_leaves_no_clip(finish, tmp_path: Path, monkeypatch) -> None:
    """B8: nothing stands in the manifest that is not there."""
    failing = _failing_ffmpeg(tmp_path)  # once: a program that runs cannot be written
    monkeypatch.setattr("pipeline.media.encode.find_ffmpeg", lambda: failing)
    finished = finish()
    assert (finished.clip_count, finished.dropped_count, finished.failed_count) == (0, 3, 2)
    manifest = read_manifest(finished.manifest)
    assert manifest["clips"] == []
    assert [line["reason_code"] for line in manifest["dropped"]] == ["tool_failed", "tool_failed", "outside_picture"]
    assert "the disk is on fire" in manifest["dropped"][0]["message"]
    assert [path.name for path in finished.manifest.parent.iterdir()] == ["manifest.json"]


def test_one_failed_clip_does_not_harm_the_others(finish, monkeypatch) -> None:
    from pipeline.clips import cut

    real = cut.write_clip

    def fail_first(path: Path, *args: Any, **fields: Any) -> int:
        if path.name.startswith("seg_0000"):
            raise ToolError(["ffmpeg"], 1, "no")
        return real(path, *args, **fields)

    monkeypatch.setattr(cut, "write_clip", fail_first)
    manifest = read_manifest(finish().manifest)
    assert [clip["index"] for clip in manifest["clips"]] == [1]
    assert [line["index"] for line in manifest["dropped"]] == [0, 2]


def test_an_encoder_that_takes_too_few_pictures_has_failed(finish, monkeypatch) -> None:
    def take_three(path: Path, frames, **fields: Any) -> int:
        path.write_bytes(b"half a clip")
        return 3

    monkeypatch.setattr("pipeline.clips.cut.write_clip", take_three)
    finished = finish()
    assert (finished.clip_count, finished.failed_count) == (0, 2)
    assert not list(finished.manifest.parent.glob("*.mp4"))


def test_a_picture_that_ends_early_is_told(finish) -> None:
    """The tracks claim two seconds more than the file holds."""
    count = FRAMES + 50
    claimed = ScoredTracks(
        count,
        np.zeros(1, np.int32),
        np.zeros(count, np.int32),
        np.arange(count, dtype=np.int32),
        np.tile(np.array([100, 10, 130, 40], np.float32), (count, 1)),
        np.ones(count, np.float32),
        np.ones(count, np.float32),
    )
    said = (_segment(Word(" Now.", 0.4, 0.8)), _segment(Word(" And", 2.4, 2.7), Word(" then.", 2.7, 3.3)))
    finished = finish(tracks=claimed, transcript=Transcript("en", said))
    manifest = read_manifest(finished.manifest)
    assert [clip["index"] for clip in manifest["clips"]] == [0]
    (line,) = manifest["dropped"]
    assert (line["index"], line["reason_code"]) == (1, "outside_picture")
    assert line["message"] == "the picture ends after 18 of the 29 frames from 2.28 s on"  # 57 + 18 = 75
    assert not list(finished.manifest.parent.glob("*seg_0001*"))


def test_a_source_that_has_gone_is_an_error(finish, video: Path) -> None:
    gone = dataclasses.replace(probe(video), path=Path("/nowhere/gone.mp4"))
    with pytest.raises(InputError, match=r"gone\.mp4"):
        finish(probe=gone)


def test_a_video_without_words_and_faces(finish, tracks: ScoredTracks) -> None:
    empty = ScoredTracks(
        FRAMES,
        tracks.shot_starts,
        *(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 4), np.float32)),
        *(np.zeros(0, np.float32), np.zeros(0, np.float32)),
    )
    finished = finish(tracks=empty, transcript=Transcript("en", ()))
    assert (finished.clip_count, finished.dropped_count) == (0, 0)
    manifest = read_manifest(finish(tracks=empty).manifest)
    assert [line["reason_code"] for line in manifest["dropped"]] == ["not_visible", "not_visible", "outside_picture"]


def test_nothing_is_lost(finish) -> None:
    manifest = read_manifest(finish(config=Config(CLIP_SIZE=32, MIN_SENTENCE_S=1.0)).manifest)
    indices = sorted(line["index"] for line in manifest["clips"] + manifest["dropped"])
    assert indices == list(range(len(indices)))
    words = [word["text"] for line in manifest["clips"] + manifest["dropped"] for word in line["words"]]
    assert sorted(words) == sorted(word.text.strip() for word in TRANSCRIPT.words)


@pytest.mark.parametrize(("low", "high"), [({"CLIP_SIZE": 32}, {"CLIP_SIZE": 96}), ({"CLIP_CRF": 45}, {"CLIP_CRF": 1})])
def test_size_and_quality_are_settings(finish, low, high) -> None:
    sizes = []
    for changed in (low, high):
        finished = finish(config=Config(**changed))
        sizes.append((finished.manifest.parent / "seg_0000_track_000.mp4").stat().st_size)
    assert sizes[0] < sizes[1]


def test_the_preset_is_a_setting(finish, monkeypatch) -> None:
    presets = []
    real = subprocess.Popen

    def watch(argv: list[str], *args: Any, **fields: Any) -> Any:
        presets.append(argv[argv.index("-preset") + 1])
        return real(argv, *args, **fields)

    monkeypatch.setattr("pipeline.media.encode.subprocess.Popen", watch)
    finish(config=Config(CLIP_PRESET="ultrafast"))
    assert set(presets) == {"ultrafast"}


@pytest.mark.parametrize(
    ("style", "size", "of_the_picture"),
    [
        ("face", (224, 224), False),
        ("head", (512, 512), False),
        ("full", (160, 120), True),
        ("portrait", (66, 118), False),
    ],
)
def test_a_clip_of_each_style(finish, style, size, of_the_picture) -> None:
    finished = finish(config=Config(CLIP_STYLE=style, CLIP_CRF=4, SENTENCE_PAUSE_S=0.4))
    clip = read_manifest(finished.manifest)["clips"][0]
    assert (clip["crop_style"], clip["width"], clip["height"]) == (style, *size)
    pictures = _pictures(finished.manifest.parent / clip["clip"])
    assert {picture.shape for picture in pictures} == {(size[1], size[0], 3)}
    middle = len(pictures) // 2
    bright = np.argwhere(pictures[middle].mean(axis=2) > 200)
    assert len(bright)
    if of_the_picture:
        x, y = _square_at(clip["first_frame"] + middle)
        np.testing.assert_allclose(bright.mean(axis=0), [y + SQUARE / 2 - 0.5, x + SQUARE / 2 - 0.5], atol=1.5)


def test_the_sources_frames_are_a_setting(finish, video: Path) -> None:
    source = dataclasses.replace(probe(video), rate=Fraction(50))
    finished = finish(probe=source, config=Config(CLIP_SIZE=84, CLIP_CRF=10, SENTENCE_PAUSE_S=0.4, CLIP_FPS="source"))
    clip = read_manifest(finished.manifest)["clips"][0]
    assert (clip["rate"], clip["frame_count"], clip["start_time"], clip["end_time"]) == ("50/1", 45, 0.12, 1.02)
    lit = [np.median(picture[:4]) > 90 for picture in _pictures(finished.manifest.parent / clip["clip"])]
    assert lit == LIT[3:26].repeat(2)[:45].tolist()


def test_words_that_are_cut_off_are_in_the_manifest(finish) -> None:
    """The square is lost at 2.6 s: the word that ends at 2.7 s is not in the clip."""
    config = Config(CLIP_SIZE=84, SENTENCE_PAUSE_S=0.4, GAP="trim", MIN_COVERAGE=0.1)
    clip = read_manifest(finish(config=config).manifest)["clips"][1]
    assert (clip["gap"], clip["text"], clip["not_in_view"], clip["coverage"]) == ("trim", "Beep", [], 1.0)
    assert [word["text"] for word in clip["words_outside"]] == ["now"]
    assert clip["end_time"] <= 1.76  # 1.6 and the padding, on the grid


def test_no_clip_where_the_face_is_lost_is_in_the_manifest(finish) -> None:
    config = Config(CLIP_SIZE=84, SENTENCE_PAUSE_S=0.4, GAP="skip")
    manifest = read_manifest(finish(config=config).manifest)
    assert [line["reason_code"] for line in manifest["dropped"]] == ["face_gap", "outside_picture"]


def test_several_clips_are_cut_at_once(finish, monkeypatch) -> None:
    """Each of the two clips waits for the other to begin."""
    from pipeline.clips import worker

    together = threading.Barrier(2, timeout=60)
    real = worker.cut_clip

    def meet(*args: Any, **fields: Any) -> None:
        together.wait()
        real(*args, **fields)

    monkeypatch.setattr(worker, "cut_clip", meet)
    finished = finish(config=Config(CLIP_SIZE=84, SENTENCE_PAUSE_S=0.4, CLIPS_AT_ONCE=2))
    assert [clip["index"] for clip in read_manifest(finished.manifest)["clips"]] == [0, 1]


def test_clips_are_the_same_however_many_are_cut_at_once(finish) -> None:
    found = []
    for count in (1, 3):
        finished = finish(config=Config(CLIP_SIZE=84, SENTENCE_PAUSE_S=0.4, CLIPS_AT_ONCE=count))
        manifest = read_manifest(finished.manifest)
        clips = [(finished.manifest.parent / clip["clip"]).read_bytes() for clip in manifest["clips"]]
        found.append((manifest["clips"], manifest["dropped"], clips))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("cores", "workers", "count"), [(1, 1, 1), (2, 1, 2), (8, 1, MOST_AT_ONCE), (8, 4, 2), (8, 16, 1)]
)
def test_how_many_clips_are_cut_at_once(monkeypatch, cores, workers, count) -> None:
    monkeypatch.setattr("pipeline.clips.worker.core_count", lambda: cores)
    assert clips_at_once(Config(NUM_MUX_WORKERS=workers)) == count
    assert clips_at_once(Config(CLIPS_AT_ONCE=7)) == 7


def test_what_was_lost_of_the_video_is_in_the_manifest(finish, tmp_path: Path) -> None:
    finished = finish(losses=Losses(3, 1, 2.5))
    assert finished.losses == Losses(3, 1, 2.5)
    lost = read_manifest(finished.manifest)["source"]["lost"]
    assert lost == {"picture_packets": 3, "sound_packets": 1, "missing": 2.5}


def test_score_only_acts(finish, tmp_path: Path) -> None:
    """Everything but the clips, and each sentence that would have been one says why it is none."""
    wanted = {clip["index"] for clip in read_manifest(finish().manifest)["clips"]}
    finished = finish(config=Config(CLIP_SIZE=84, SENTENCE_PAUSE_S=0.4, SCORE_ONLY=True))
    manifest = read_manifest(finished.manifest)
    assert manifest["clips"] == [] and finished.clip_count == 0 and finished.failed_count == 0
    assert {line["index"] for line in manifest["dropped"] if line["reason_code"] == "score_only"} == wanted != set()
    assert [path.name for path in (tmp_path / "result" / "output").iterdir()] == ["manifest.json"]
    assert (tmp_path / "result" / "transcript.srt").exists()
