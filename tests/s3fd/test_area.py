from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from s3fd.area import cut_out, shrunk


def _pictures(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def _sums(pictures: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([cv2.integral(picture) for picture in pictures]))


def _planes(pictures: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float()


@pytest.mark.parametrize("size", [(9, 17), (31, 47), (1, 1), (20, 60)])
def test_shrunk_pictures_are_those_of_interpolate(size: tuple[int, int]) -> None:
    pictures = _pictures(2, 31, 47)
    expected = functional.interpolate(_planes(pictures), size=size, mode="area")
    torch.testing.assert_close(shrunk(_sums(pictures), *size), expected, rtol=0, atol=1e-4)


def test_cut_out_rectangles_are_those_of_pooling() -> None:
    pictures = _pictures(2, 31, 47)
    spans = torch.tensor([[0, 0, 47, 31], [5, 7, 6, 30], [40, 1, 47, 9]])
    owners = torch.tensor([0, 1, 1])
    expected = torch.stack(
        [
            functional.adaptive_avg_pool2d(_planes(pictures)[owner, :, top:bottom, left:right], 8)
            for owner, (left, top, right, bottom) in zip(owners, spans.tolist(), strict=True)
        ]
    )
    torch.testing.assert_close(cut_out(_sums(pictures), owners, spans, 8), expected, rtol=0, atol=1e-4)


def test_sums_that_wrapped_around_give_the_same_averages() -> None:
    pictures = _pictures(1, 31, 47)
    sums = _sums(pictures)
    wrapped = (sums.long() + 2**31 - 1000).to(torch.int32)
    assert torch.equal(shrunk(wrapped, 9, 17), shrunk(sums, 9, 17))
