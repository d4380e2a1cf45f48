"""TalkNet (Tao, Pan, Das, Qian, Shou, Li: "Is Someone Speaking? Exploring Long-term Temporal Features for Audio-visual
Active Speaker Detection", ACM MM 2021; github.com/TaoRuijie/TalkNet-ASD).

``TalkNet`` carries the tensor names of the published checkpoint (``talknet_layout``); ``TalkNetRunner`` computes with
them what the published network computes.

The picture trunk looks two frames each way, once, in its first convolution; everything behind it sees one frame. So the
five frames enter as five channels of a two-dimensional convolution, and a frame whose neighbours lie beyond the edge of
a window differs only in that some of the five are zero.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from talknet.layers import FusedConv, halved, normalised, scale_and_shift
from talknet.talknet_layout import AttentionLayer, ResNetLayer, SeBlock, TalkNet, TcnBlock

TRUNK_REACH = 2
"""Frames each way that a frame's embedding depends on."""

TRUNK_WIDTH = 512
"""Numbers in the trunk's embedding of a frame."""

_FINE_LAYERS = 2
"""Layers of the trunk that work on maps of 28x28 and 14x14."""


class TalkNetRunner(nn.Module):
    """The network as it is run.

    Args:
        published: with its weights loaded.
    """

    def __init__(self, published: TalkNet) -> None:
        super().__init__()
        model = published.model
        self.trunk = Trunk(published)
        self.face_time = nn.Sequential(*(_TcnRunner(block) for block in model.visualTCN.net))
        self.face_reduction = model.visualConv1D.net
        self.sound = _SoundRunner(published)
        self.sound_to_face = model.crossA2V
        self.face_to_sound = model.crossV2A
        self.together = model.selfAV
        self.head = published.lossAV.FC

    def forward(self, sound: Tensor, faces: Tensor) -> Tensor:
        """(W, 4 L, 13) MFCC and (W, L, 512) faces of W windows to (W, L) logits that the face speaks."""
        heard, seen = self.embeddings(sound, faces)
        x = torch.cat([self.sound_to_face(heard, seen), self.face_to_sound(seen, heard)], dim=2)
        x = self.together(x, x)
        return functional.linear(x, self.head.weight[1:], self.head.bias[1:]).squeeze(2)

    def embeddings(self, sound: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        """(W, L, 128) of the sound and of the faces of W windows, before each attends to the other."""
        seen = self.face_reduction(self.face_time(faces).transpose(1, 2)).transpose(1, 2)
        return self.sound(sound), seen


class Trunk(nn.Module):
    """Trunk from five neighbouring pictures to the embedding of the middle one."""

    def __init__(self, published: TalkNet) -> None:
        super().__init__()
        front = published.model.visualFrontend
        self.first = FusedConv(_over_channels(front.frontend3D[0]), front.frontend3D[1])  # pyright: ignore[reportArgumentType]
        self.layers = nn.Sequential(*(_ResNetRunner(layer) for layer in front.resnet.children()))
        self.dtype = torch.float32
        self.fine_batch: int | None = None
        """Frames that pass the first layers together; None: all. These work on large maps with few weights, those
        behind them on small maps with many, which a CPU reads anew for every batch."""

    def forward(self, crops: Tensor, present: Tensor) -> Tensor:
        """(F, 512) float32 of F frames.

        Args:
            crops: (F, 5, 112, 112) uint8, two frames before to two frames behind.
            present: (F, 5) bool: True where that frame belongs to the window; elsewhere its crop is not read.
        """
        size = self.fine_batch or len(crops)
        fine = [self._fine(*part) for part in zip(crops.split(size), present.split(size), strict=True)]
        x = self.layers[_FINE_LAYERS:](torch.cat(fine))
        return x.float().mean(dim=(2, 3))

    def _fine(self, crops: Tensor, present: Tensor) -> Tensor:
        # Channels last from the start: moving bytes costs a quarter of moving floats.
        x = normalised(crops.permute(0, 2, 3, 1).contiguous(), self.dtype).mul_(present[:, None, None])
        return self.layers[:_FINE_LAYERS](halved(self.first(x.permute(0, 3, 1, 2))))


def _over_channels(conv: nn.Module) -> nn.Conv2d:
    """A convolution over one channel of five frames as one over one frame of five channels."""
    assert isinstance(conv, nn.Conv3d)
    _, height, width = conv.kernel_size
    flat = nn.Conv2d(2 * TRUNK_REACH + 1, conv.out_channels, (height, width), 2, (height // 2, width // 2), bias=False)
    flat.weight = nn.Parameter(conv.weight.detach().squeeze(1))
    return flat


class _Affine(nn.Module):
    """Batch normalisation and ReLU, where no convolution stands directly before them."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        scale, shift = scale_and_shift(norm)
        self.register_buffer("scale", scale[:, None, None].clone())
        self.register_buffer("shift", shift[:, None, None].clone())

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu_(torch.addcmul(self.shift, x, self.scale))  # pyright: ignore[reportArgumentType, reportCallIssue]


class _ResNetRunner(nn.Module):
    """Two residual units; each sum is passed on both as it is and normalised."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        assert isinstance(layer, ResNetLayer)
        self.in_a, self.out_a = FusedConv(layer.conv1a, layer.bn1a), FusedConv(layer.conv2a, None, relu=False)
        self.norm_a = _Affine(layer.outbna)
        self.in_b, self.out_b = FusedConv(layer.conv1b, layer.bn1b), FusedConv(layer.conv2b, None, relu=False)
        self.norm_b = _Affine(layer.outbnb)
        # A layer that keeps the size passes its input on as it is, although the checkpoint holds a convolution for it.
        self.skip = None if layer.conv1a.stride == (1, 1) else FusedConv(layer.downsample, None, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        total = self.out_a(self.in_a(x)).add_(x if self.skip is None else self.skip(x))
        return self.norm_b(self.out_b(self.in_b(self.norm_a(total))).add_(total))


class _TcnRunner(nn.Module):
    """One unit of the face's temporal network, on (W, L, 512)."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        assert isinstance(block, TcnBlock)
        _, norm, depthwise, prelu, whole, pointwise = block.net
        assert isinstance(norm, nn.BatchNorm1d)
        scale, shift = scale_and_shift(norm)
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift.clone())
        self.taps = nn.ParameterList(depthwise.weight.detach()[:, 0].unbind(1))  # pyright: ignore[reportArgumentType, reportCallIssue, reportIndexIssue]
        self.slope = prelu.weight
        self.gamma, self.beta = (nn.Parameter(x.detach().flatten()) for x in (whole.gamma, whole.beta))  # pyright: ignore[reportArgumentType, reportCallIssue]
        self.mix = nn.Parameter(pointwise.weight.detach().squeeze(2))  # pyright: ignore[reportArgumentType, reportCallIssue]

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(functional.relu(x) * self.scale + self.shift, (0, 0, 1, 1))  # pyright: ignore[reportOperatorIssue]
        before, now, after = self.taps
        y = padded[:, :-2] * before + padded[:, 1:-1] * now + padded[:, 2:] * after
        y = functional.prelu(y, self.slope)  # pyright: ignore[reportArgumentType]
        y = y - y.mean(dim=(1, 2), keepdim=True)
        y = y * torch.rsqrt(y.square().mean(dim=(1, 2), keepdim=True) + 1e-8) * self.gamma + self.beta
        return x + functional.linear(y, self.mix)


class _SoundRunner(nn.Module):
    """The sound of windows: a residual network with squeeze and excitation, whose means run over the window."""

    def __init__(self, published: TalkNet) -> None:
        super().__init__()
        encoder = published.model.audioEncoder
        self.first = FusedConv(encoder.conv1, encoder.bn1)
        self.blocks = nn.Sequential(*(_SeRunner(block) for block in _se_blocks(encoder)))

    def forward(self, mfcc: Tensor) -> Tensor:
        """(W, 4 L, 13) float32 to (W, L, 128)."""
        x = mfcc.transpose(1, 2)[:, None].contiguous(memory_format=torch.channels_last)
        return self.blocks(self.first(x)).mean(dim=2).transpose(1, 2)


def _se_blocks(encoder: nn.Module) -> Iterator[SeBlock]:
    return (module for module in encoder.modules() if isinstance(module, SeBlock))


class _SeRunner(nn.Module):
    def __init__(self, block: SeBlock) -> None:
        super().__init__()
        self.conv1 = FusedConv(block.conv1, None)
        scale, shift = scale_and_shift(block.bn1)
        self.register_buffer("scale", scale[:, None, None].clone())
        self.register_buffer("shift", shift[:, None, None].clone())
        self.conv2 = FusedConv(block.conv2, block.bn2, relu=False)
        self.excite = block.se.fc
        skip = block.downsample
        self.skip = None if skip is None else FusedConv(skip[0], skip[1], relu=False)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(torch.addcmul(self.shift, self.conv1(x), self.scale))  # pyright: ignore[reportArgumentType, reportCallIssue]
        weights = self.excite(y.mean(dim=(2, 3)))[:, :, None, None]
        return functional.relu_(torch.addcmul(x if self.skip is None else self.skip(x), y, weights))


__all__ = ["TRUNK_REACH", "TRUNK_WIDTH", "AttentionLayer", "TalkNet", "TalkNetRunner", "Trunk"]
