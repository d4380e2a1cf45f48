from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from benchmarks.baselines.old_speech import windows
from benchmarks.speed.speech import Arm, _told
from pipeline.types import AudioTrack


def test_both_ways_are_told_with_their_cost_and_their_errors(tmp_path: Path) -> None:
    np.zeros(32_000, "<i2").tofile(tmp_path / "sound.raw")
    track, threads = AudioTrack(tmp_path / "sound.raw", 32_000), torch.get_num_threads()
    before, after = Arm("before", lambda _: " We have Twenty minutes."), Arm("now", lambda _: " we have plenty minutes")
    for arm, seconds in ((before, [3.0, 4.0, 9.0]), (after, [2.0, 1.0, 4.0])):
        arm.run("set", [track], threads)
        arm.seconds["set"] = seconds
    assert _told("set", [track], ["we have twenty minutes"], before, after) == {
        "seconds": 2.0,
        "before": {"s": 4.0, "words_per_s": 1.0, "wer": 0.0},
        "after": {"s": 2.0, "words_per_s": 2.0, "wer": 0.25},
        "ratio": 2.0,
        "words_that_differ": 0.25,
    }


def test_the_time_of_the_encoder_is_added_up(tmp_path: Path) -> None:
    arm, layer = Arm("now", lambda _: ""), torch.nn.Linear(2, 2)
    arm.watch(layer)
    layer(torch.zeros(1, 2))
    once_s = arm.encoder_s
    layer(torch.zeros(1, 2))
    assert 0 < once_s < arm.encoder_s


def test_windows_of_before_end_at_a_long_pause() -> None:
    spans = np.array([[0, 16_000], [20_000, 30_000], [90_000, 95_000]])
    assert windows(spans).tolist() == [[0, 30_000], [90_000, 95_000]]


def test_a_window_of_before_that_grows_too_long_is_cut_at_the_widest_pause_of_its_second_half() -> None:
    spans = (np.array([[0, 36], [37, 66], [68, 84], [84.7, 108], [109, 132]]) * 16_000).astype(np.int64)
    assert (windows(spans) / 16_000).tolist() == [[0, 66], [68, 132]]
