"""The settings that act on clips, each seen in what a video leaves."""

from __future__ import annotations

import dataclasses
import subprocess
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import Config
from pipeline.clips.worker import MAX_AT_ONCE, clips_at_once
from pipeline.media.probe import probe
from pipeline.outputs.manifest import read_manifest
from tests.support.square_and_beep import (
    LIT,
    SQUARE,
    pictures_of,
    square_at,
)


@pytest.mark.slow
@pytest.mark.parametrize(("low", "high"), [({"CLIP_SIZE": 32}, {"CLIP_SIZE": 96}), ({"CLIP_CRF": 45}, {"CLIP_CRF": 1})])
def test_size_and_quality_are_settings(finish, low, high) -> None:
    sizes = []
    for changed in (low, high):
        finished = finish(config=Config(**changed))
        sizes.append((finished.manifest.parent / "seg_0000_track_000.mp4").stat().st_size)
    assert sizes[0] < sizes[1]


@pytest.mark.slow
def test_the_preset_is_a_setting(finish, monkeypatch) -> None:
    presets = []
    real = subprocess.Popen

    def watch(argv: list[str], *args: Any, **fields: Any) -> Any:
        presets.append(argv[argv.index("-preset") + 1])
        return real(argv, *args, **fields)

    monkeypatch.setattr("pipeline.media.encode.subprocess.Popen", watch)
    finish(config=Config(CLIP_PRESET="ultrafast"))
    assert set(presets) == {"ultrafast"}


@pytest.mark.slow
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
    pictures = pictures_of(finished.manifest.parent / clip["clip"])
    assert {picture.shape for picture in pictures} == {(size[1], size[0], 3)}
    middle = len(pictures) // 2
    bright = np.argwhere(pictures[middle].mean(axis=2) > 200)
    assert len(bright)
    if of_the_picture:
        x, y = square_at(clip["first_frame"] + middle)
        np.testing.assert_allclose(bright.mean(axis=0), [y + SQUARE / 2 - 0.5, x + SQUARE / 2 - 0.5], atol=1.5)


@pytest.mark.slow
def test_the_sources_frames_are_a_setting(finish, video: Path) -> None:
    source = dataclasses.replace(probe(video), rate=Fraction(50))
    finished = finish(probe=source, config=Config(CLIP_SIZE=84, CLIP_CRF=10, SENTENCE_PAUSE_S=0.4, CLIP_FPS="source"))
    clip = read_manifest(finished.manifest)["clips"][0]
    assert (clip["rate"], clip["frame_count"], clip["start_time"], clip["end_time"]) == ("50/1", 45, 0.12, 1.02)
    lit = [np.median(picture[:4]) > 90 for picture in pictures_of(finished.manifest.parent / clip["clip"])]
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_clips_are_the_same_however_many_are_cut_at_once(finish) -> None:
    found = []
    for count in (1, 3):
        finished = finish(config=Config(CLIP_SIZE=84, SENTENCE_PAUSE_S=0.4, CLIPS_AT_ONCE=count))
        manifest = read_manifest(finished.manifest)
        clips = [(finished.manifest.parent / clip["clip"]).read_bytes() for clip in manifest["clips"]]
        found.append((manifest["clips"], manifest["dropped"], clips))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("cores", "workers", "count"), [(1, 1, 1), (2, 1, 2), (8, 1, MAX_AT_ONCE), (8, 4, 2), (8, 16, 1)]
)
def test_how_many_clips_are_cut_at_once(monkeypatch, cores, workers, count) -> None:
    monkeypatch.setattr("pipeline.clips.worker.core_count", lambda: cores)
    assert clips_at_once(Config(NUM_MUX_WORKERS=workers)) == count
    assert clips_at_once(Config(CLIPS_AT_ONCE=7)) == 7


@pytest.mark.slow
def test_score_only_acts(finish, tmp_path: Path) -> None:
    """Everything but the clips, and each sentence that would have been one says why it is none."""
    wanted = {clip["index"] for clip in read_manifest(finish().manifest)["clips"]}
    finished = finish(config=Config(CLIP_SIZE=84, SENTENCE_PAUSE_S=0.4, SCORE_ONLY=True))
    manifest = read_manifest(finished.manifest)
    assert manifest["clips"] == [] and finished.clip_count == 0 and finished.failed_count == 0
    assert {line["index"] for line in manifest["dropped"] if line["reason_code"] == "score_only"} == wanted != set()
    assert [path.name for path in (tmp_path / "result" / "output").iterdir()] == ["manifest.json"]
    assert (tmp_path / "result" / "transcript.srt").exists()
