"""The tensors of TalkNet under the names of its published checkpoint (github.com/TaoRuijie/TalkNet-ASD).

Only ``AttentionLayer`` is run as it stands here; of the others ``talknet.talknet`` makes its own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_TRUNK_NORM_FLOOR = 1e-3
_SOUND_LAYERS = ((16, 3, 1), (32, 4, 2), (64, 6, 2), (128, 3, 1))
_SQUEEZE = 8
_HEADS = 8
_TCN_BLOCKS = 5


class TalkNet(nn.Module):
    """The whole checkpoint. Load into it, then run ``TalkNetRunner``."""

    def __init__(self) -> None:
        super().__init__()
        self.model = _Model()
        self.lossAV = _Head(256)
        self.lossA = _Head(128)
        self.lossV = _Head(128)


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.visualFrontend = _Frontend()
        self.visualTCN = _Tcn()
        self.visualConv1D = _Reduction()
        self.audioEncoder = _SoundEncoder()
        self.crossA2V = AttentionLayer(128)
        self.crossV2A = AttentionLayer(128)
        self.selfAV = AttentionLayer(256)


class _Head(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.FC = nn.Linear(width, 2)


class _Frontend(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        first = nn.Conv3d(1, 64, (5, 7, 7), (1, 2, 2), (2, 3, 3), bias=False)
        self.frontend3D = nn.Sequential(first, nn.BatchNorm3d(64, _TRUNK_NORM_FLOOR))
        self.resnet = _ResNet()


class _ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer1 = ResNetLayer(64, 64, 1)
        self.layer2 = ResNetLayer(64, 128, 2)
        self.layer3 = ResNetLayer(128, 256, 2)
        self.layer4 = ResNetLayer(256, 512, 2)


class ResNetLayer(nn.Module):
    """Two residual units, a and b; the first may halve the picture."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1a = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1a = nn.BatchNorm2d(channels, _TRUNK_NORM_FLOOR)
        self.conv2a = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.downsample = nn.Conv2d(channels_in, channels, 1, stride, bias=False)
        self.outbna = nn.BatchNorm2d(channels, _TRUNK_NORM_FLOOR)
        self.conv1b = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn1b = nn.BatchNorm2d(channels, _TRUNK_NORM_FLOOR)
        self.conv2b = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.outbnb = nn.BatchNorm2d(channels, _TRUNK_NORM_FLOOR)


class _WholeNorm(nn.Module):
    """Normalises over all channels and frames of a window."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(1, channels, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1))


class TcnBlock(nn.Module):
    """A unit of the temporal network: one convolution of each channel, a norm over the window, one across channels."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ReLU(),
            nn.BatchNorm1d(512),
            nn.Conv1d(512, 512, 3, padding=1, groups=512, bias=False),
            nn.PReLU(),
            _WholeNorm(512),
            nn.Conv1d(512, 512, 1, bias=False),
        )


class _Tcn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(*(TcnBlock() for _ in range(_TCN_BLOCKS)))


class _Reduction(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(512, 256, 5, padding=2), nn.BatchNorm1d(256), nn.ReLU(), nn.Conv1d(256, 128, 1)
        )


class _SoundEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        channels = _SOUND_LAYERS[0][0]
        self.conv1 = nn.Conv2d(1, channels, 7, (2, 1), 3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        for number, (width, count, stride) in enumerate(_SOUND_LAYERS, start=1):
            units = [SeBlock(channels, width, stride), *(SeBlock(width, width, 1) for _ in range(count - 1))]
            self.add_module(f"layer{number}", nn.Sequential(*units))
            channels = width

    conv1: nn.Conv2d
    bn1: nn.BatchNorm2d


class SeBlock(nn.Module):
    """A residual unit whose channels are weighed by what their means decide; ReLU stands before its first norm."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.se = _Squeeze(channels)
        self.downsample = None
        if stride != 1 or channels_in != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )


class _Squeeze(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // _SQUEEZE),
            nn.ReLU(),
            nn.Linear(channels // _SQUEEZE, channels),
            nn.Sigmoid(),
        )


class AttentionLayer(nn.Module):
    """A transformer layer whose queries come from another sequence than its keys, values and residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, _HEADS, batch_first=True)
        self.linear1 = nn.Linear(width, 4 * width)
        self.linear2 = nn.Linear(4 * width, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, source: Tensor, asking: Tensor) -> Tensor:
        """(W, L, width) twice to the same shape."""
        x = self.norm1(source + self.self_attn(asking, source, source, need_weights=False)[0])
        return self.norm2(x + self.linear2(functional.relu(self.linear1(x))))
