"""One video to its results: with a real decoder and encoder, and faces and words made by hand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import Config
from pipeline.clips.worker import FinishedVideo
from pipeline.errors import InputError
from pipeline.media.probe import probe
from pipeline.outputs.clips_list import clip_lines
from pipeline.outputs.manifest import read_manifest
from pipeline.outputs.transcript import read_own_transcript
from pipeline.types import Losses, ScoredTracks, Transcript, Word
from tests.support.square_and_beep import (
    BEEP_S,
    FRAMES,
    LIT,
    RATE_HZ,
    TRANSCRIPT,
    pictures_of,
    segment,
    sound_of,
)


@pytest.mark.slow
def test_everything_is_left(finish, tmp_path: Path) -> None:
    finished = finish()
    result = tmp_path / "result"
    assert finished == FinishedVideo(result / "output" / "manifest.json", 2, 1, 0, frame_count=75)
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_clip_has_the_frames_and_the_sound_of_its_span(finish) -> None:
    finished = finish()
    for clip in read_manifest(finished.manifest)["clips"]:
        path = finished.manifest.parent / clip["clip"]
        pictures = pictures_of(path)
        _, sound_s = sound_of(path)
        length_s = clip["end_time"] - clip["start_time"]
        assert len(pictures) == clip["frame_count"] == round(length_s * 25)
        assert abs(sound_s - length_s) < 0.04
        assert all(picture.shape == (84, 84, 3) for picture in pictures)


@pytest.mark.slow
def test_each_frame_is_the_one_of_its_instant(finish) -> None:
    finished = finish()
    for clip in read_manifest(finished.manifest)["clips"]:
        lit = [np.median(picture[:4]) > 90 for picture in pictures_of(finished.manifest.parent / clip["clip"])]
        assert lit == LIT[clip["first_frame"] :][: len(lit)].tolist()


@pytest.mark.slow
def test_the_window_follows_the_face(finish) -> None:
    finished = finish()
    pictures = pictures_of(finished.manifest.parent / "seg_0000_track_000.mp4")
    for picture in pictures:
        bright = np.argwhere(picture.mean(axis=2) > 200)
        np.testing.assert_allclose(bright.mean(axis=0), 41.5, atol=1.5)
        np.testing.assert_allclose(np.ptp(bright, axis=0) + 1, 84 / 1.4, atol=2.1)


@pytest.mark.slow
def test_the_sound_is_that_of_the_same_instants(finish) -> None:
    finished = finish()
    samples, _ = sound_of(finished.manifest.parent / "seg_0001_track_000.mp4")
    loud = np.flatnonzero(np.abs(samples) > 0.1) / RATE_HZ
    np.testing.assert_allclose([loud[0], loud[-1]], np.array(BEEP_S) - 1.28, atol=0.02)


@pytest.mark.slow
def test_progress_is_told_from_none_to_all(finish) -> None:
    told = []
    finish(on_clip=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.slow
def test_tracks_and_transcript_can_be_read_back(finish, tracks: ScoredTracks, tmp_path: Path) -> None:
    finish()
    assert read_own_transcript(tmp_path / "result" / "transcript.json")[1] == "s1"
    transcript = json.loads((tmp_path / "result" / "transcript.json").read_text())
    speakers = [word["speaker"] for segment in transcript["segments"] for word in segment["words"]]
    assert speakers == [1, 1, 1, 1, None]
    srt = (tmp_path / "result" / "transcript.srt").read_text()
    assert "Speaker 1: Hello there." in srt and "Off-screen: Too late." in srt


def test_the_manifest_says_how_long_each_person_speaks(finish) -> None:
    """0.66 s of two words, 0.2 and 0.8 s of two with a pause; one of 0.4 s after the end of the picture."""
    speaking = read_manifest(finish().manifest)["speaking"]
    assert speaking == {
        "speech": 2.06,
        "off_screen": {"seconds": 0.4, "words": 1, "sentences": 1},
        "persons": [
            {"person": 0, "speaker": 1, "seconds": 1.66, "words": 4, "sentences": 2, "in_view": 2.6},
            {"person": 1, "speaker": None, "seconds": 0.0, "words": 0, "sentences": 0, "in_view": 3.0},
        ],
    }


@pytest.mark.slow
def test_the_clips_can_be_listed(finish, tmp_path: Path) -> None:
    lines = list(clip_lines([finish().manifest], tmp_path))
    assert [line["path"] for line in lines] == [f"result/output/seg_000{i}_track_000.mp4" for i in (0, 1)]


@pytest.mark.slow
def test_what_an_earlier_run_left_goes_and_the_rest_stays(finish, tmp_path: Path) -> None:
    output = tmp_path / "result" / "output"
    output.mkdir(parents=True)
    stale = (
        *("seg_0007_track_003.mp4", ".seg_0008_track_003.mp4.part", ".manifest.json.77.part"),
        *("seg_0007_track_003.txt", ".seg_0008_track_003.txt.77.part", "seg_0000_track_000.txt"),
    )
    for name in (*stale, "notes.txt", "seg_my_own.mp4"):
        (output / name).write_text("old")
    finish()
    names = {path.name for path in output.iterdir()}
    assert names == {
        *("manifest.json", "seg_0000_track_000.mp4", "seg_0001_track_000.mp4"),
        *("notes.txt", "seg_my_own.mp4"),
    }


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_one_failed_clip_does_not_harm_the_others(finish, first_clip_fails: None) -> None:
    manifest = read_manifest(finish().manifest)
    assert [clip["index"] for clip in manifest["clips"]] == [1]
    assert [line["index"] for line in manifest["dropped"]] == [0, 2]


@pytest.mark.slow
def test_an_encoder_that_takes_too_few_pictures_has_failed(finish, monkeypatch) -> None:
    def take_three(path: Path, frames, **fields: Any) -> int:
        path.write_bytes(b"half a clip")
        return 3

    monkeypatch.setattr("pipeline.render.cut.write_clip", take_three)
    finished = finish()
    assert (finished.clip_count, finished.failed_count) == (0, 2)
    assert not list(finished.manifest.parent.glob("*.mp4"))


@pytest.mark.slow
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
    said = (segment(Word(" Now.", 0.4, 0.8)), segment(Word(" And", 2.4, 2.7), Word(" then.", 2.7, 3.3)))
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


@pytest.mark.slow
def test_nothing_is_lost(finish) -> None:
    manifest = read_manifest(finish(config=Config(CLIP_SIZE=32, MIN_SENTENCE_S=1.0)).manifest)
    indices = sorted(line["index"] for line in manifest["clips"] + manifest["dropped"])
    assert indices == list(range(len(indices)))
    words = [word["text"] for line in manifest["clips"] + manifest["dropped"] for word in line["words"]]
    assert sorted(words) == sorted(word.text.strip() for word in TRANSCRIPT.words)


@pytest.mark.slow
def test_what_was_lost_of_the_video_is_in_the_manifest(finish, tmp_path: Path) -> None:
    finished = finish(losses=Losses(3, 1, 2.5))
    assert finished.losses == Losses(3, 1, 2.5)
    lost = read_manifest(finished.manifest)["source"]["lost"]
    assert lost == {"picture_packets": 3, "sound_packets": 1, "missing": 2.5}
