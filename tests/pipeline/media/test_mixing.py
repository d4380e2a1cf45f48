"""Mixes that neither clip nor cancel."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.media.mixing import Mixer, mono_mixer, stereo_matrix

LAYOUTS = {
    "3.0": ("FL", "FR", "FC"),
    "quad": ("FL", "FR", "BL", "BR"),
    "5.1": ("FL", "FR", "FC", "LFE", "BL", "BR"),
    "5.1(side)": ("FL", "FR", "FC", "LFE", "SL", "SR"),
    "7.1": ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
    "7.1(wide)": ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC"),
    "unknown": ("UNK0", "UNK1", "UNK2", "UNK3"),
    "unnamed": ("NONE",) * 11,
    "subwoofers": ("LFE", "LFE2", "LFE"),
}
RATE_HZ = 48_000


@pytest.mark.parametrize("names", LAYOUTS.values(), ids=LAYOUTS)
def test_no_mix_is_louder_than_full_scale(names: tuple[str, ...]) -> None:
    matrix = stereo_matrix(names)
    assert matrix.shape == (2, len(names)) and (matrix >= 0).all()
    assert matrix.sum(axis=1).max() == pytest.approx(1)


def test_sides_stay_sides_and_the_centre_is_in_both() -> None:
    matrix = stereo_matrix(LAYOUTS["5.1"])
    left, right = matrix
    assert left[0] == right[1] > left[2] == right[2] == pytest.approx(left[0] * 0.5**0.5)
    assert left[1] == right[0] == left[3] == right[3] == 0
    assert left[4] == right[5] == left[2] and left[5] == right[4] == 0


def test_channels_that_are_not_named_are_what_files_of_so_many_usually_have() -> None:
    assert np.array_equal(stereo_matrix(("NONE",) * 6), stereo_matrix(LAYOUTS["5.1"]))


def voice(seconds: float = 1.0) -> np.ndarray:
    return (0.4 * np.random.default_rng(1).normal(size=round(seconds * RATE_HZ))).astype(np.float32)


def mixed(stereo: np.ndarray, block: int = 1024) -> tuple[np.ndarray, Mixer]:
    mixer = mono_mixer(2, RATE_HZ)
    parts = [mixer.mix(stereo[first : first + block]) for first in range(0, len(stereo), block)]
    return np.concatenate(parts)[:, 0], mixer


@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
def test_channels_that_go_together_become_their_mean(share: float) -> None:
    sound = voice()
    stereo = np.stack([sound, share * sound], axis=1)
    mono, mixer = mixed(stereo)
    assert np.array_equal(mono, stereo.mean(axis=1)) and mixer.cancelled == 0


@pytest.mark.parametrize(("left", "right", "louder"), [(1, -1, 0), (1, -0.8, 0), (-0.6, 0.8, 1)])
def test_channels_that_cancel_each_other_out_become_the_louder_one(left: float, right: float, louder: int) -> None:
    stereo = voice()[:, None] * np.array([left, right], np.float32)
    mono, mixer = mixed(stereo)
    after = round(0.03 * RATE_HZ)
    np.testing.assert_allclose(mono[after:], stereo[after:, louder], atol=1e-6)
    assert mixer.cancelled == len(mono)


def test_a_part_of_opposite_phase_is_kept_and_nothing_clicks() -> None:
    time = np.arange(3 * RATE_HZ) / RATE_HZ
    tone = (0.5 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
    sign = np.where((time >= 1) & (time < 2), -1, 1).astype(np.float32)
    mono, mixer = mixed(np.stack([tone, sign * tone], axis=1))
    for second in range(3):
        part = mono[round((second + 0.5) * RATE_HZ) : (second + 1) * RATE_HZ]
        assert np.sqrt((part**2).mean()) == pytest.approx(0.5 / 2**0.5, rel=0.02)
    steepest = np.abs(np.diff(tone)).max()
    inner = np.delete(np.abs(np.diff(mono)), [RATE_HZ - 1, 2 * RATE_HZ - 1])  # the source itself jumps there
    assert inner.max() < 2 * steepest
    assert mixer.cancelled == pytest.approx(RATE_HZ, rel=0.5)


def test_silence_and_mono_pass() -> None:
    mono, mixer = mixed(np.zeros((5000, 2), np.float32))
    assert not mono.any() and mixer.cancelled == 0
    sound = voice(0.1)[:, None]
    assert np.array_equal(mono_mixer(1, RATE_HZ).mix(sound), sound)
    assert mono_mixer(2, RATE_HZ).mix(np.zeros((0, 2), np.float32)).shape == (0, 1)


@pytest.mark.parametrize(
    "signs",
    [
        {"FL": 0.7071, "FR": 0.7071, "FC": -1},
        {"FL": 1, "FR": 1, "BL": -1.5, "BR": -1.5},
        {"FC": 1, "BL": -1, "BR": -1},
        {"FL": 1, "FC": -0.7, "BL": -0.7},
    ],
    ids=str,
)
def test_channels_of_5_1_that_cancel_each_other_out_in_a_side_become_the_loudest_there(signs: dict[str, float]) -> None:
    names = LAYOUTS["5.1"]
    sound = voice()[:, None] * np.array([signs.get(name, 0) for name in names], np.float32)
    mixer = Mixer(stereo_matrix(names), RATE_HZ)
    stereo = np.concatenate([mixer.mix(sound[first : first + 1024]) for first in range(0, len(sound), 1024)])
    loudest = max(abs(sign) for name, sign in signs.items() if name != "FR")
    left = stereo[round(0.03 * RATE_HZ) :, 0]
    assert np.sqrt(np.square(left).mean()) == pytest.approx(0.4 * loudest, rel=0.02)
    assert mixer.cancelled == len(sound)


@pytest.mark.parametrize("name", ["FL", "FC", "BL"])
def test_one_channel_of_5_1_alone_is_mixed_as_ever(name: str) -> None:
    names = LAYOUTS["5.1"]
    sound = voice()[:, None] * np.array([each == name for each in names], np.float32)
    mixer = Mixer(stereo_matrix(names), RATE_HZ)
    np.testing.assert_array_equal(mixer.mix(sound), sound @ stereo_matrix(names).T)
    assert mixer.cancelled == 0
