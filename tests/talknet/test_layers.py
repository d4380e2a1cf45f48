from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from talknet.layers import FusedConv, halved


def _learnt(norm: nn.Module) -> nn.Module:
    for name, tensor in norm.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5 if name != "bias" else torch.randn_like(tensor))
    return norm.eval()


@pytest.mark.parametrize("size", [(4, 6), (8, 2), (2, 2)])
def test_halved_is_max_pooling(size: tuple[int, int]) -> None:
    pictures = torch.randn(3, 5, *size).contiguous(memory_format=torch.channels_last)
    assert torch.equal(halved(pictures), functional.max_pool2d(pictures, 3, 2, 1))


@torch.no_grad()
def test_a_convolution_over_pictures_in_two_dimensions() -> None:
    conv = nn.Conv3d(2, 4, (1, 5, 5), (1, 2, 2), (0, 2, 2), bias=False)
    norm = nn.BatchNorm3d(4)
    _learnt(norm)
    frames = torch.randn(1, 2, 6, 10, 10)
    expected = functional.relu(norm(conv(frames)))[0].transpose(0, 1)
    torch.testing.assert_close(FusedConv(conv, norm)(frames[0].transpose(0, 1)), expected)


@torch.no_grad()
def test_a_convolution_over_time_in_two_dimensions() -> None:
    conv = nn.Conv3d(4, 4, (5, 1, 1), padding=(2, 0, 0), bias=False)
    norm = nn.BatchNorm3d(4)
    _learnt(norm)
    frames = torch.randn(2, 4, 6, 3, 3)
    expected = functional.relu(norm(conv(frames))).flatten(3)
    torch.testing.assert_close(FusedConv(conv, norm)(frames.flatten(3)), expected)


@torch.no_grad()
def test_a_convolution_without_anything_behind_it() -> None:
    conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
    pictures = torch.randn(2, 3, 5, 5)
    torch.testing.assert_close(FusedConv(conv, None, relu=False)(pictures), conv(pictures))
