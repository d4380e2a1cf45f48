"""The demo, judged against the truth beside the samples."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.quality.words import sample_words, word_errors
from tests.support.needs import need_index

ROOT = Path(__file__).resolve().parent.parent
LONG_S = 1200
"""A run that takes longer than this hangs, even on a machine with much else to do."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(LONG_S)]

NAMES = ("cuts", "late_sound", "two_shot")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the command of ``make demo``."""
    output = tmp_path_factory.mktemp("out")
    told = subprocess.run(
        ["make", "--dry-run", "demo", f"OUT={output}"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    line = next(line for line in told.stdout.splitlines() if "optimized_runner.py" in line)
    subprocess.run([sys.executable, *shlex.split(line)[1:]], cwd=ROOT, check=True, timeout=LONG_S)
    return output


@pytest.fixture(scope="module")
def whisper(demo: Path) -> None:
    """Skips where neither Whisper's address nor a package index answers."""
    models = json.loads((demo / "run.json").read_text())["models"]
    words = next(model for model in models if model["job"] == "words")
    if words["stands_in_for"] is not None:
        need_index(f"Whisper could not be fetched: {words}")


def manifest_of(demo: Path, name: str) -> dict:
    return json.loads((demo / name / "output" / "manifest.json").read_text())


def truth_of(name: str) -> dict:
    return json.loads((ROOT / "samples" / f"{name}.truth.json").read_text())


def person_on(truth: dict, tracks: dict[str, np.ndarray], track: int, start_s: float, end_s: float) -> str | None:
    """Whose face a track shows within a span: the person whose true boxes it overlaps most."""
    votes: dict[str, float] = defaultdict(float)
    rows = (tracks["track"] == track) & (tracks["frame"] >= start_s * 25) & (tracks["frame"] < end_s * 25)
    for frame, box in zip(tracks["frame"][rows], tracks["box_px"][rows], strict=True):
        for person in (person["name"] for person in truth["people"]):
            true = truth["boxes"][person][frame]
            if true is not None:
                low, high = np.maximum(box[:2], true[:2]), np.minimum(box[2:], true[2:])
                votes[person] += float(np.prod(np.clip(high - low, 0, None)))
    return max(votes, key=lambda person: votes[person]) if votes else None


@pytest.mark.parametrize("name", NAMES)
def test_every_clip_shows_the_person_who_speaks(demo: Path, name: str) -> None:
    truth, manifest = truth_of(name), manifest_of(demo, name)
    with np.load(demo / name / "tracks.npz", allow_pickle=False) as file:
        tracks = dict(file)
    assert manifest["clips"]
    for clip in manifest["clips"]:
        speaking: dict[str, float] = defaultdict(float)
        for turn in truth["turns"]:
            shared_s = min(turn["end_s"], clip["end_time"]) - max(turn["start_s"], clip["start_time"])
            speaking[turn["person"]] += max(shared_s, 0.0)
        person, seconds = max(speaking.items(), key=lambda item: item[1])
        assert seconds > 0.5 * (clip["end_time"] - clip["start_time"]), clip["clip"]
        shown = person_on(truth, tracks, clip["speaker_track"], clip["start_time"], clip["end_time"])
        assert shown == person, clip["clip"]


@pytest.mark.parametrize("name", NAMES)
def test_every_turn_of_a_visible_speaker_has_a_clip(demo: Path, name: str) -> None:
    truth, manifest = truth_of(name), manifest_of(demo, name)
    for turn in truth["turns"]:
        first, last = round(turn["start_s"] * 25), round(turn["end_s"] * 25)
        boxes = truth["boxes"][turn["person"]][first:last]
        if sum(box is not None for box in boxes) < 0.9 * len(boxes):
            continue
        covered_s = sum(
            max(min(turn["end_s"], clip["end_time"]) - max(turn["start_s"], clip["start_time"]), 0.0)
            for clip in manifest["clips"]
        )
        assert covered_s > 0.8 * (turn["end_s"] - turn["start_s"]), turn["text"]


@pytest.mark.parametrize("name", NAMES)
def test_picture_and_sound_of_every_clip_have_the_same_length(demo: Path, name: str) -> None:
    for clip in manifest_of(demo, name)["clips"]:
        with av.open(str(demo / name / "output" / clip["clip"])) as container:
            lengths = {}
            for stream in (container.streams.video[0], container.streams.audio[0]):
                assert stream.duration is not None and stream.time_base is not None
                lengths[stream.type] = float(stream.duration * stream.time_base)
            pictures = sum(1 for _ in container.decode(video=0))
        assert abs(lengths["video"] - lengths["audio"]) <= 0.04, clip["clip"]
        assert pictures == round((clip["end_time"] - clip["start_time"]) * 25)


def test_speech_off_screen_makes_no_clip_and_is_listed(demo: Path) -> None:
    truth, manifest = truth_of("cuts"), manifest_of(demo, "cuts")
    # The fifth turn is spoken while only the listener is in view.
    turn = truth["turns"][4]
    dropped = [
        line
        for line in manifest["dropped"]
        if line["start_time"] < turn["end_s"] and line["end_time"] > turn["start_s"]
    ]
    assert dropped and {line["reason_code"] for line in dropped} == {"not_visible"}


@pytest.mark.usefixtures("whisper")
def test_the_words_are_right(demo: Path) -> None:
    found = []
    for name in NAMES:
        segments = json.loads((demo / name / "transcript.json").read_text())["segments"]
        found.append("".join(word["word"] for segment in segments for word in segment["words"]))
        print(f"{name}: word error rate {word_errors([sample_words(name)], found[-1:]).wer:.3f}: {found[-1]}")
    assert word_errors([sample_words(name) for name in NAMES], found).wer < 0.2
