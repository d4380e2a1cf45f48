from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.speech.regions import (
    STEP,
    RegionRules,
    find_speech,
    load_detector,
    regions,
    speech_in,
    speech_scores,
)
from pipeline.types import AudioTrack

PLAIN = RegionRules(min_silence_s=0.0, min_speech_s=0.0, padding_s=0.0)
SCORES = st.lists(st.floats(0, 1), max_size=300).map(lambda scores: np.array(scores, np.float32))
SPANS = st.lists(st.integers(1, 40_000), max_size=60).map(
    lambda steps: np.cumsum(steps[: len(steps) // 2 * 2], dtype=np.int64).reshape(-1, 2)
)


@pytest.fixture(scope="module")
def detector():
    return load_detector()


def _scores(*levels: tuple[float, int]) -> np.ndarray:
    """Scores that stay at a level for a number of steps each."""
    return np.concatenate([np.full(count, level, np.float32) for level, count in levels])


def test_speech_begins_at_the_threshold_and_ends_below_the_release() -> None:
    scores = _scores((0.4, 3), (0.5, 2), (0.4, 4), (0.34, 3))
    assert regions(scores, 12 * STEP, PLAIN).tolist() == [[3 * STEP, 9 * STEP]]


def test_a_short_pause_does_not_end_a_region() -> None:
    scores = _scores((0.9, 10), (0.0, 9), (0.9, 10))  # 9 steps are 0.288 s
    rules = RegionRules(min_silence_s=0.3, min_speech_s=0.0, padding_s=0.0)
    assert regions(scores, 29 * STEP, rules).tolist() == [[0, 29 * STEP]]


def test_a_longer_pause_does() -> None:
    scores = _scores((0.9, 10), (0.0, 10), (0.9, 10))  # 10 steps are 0.32 s
    rules = RegionRules(min_silence_s=0.3, min_speech_s=0.0, padding_s=0.0)
    assert regions(scores, 30 * STEP, rules).tolist() == [[0, 10 * STEP], [20 * STEP, 30 * STEP]]


def test_speech_itself_has_no_padding_and_no_cuts() -> None:
    scores = _scores((0.0, 20), (0.9, 60), (0.0, 15), (0.9, 10))
    rules = RegionRules(longest_s=1.0)
    assert len(regions(scores, 105 * STEP, rules)) > 3
    assert speech_in(scores, 105 * STEP - 7, rules).tolist() == [[20 * STEP, 80 * STEP], [95 * STEP, 105 * STEP - 7]]


def test_a_click_is_no_region() -> None:
    scores = _scores((0.0, 20), (0.9, 3), (0.0, 20))  # 3 steps are 0.096 s
    assert len(regions(scores, 43 * STEP, RegionRules(min_speech_s=0.1))) == 0


def test_padding_takes_at_most_half_of_the_pause() -> None:
    scores = _scores((0.0, 1), (0.9, 5), (0.0, 4), (0.9, 5))
    rules = RegionRules(min_silence_s=0.0, min_speech_s=0.0, padding_s=10.0)
    assert regions(scores, 15 * STEP, rules).tolist() == [[0, 8 * STEP], [8 * STEP, 15 * STEP]]


def test_the_last_region_ends_with_the_recording() -> None:
    assert regions(_scores((0.9, 3)), 2 * STEP + 7, PLAIN).tolist() == [[0, 2 * STEP + 7]]


def test_a_long_region_is_cut_at_its_lowest_score() -> None:
    scores = _scores((0.9, 70), (0.6, 1), (0.9, 29))
    rules = RegionRules(min_silence_s=0.0, min_speech_s=0.0, padding_s=0.0, longest_s=80 * STEP / 16_000)
    assert regions(scores, 100 * STEP, rules).tolist() == [[0, 70 * STEP], [70 * STEP, 100 * STEP]]


def test_no_scores_give_no_regions() -> None:
    assert regions(np.zeros(0, np.float32), 0, RegionRules()).shape == (0, 2)


@settings(deadline=None)
@given(SCORES, st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 5))
def test_regions_are_ordered_disjoint_bounded_and_hold_all_clear_speech(
    scores: np.ndarray, silence_s: float, padding_s: float, longest_s: float
) -> None:
    samples = max(len(scores) * STEP - 100, 0)
    rules = RegionRules(min_silence_s=silence_s, min_speech_s=0.0, padding_s=padding_s, longest_s=longest_s)
    found = regions(scores, samples, rules)
    flat = found.ravel()
    assert (np.diff(flat) >= 0).all()
    assert ((found >= 0) & (found <= samples)).all()
    assert (found[:, 1] - found[:, 0] <= max(longest_s * 16_000, 2 * STEP) + 1).all()
    covered = np.zeros(samples, bool)
    for start, end in found:
        covered[start:end] = True
    for step in np.flatnonzero(scores >= rules.threshold):
        assert covered[step * STEP : (step + 1) * STEP].all()


@pytest.mark.slow
def test_speech_of_a_dialogue_is_found_where_people_marked_it(
    shared: Path, read_sound: Callable[[Path], np.ndarray], make_track: Callable[[np.ndarray], AudioTrack], detector
) -> None:
    audio = make_track(read_sound(shared / "audio" / "pyannote_sample.wav"))
    truth = np.zeros(audio.sample_count, bool)
    for line in (shared / "audio" / "pyannote_sample.rttm").read_text().splitlines():
        start, length = (round(float(value) * 16_000) for value in line.split()[3:5])
        truth[start : start + length] = True
    found = np.zeros_like(truth)
    for start, end in find_speech(detector, audio):
        found[start:end] = True
    assert (found & truth).sum() / truth.sum() > 0.98
    assert (found & truth).sum() / found.sum() > 0.95


@pytest.mark.slow
def test_silence_and_noise_and_a_tone_hold_no_speech(make_track: Callable[[np.ndarray], AudioTrack], detector) -> None:
    noise = np.random.default_rng(0).normal(0, 2000, 5 * 16_000)
    tone = 8000 * np.sin(2 * np.pi * 440 / 16_000 * np.arange(5 * 16_000))
    audio = make_track(np.concatenate([np.zeros(5 * 16_000), noise, tone]))
    assert len(find_speech(detector, audio)) == 0


@pytest.mark.slow
def test_the_length_of_the_blocks_changes_nothing(
    jfk: np.ndarray, make_track: Callable[[np.ndarray], AudioTrack], detector
) -> None:
    audio = make_track(jfk)
    np.testing.assert_array_equal(speech_scores(detector, audio, block_s=60), speech_scores(detector, audio, block_s=1))


@pytest.mark.slow
def test_what_was_heard_before_changes_nothing(
    jfk: np.ndarray, make_track: Callable[[np.ndarray], AudioTrack], detector
) -> None:
    audio = make_track(jfk[:48_000])
    first = speech_scores(detector, audio)
    speech_scores(detector, make_track(jfk[48_000:]))
    np.testing.assert_array_equal(speech_scores(detector, audio), first)


def test_a_recording_without_samples_has_no_speech(make_track: Callable[[np.ndarray], AudioTrack], detector) -> None:
    assert find_speech(detector, make_track(np.zeros(0))).shape == (0, 2)


@pytest.mark.slow
def test_loading_the_detector_leaves_the_threads_of_torch_alone() -> None:
    code = (
        "import torch; torch.set_num_threads(2); from pipeline.speech.regions import load_detector; load_detector(); "
        "assert torch.get_num_threads() == 2"
    )
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
