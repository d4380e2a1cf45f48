"""LR-ASD (Liao, Duan, Feng, Zhao, Yang, Chen: "LR-ASD: Lightweight and Robust Network for Active Speaker Detection",
IJCV 2025; github.com/Junhua-Liao/LR-ASD).

``LrAsd`` carries the tensor names of the published checkpoint; ``LrAsdRunner`` computes with them what the published
network computes, two-dimensional throughout and with batch normalisation folded into the convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from talknet.layers import FusedConv, scale_and_shift
from talknet.second_encoder import EMBEDDING, SecondEncoder, SoundEncoder

_NORM_FLOOR = 1e-3
_LONG, _SHORT = 5, 3
_WIDTHS = ((1, 32), (32, 64), (64, 128))
_GRU_UNITS = 64


class LrAsd(nn.Module):
    """The published layout: names and shapes of all tensors. Load into it, then run ``LrAsdRunner``."""

    def __init__(self) -> None:
        super().__init__()
        self.model = _Model()
        self.lossAV = _Head()
        self.lossV = _Head()


class LrAsdRunner(nn.Module):
    """The network as it is run.

    Args:
        published: with its weights loaded.
    """

    def __init__(self, published: LrAsd) -> None:
        super().__init__()
        model = published.model
        self.faces = SecondEncoder([_FaceRunner(block) for block in model.visualEncoder.children()])
        self.sound = SoundEncoder([_SoundRunner(block) for block in model.audioEncoder.children()])
        self.fusion = _GateRunner(model.fusion)
        self.gate = _GateRunner(model.detector.attention)
        self.gru_forward = model.detector.gru_forward
        self.gru_backward = model.detector.gru_backward
        self.head = published.lossAV.FC

    def forward(self, sound: Tensor, faces: Tensor) -> Tensor:
        """(W, 4 L, 13) MFCC and (W, L, 128) faces of W windows to (W, L) logits that the face speaks."""
        x = self.fusion(torch.cat([self.sound(sound), faces], dim=2))
        ahead = self.gru_forward(x)[0]
        behind = self.gru_backward(x.flip(1))[0].flip(1)
        x = self.gate(torch.cat([ahead, behind], dim=2))
        return functional.linear(x, self.head.weight[1:], self.head.bias[1:]).squeeze(2)


class _FaceBlock(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        stride = 2 if channels_in == 1 else 1
        self.s_1 = nn.Conv3d(
            channels_in,
            channels // 2,
            (1, _LONG, _LONG),
            (1, stride, stride),
            padding=(0, _LONG // 2, _LONG // 2),
            bias=False,
        )
        self.s_norm_1 = nn.BatchNorm3d(channels // 2, _NORM_FLOOR)
        self.s_2 = nn.Conv3d(
            channels // 2, channels, (1, _SHORT, _SHORT), padding=(0, _SHORT // 2, _SHORT // 2), bias=False
        )
        self.s_norm_2 = nn.BatchNorm3d(channels, _NORM_FLOOR)
        self.t_1 = nn.Conv3d(channels, channels, (_LONG, 1, 1), padding=(_LONG // 2, 0, 0), bias=False)
        self.t_norm_1 = nn.BatchNorm3d(channels, _NORM_FLOOR)
        self.t_2 = nn.Conv3d(channels, channels, (_SHORT, 1, 1), padding=(_SHORT // 2, 0, 0), bias=False)
        self.t_norm_2 = nn.BatchNorm3d(channels, _NORM_FLOOR)


class _SoundBlock(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.m_1 = nn.Conv2d(channels_in, channels // 2, (_LONG, 1), padding=(_LONG // 2, 0), bias=False)
        self.m_norm_1 = nn.BatchNorm2d(channels // 2, _NORM_FLOOR)
        self.m_2 = nn.Conv2d(channels // 2, channels, (_SHORT, 1), padding=(_SHORT // 2, 0), bias=False)
        self.m_norm_2 = nn.BatchNorm2d(channels, _NORM_FLOOR)
        self.t_1 = nn.Conv2d(channels, channels, (1, _LONG), padding=(0, _LONG // 2), bias=False)
        self.t_norm_1 = nn.BatchNorm2d(channels, _NORM_FLOOR)
        self.t_2 = nn.Conv2d(channels, channels, (1, _SHORT), padding=(0, _SHORT // 2), bias=False)
        self.t_norm_2 = nn.BatchNorm2d(channels, _NORM_FLOOR)


class _Blocks(nn.Module):
    def __init__(self, block: type[_FaceBlock] | type[_SoundBlock]) -> None:
        super().__init__()
        self.block1, self.block2, self.block3 = (block(*widths) for widths in _WIDTHS)


class _Gate(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.Conv1d(channels, channels, 1, bias=False)
        self.bn = nn.BatchNorm1d(channels, _NORM_FLOOR)


class _Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru_forward = nn.GRU(2 * EMBEDDING, _GRU_UNITS, batch_first=True)
        self.gru_backward = nn.GRU(2 * EMBEDDING, _GRU_UNITS, batch_first=True)
        self.attention = _Gate(2 * _GRU_UNITS)


class _Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.FC = nn.Linear(EMBEDDING, 2)


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.visualEncoder = _Blocks(_FaceBlock)
        self.audioEncoder = _Blocks(_SoundBlock)
        self.fusion = _Gate(2 * EMBEDDING)
        self.detector = _Detector()


class _FaceRunner(nn.Module):
    """``FaceBlock``: two convolutions over the picture, then two over time."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        assert isinstance(block, _FaceBlock)
        self.s_1, self.s_2 = FusedConv(block.s_1, block.s_norm_1), FusedConv(block.s_2, block.s_norm_2)
        self.t_1, self.t_2 = FusedConv(block.t_1, block.t_norm_1), FusedConv(block.t_2, block.t_norm_2)
        self.reach = self.t_1.padding[0] + self.t_2.padding[0]

    def spatial(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return (self.s_2(self.s_1(pictures)),)

    def temporal(self, branches: Sequence[Tensor], ends: bool | None) -> Tensor:
        (features,) = branches
        for conv in (self.t_1, self.t_2):
            if ends is None:
                features = functional.pad(features, (0, 0, 0, conv.padding[0]))
            features = conv(features, None if ends else (0, 0))
        return features


class _SoundRunner(nn.Module):
    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        assert isinstance(block, _SoundBlock)
        self.layers = nn.Sequential(
            FusedConv(block.m_1, block.m_norm_1),
            FusedConv(block.m_2, block.m_norm_2),
            FusedConv(block.t_1, block.t_norm_1),
            FusedConv(block.t_2, block.t_norm_2),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class _GateRunner(nn.Module):
    """Weighs each channel of each frame by a number in 0..1 that all channels of that frame decide."""

    def __init__(self, gate: _Gate) -> None:
        super().__init__()
        scale, shift = scale_and_shift(gate.bn)
        self.register_buffer("weight", gate.attention.weight.detach().squeeze(2) * scale[:, None])
        self.register_buffer("bias", shift.clone())

    def forward(self, x: Tensor) -> Tensor:
        """(W, L, C) to the same shape."""
        return x * torch.sigmoid(functional.linear(x, self.weight, self.bias))  # pyright: ignore[reportArgumentType]
