"""S3FD (Zhang et al., "S3FD: Single Shot Scale-invariant Face Detector", ICCV 2017).

Tensor names and arithmetic are those of the PyTorch port whose ``sfd_face.pth`` the demos of TalkNet use
(github.com/cs-giung/face-detection-pytorch), so that the published file loads unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

MEAN_RGB = (123.0, 117.0, 104.0)
"""Means that are subtracted from the pixels: those that the VGG trunk was trained with."""

STRIDES_PX = (4, 8, 16, 32, 64, 128)
"""Pixels of the picture to one cell of each of the six feature maps that faces are read from."""

_TRUNK_WIDTHS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and convolutions of each stage of VGG-16; a halving follows each."""

_FINE_LAYERS = 17
"""Layers of the first three stages with their halvings."""

_FIRST_MAP = 16
"""The layer before which the finest of the six maps is taken."""

_NORM_FLOOR = 1e-10


class L2Norm(nn.Module):
    """Brings the channels of each cell to unit length, then scales each channel by a learnt number."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape; computed in float32, where the squares of any features fit."""
        values = features.float()
        length = torch.linalg.vector_norm(values, dim=1, keepdim=True) + _NORM_FLOOR
        return (values / length * self.weight[:, None, None]).to(features.dtype)


class Halving(nn.Module):
    """The largest of each 2x2 pixels: max pooling, by comparing strips, which costs a third of ``MaxPool2d`` on CPUs.

    Args:
        keeps_edge: a last odd row or column counts (``ceil_mode``) instead of being left out.
    """

    def __init__(self, keeps_edge: bool) -> None:
        super().__init__()
        self.keeps_edge = keeps_edge

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, H / 2, W / 2)."""
        height, width = features.shape[2:]
        if self.keeps_edge and (height % 2 or width % 2):
            return functional.max_pool2d(features, 2, ceil_mode=True)
        features = features[:, :, : height // 2 * 2, : width // 2 * 2]
        rows = torch.maximum(features[:, :, 0::2], features[:, :, 1::2])
        return torch.maximum(rows[..., 0::2], rows[..., 1::2])


class S3fdNetwork(nn.Module):
    """The network: VGG-16 with dilated fully connected layers, two more stages, a head on each of six maps."""

    def __init__(self) -> None:
        super().__init__()
        self.vgg = nn.Sequential(*_trunk())
        self.L2Norm3_3 = L2Norm(256)
        self.L2Norm4_3 = L2Norm(512)
        self.L2Norm5_3 = L2Norm(512)
        self.extras = nn.ModuleList(
            [
                nn.Conv2d(1024, 256, 1),
                nn.Conv2d(256, 512, 3, stride=2, padding=1),
                nn.Conv2d(512, 128, 1),
                nn.Conv2d(128, 256, 3, stride=2, padding=1),
            ]
        )
        widths = (256, 512, 512, 1024, 512, 256)
        self.loc = nn.ModuleList(nn.Conv2d(width, 4, 3, padding=1) for width in widths)
        self.conf = nn.ModuleList(
            [nn.Conv2d(width, 4 if i == 0 else 2, 3, padding=1) for i, width in enumerate(widths)]
        )

    def forward(self, pixels: Tensor, fine_batch: int | None = None) -> tuple[Tensor, Tensor, list[tuple[int, int]]]:
        """Face offsets and logits of each prior.

        Args:
            pixels: (B, 3, H, W) floating, RGB minus ``MEAN_RGB``.
            fine_batch: pictures that pass the first three stages together; None: all. These work on large maps with few
                weights, those behind them on small maps with many, which a CPU reads anew for every batch.

        Returns:
            (B, P, 4) float32 offsets, (B, P, 2) float32 logits of background and face, and the height and width of each
            of the six maps, whose cells in this order are the P priors.
        """
        fine = [self._fine(part) for part in pixels.split(fine_batch or len(pixels))]
        maps = self._deep_maps(torch.cat([features for _, features in fine]))
        both = [torch.cat([heads for heads, _ in fine])]
        both += [_side_by_side(x, a, b) for x, a, b in zip(maps, self.loc[1:], self.conf[1:], strict=True)]
        offsets, logits = [both_of[:, :4] for both_of in both], [both_of[:, 4:] for both_of in both]
        # The finest map has three guesses at background, of which the most certain counts.
        logits[0] = torch.cat([logits[0][:, :3].amax(dim=1, keepdim=True), logits[0][:, 3:]], dim=1)
        sizes = [(features.shape[2], features.shape[3]) for features in both]
        return _by_prior(offsets), _by_prior(logits), sizes

    def in_format(self, dtype: torch.dtype, deep_dtype: torch.dtype) -> S3fdNetwork:
        """Set the number formats, and channels last; return the network itself.

        Args:
            dtype: of the input and of the first three stages, which hold six tenths of the arithmetic.
            deep_dtype: of all behind them, and of every head. In bfloat16 the errors of 17 layers add up.
        """
        for part in self.children():
            part.to(dtype=deep_dtype)
        self.vgg[:_FINE_LAYERS].to(dtype=dtype)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        for norm in (self.L2Norm3_3, self.L2Norm4_3, self.L2Norm5_3):
            norm.float()
        return self

    def _fine(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return both heads of the finest map, and the features of the first three stages."""
        features = self.vgg[:_FIRST_MAP](pixels)
        heads = _side_by_side(self.L2Norm3_3(features), self.loc[0], self.conf[0])
        return heads, self.vgg[_FIRST_MAP:_FINE_LAYERS](features).to(heads.dtype)

    def _deep_maps(self, features: Tensor) -> list[Tensor]:
        """The other five maps."""
        maps = []
        tapped = {23: self.L2Norm4_3, 30: self.L2Norm5_3}
        for number, layer in enumerate(self.vgg):
            if number in tapped:
                maps.append(tapped[number](features))
            if number >= _FINE_LAYERS:
                features = layer(features)
        maps.append(features)
        for number, layer in enumerate(self.extras):
            features = functional.relu(layer(features), inplace=True)
            if number % 2 == 1:
                maps.append(features)
        return maps


def _trunk() -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for stage, (width, count) in enumerate(_TRUNK_WIDTHS):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(Halving(keeps_edge=stage == 2))
    layers += [nn.Conv2d(512, 1024, 3, padding=6, dilation=6), nn.ReLU(inplace=True)]
    return [*layers, nn.Conv2d(1024, 1024, 1), nn.ReLU(inplace=True)]


def _side_by_side(features: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    """Compute two 3x3 convolutions of the same features, channels joined, for the price of one."""
    assert isinstance(first, nn.Conv2d) and isinstance(second, nn.Conv2d)
    assert first.bias is not None and second.bias is not None
    weight, bias = torch.cat([first.weight, second.weight]), torch.cat([first.bias, second.bias])
    return functional.conv2d(features.to(weight.dtype), weight, bias, padding=1)


def _by_prior(maps: Sequence[Tensor]) -> Tensor:
    """Maps (B, C, H, W) as (B, all cells, C) float32."""
    return torch.cat([features.permute(0, 2, 3, 1).flatten(1, 2).float() for features in maps], dim=1)
