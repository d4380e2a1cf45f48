"""The truth beside each sample video holds for that video."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from scenedetect import ContentDetector, detect

ReadSound = Callable[[Path], tuple[np.ndarray, int]]

WINDOW_S = 0.005


def levels_db(sound: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Middle and level in dBFS of each 5 ms of *sound*."""
    window = round(WINDOW_S * rate_hz)
    blocks = sound[: len(sound) // window * window].reshape(-1, window)
    level = 20 * np.log10(np.sqrt(np.mean(blocks**2, axis=1)) + 1e-9)
    return (np.arange(len(blocks)) + 0.5) * window / rate_hz, level


def within_turns(times_s: np.ndarray, truth: dict[str, Any], margin_s: float = 0.0) -> np.ndarray:
    """Which of the instants lie in a turn, made longer by the margin at both ends."""
    inside = np.zeros(len(times_s), bool)
    for turn in truth["turns"]:
        inside |= (times_s >= turn["start_s"] - margin_s) & (times_s < turn["end_s"] + margin_s)
    return inside


@pytest.mark.slow
def test_picture_is_what_the_truth_says(truth: dict[str, Any], video: Path) -> None:
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.average_rate == Fraction(truth["fps"])
        assert [stream.width, stream.height] == truth["size"]
        times_s = [frame.time for frame in container.decode(stream)]
    assert times_s == pytest.approx([float(n / Fraction(truth["fps"])) for n in range(truth["frame_count"])], abs=1e-6)
    assert truth["duration_s"] == pytest.approx(truth["frame_count"] / Fraction(truth["fps"]), abs=1e-4)


def test_sound_track_is_what_the_truth_says(truth: dict[str, Any], video: Path) -> None:
    with av.open(str(video)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        assert {"rate_hz": stream.rate, "channels": stream.channels} == {
            name: truth["audio"][name] for name in ("rate_hz", "channels")
        }
        frames = list(container.decode(stream))
    # An AAC decoder gives the encoder's 1,024 samples of priming before the sound where it does not cut them off.
    first_s, last_s = frames[0].time, frames[-1].time
    assert first_s is not None and last_s is not None
    priming_s = 1024 / stream.rate
    assert truth["audio"]["start_s"] - priming_s - 1e-3 <= first_s <= truth["audio"]["start_s"] + 1e-3
    assert abs(last_s + frames[-1].samples / stream.rate - truth["duration_s"]) <= priming_s


def test_turns_follow_each_other_with_pauses(truth: dict[str, Any]) -> None:
    assert truth["turns"][0]["start_s"] >= truth["audio"]["start_s"]
    for turn, following in pairwise(truth["turns"]):
        assert 0.5 <= following["start_s"] - turn["end_s"] <= 0.95
    assert truth["turns"][-1]["end_s"] < truth["duration_s"]


def test_turns_last_two_to_five_seconds(truth: dict[str, Any]) -> None:
    assert all(2 <= turn["end_s"] - turn["start_s"] <= 5 for turn in truth["turns"])


def test_words_fill_their_turn_in_order(truth: dict[str, Any]) -> None:
    for turn in truth["turns"]:
        words = turn["words"]
        assert " ".join(word["text"] for word in words) == turn["text"]
        assert words[0]["start_s"] == turn["start_s"] and words[-1]["end_s"] == turn["end_s"]
        assert all(word["start_s"] < word["end_s"] for word in words)
        assert all(word["end_s"] <= following["start_s"] for word, following in pairwise(words))


def test_people_of_the_turns_are_named(truth: dict[str, Any]) -> None:
    assert {turn["person"] for turn in truth["turns"]} <= {person["name"] for person in truth["people"]}


def test_sound_begins_and_ends_with_each_turn(truth: dict[str, Any], video: Path, read_sound: ReadSound) -> None:
    times_s, level = levels_db(*read_sound(video))
    quiet_until_s = 0.0
    for turn in truth["turns"]:
        heard = times_s[(level > -50) & (times_s > quiet_until_s + 0.1)][0]
        assert heard == pytest.approx(turn["start_s"], abs=0.012), turn["text"]
        near = (times_s > turn["start_s"]) & (times_s < turn["end_s"] + 0.3)
        last = times_s[(level > -55) & near][-1]
        # The last consonant of a sentence fades into the noise of the room.
        assert -0.05 <= last - turn["end_s"] <= 0.012, turn["text"]
        quiet_until_s = turn["end_s"]


def test_turns_are_far_louder_than_the_rest(truth: dict[str, Any], video: Path, read_sound: ReadSound) -> None:
    sound, rate_hz = read_sound(video)
    times_s = np.arange(len(sound)) / rate_hz
    power_inside = np.mean(sound[within_turns(times_s, truth)] ** 2)
    power_outside = np.mean(sound[~within_turns(times_s, truth, 0.02)] ** 2)
    assert 10 * np.log10(power_inside / power_outside) > 35


def test_speech_is_neither_faint_nor_clipped(truth: dict[str, Any], video: Path, read_sound: ReadSound) -> None:
    sound, rate_hz = read_sound(video)
    for turn in truth["turns"]:
        speech = sound[round(turn["start_s"] * rate_hz) : round(turn["end_s"] * rate_hz)]
        assert 20 * np.log10(np.sqrt(np.mean(speech**2))) == pytest.approx(-21, abs=0.5)
    assert np.abs(sound).max() < 0.85


@pytest.mark.slow
def test_pictures_change_where_the_shots_do(truth: dict[str, Any], video: Path) -> None:
    found = [start.seconds for start, _ in detect(str(video), ContentDetector())] or [0.0]
    assert found == pytest.approx([shot["start_s"] for shot in truth["shots"]], abs=1e-3)


def test_shots_cover_the_video_without_gap(truth: dict[str, Any]) -> None:
    shots = truth["shots"]
    assert shots[0]["start_s"] == 0 and shots[-1]["end_s"] == truth["duration_s"]
    assert all(shot["end_s"] == following["start_s"] for shot, following in pairwise(shots))


def test_boxes_are_there_while_a_person_is_in_view(truth: dict[str, Any]) -> None:
    boxes = dict(truth["boxes"])
    grid_fps = boxes.pop("grid_fps")
    assert grid_fps == 25 and set(boxes) == {person["name"] for person in truth["people"]}
    width, height = truth["size"]
    for person, rows in boxes.items():
        assert len(rows) == int(truth["duration_s"] * grid_fps + 0.5)
        for index, box in enumerate(rows):
            shown_s = (index + 0.5) / grid_fps
            shot = next(shot for shot in reversed(truth["shots"]) if shot["start_s"] <= shown_s)
            assert (box is not None) == (person in shot["visible"]), (person, index)
            if box is not None:
                x1, y1, x2, y2 = box
                assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height and x2 - x1 >= 90


def test_one_video_shows_a_listener_while_the_other_speaks(samples: Path) -> None:
    truth = json.loads((samples / "cuts.truth.json").read_text("utf-8"))
    off_screen_s = sum(
        max(0.0, min(turn["end_s"], shot["end_s"]) - max(turn["start_s"], shot["start_s"]))
        for turn in truth["turns"]
        for shot in truth["shots"]
        if turn["person"] not in shot["visible"]
    )
    assert off_screen_s > 3


def test_rttm_tells_the_same_turns(truth: dict[str, Any], samples: Path, stem: str) -> None:
    rows = [line.split() for line in (samples / f"{stem}.rttm").read_text("utf-8").splitlines()]
    assert all(row[:3] == ["SPEAKER", stem, "1"] and len(row) == 10 for row in rows)
    told = [(row[7], float(row[3]), float(row[3]) + float(row[4])) for row in rows]
    for (person, start_s, end_s), turn in zip(told, truth["turns"], strict=True):
        assert person == turn["person"]
        assert (start_s, end_s) == pytest.approx((turn["start_s"], turn["end_s"]), abs=2e-4)


def test_transcript_tells_the_same_words(truth: dict[str, Any], samples: Path, stem: str) -> None:
    transcript = json.loads((samples / "transcripts" / f"{stem}.json").read_text("utf-8"))
    told = [
        (word["word"].strip(), word["start"], word["end"])
        for segment in transcript["segments"]
        for word in segment["words"]
    ]
    assert told == [(word["text"], word["start_s"], word["end_s"]) for turn in truth["turns"] for word in turn["words"]]
    assert transcript["text"] == "".join(segment["text"] for segment in transcript["segments"])
    assert (transcript["language"], transcript["time_zero"]) == ("en", "first_video_frame")


def test_samples_stay_small(samples: Path) -> None:
    files = [path for path in samples.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 2_000_000
