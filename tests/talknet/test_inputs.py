from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import WeightsError
from talknet import load_scorer
from talknet.inputs import extended, usable_frames


@pytest.mark.parametrize(("frames", "rows", "usable"), [(5, 20, 5), (5, 19, 4), (5, 40, 5), (1, 4, 1), (9, 7, 1)])
def test_a_frame_needs_a_picture_and_four_rows_of_sound(frames: int, rows: int, usable: int) -> None:
    assert usable_frames(np.zeros((frames, 112, 112), np.uint8), np.zeros((rows, 13), np.float32)) == usable


@pytest.mark.parametrize(
    ("crops", "mfcc"),
    [
        (np.zeros((0, 112, 112), np.uint8), np.zeros((20, 13), np.float32)),
        (np.zeros((5, 112, 112), np.uint8), np.zeros((3, 13), np.float32)),
        (np.zeros((5, 112, 112), np.uint8), np.zeros((0, 13), np.float32)),
        (np.zeros((5, 224, 224), np.uint8), np.zeros((20, 13), np.float32)),
        (np.zeros((5, 112, 112), np.float32), np.zeros((20, 13), np.float32)),
        (np.zeros((5, 112, 112), np.uint8), np.zeros((20, 12), np.float32)),
        (np.zeros((5, 112, 112), np.uint8), np.zeros((20, 13), np.int16)),
    ],
)
def test_anything_else_is_refused(crops: np.ndarray, mfcc: np.ndarray) -> None:
    with pytest.raises(ValueError, match="score: expected"):
        usable_frames(crops, mfcc)


def test_the_last_logit_is_repeated() -> None:
    np.testing.assert_array_equal(extended(np.array([1.0, 2.0]), 4), np.array([1, 2, 2, 2], np.float32))


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="talknet, lr-asd, light-asd, lip-motion"):
        load_scorer("asd", None)


@pytest.mark.parametrize("model", ["talknet", "lr-asd", "light-asd"])
def test_a_network_without_its_weights_is_refused(model: str) -> None:
    with pytest.raises(WeightsError, match=model):
        load_scorer(model, None)
