"""Pieces that the three speaker networks are run with: convolutions with what follows them folded in."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

PIXEL_MEAN = 0.4161
PIXEL_SPREAD = 0.1688
"""Mean and spread of grey pixels in 0..1 that the networks were trained with."""


def normalised(crops: Tensor, dtype: torch.dtype) -> Tensor:
    """Grey pixels in 0..255, of any shape, as the networks read them."""
    return crops.to(dtype).div_(255).sub_(PIXEL_MEAN).div_(PIXEL_SPREAD)


def scale_and_shift(norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """A batch normalisation that has learnt, as ``x * scale + shift`` for each channel."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale.detach(), (norm.bias - norm.running_mean * scale).detach()


class FusedConv(nn.Module):
    """A two-dimensional convolution with the batch normalisation and the ReLU behind it in one.

    Three-dimensional kernels of one frame, (1, k, k), become (k, k) over pictures; those of one pixel, (k, 1, 1),
    become (k, 1) over frames and pixels.

    Args:
        conv: the convolution, without bias.
        norm: normalisation that follows it; None when there is none.
        relu: True where a ReLU follows.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, conv: nn.Conv1d | nn.Conv2d | nn.Conv3d, norm: _BatchNorm | None, relu: bool = True) -> None:
        super().__init__()
        weight, stride, padding = conv.weight.detach(), conv.stride, conv.padding
        assert conv.bias is None and not isinstance(padding, str)
        if isinstance(conv, nn.Conv3d):
            over_time = conv.kernel_size[0] > 1
            weight = weight[..., 0] if over_time else weight[:, :, 0]
            stride, padding = (stride[:2], padding[:2]) if over_time else (stride[1:], padding[1:])
        shift = torch.zeros(len(weight))
        if norm is not None:
            scale, shift = scale_and_shift(norm)
            weight = weight * scale.view(-1, *[1] * (weight.ndim - 1))
        if weight.ndim == 4:
            weight = weight.contiguous(memory_format=torch.channels_last)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", shift.clone())
        self.stride: tuple[int, ...] = tuple(stride)
        self.padding: tuple[int, ...] = tuple(padding)
        self.relu = relu

    def forward(self, x: Tensor, padding: tuple[int, ...] | None = None) -> Tensor:
        """(N, C, H, W) to (N, C', H', W'); with *padding* instead of its own when given."""
        out = functional.conv2d(x, self.weight, self.bias, self.stride, self.padding if padding is None else padding)
        return functional.relu_(out) if self.relu else out


def halved(pictures: Tensor) -> Tensor:
    """(N, C, H, W) to (N, C, H / 2, W / 2): the largest of 3x3 pixels around each second one; H and W even."""
    rows = _halved_along(pictures, 2)
    return _halved_along(rows, 3)


def _halved_along(x: Tensor, dim: int) -> Tensor:
    """The largest of entries 2i - 1, 2i and 2i + 1, by comparing strips: cheaper than max pooling on CPUs."""
    even, odd = (x.unflatten(dim, (-1, 2)).select(dim + 1, parity) for parity in (0, 1))
    out = torch.maximum(even, odd)
    size = x.shape[dim] // 2
    later = out.narrow(dim, 1, size - 1)
    torch.maximum(later, odd.narrow(dim, 0, size - 1), out=later)
    return out
