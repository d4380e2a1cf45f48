"""Light-ASD (Liao, Duan, Feng, Zhao, Yang, Chen: "A Light Weight Model for Active Speaker Detection", CVPR 2023;
github.com/Junhua-Liao/Light-ASD).

``LightAsd`` carries the tensor names of the published checkpoint; ``LightAsdRunner`` computes with them what the
published network computes, two-dimensional throughout and with batch normalisation folded into the convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from talknet.layers import FusedConv
from talknet.second_encoder import EMBEDDING, SecondEncoder, SoundEncoder

_NORM_FLOOR = 1e-3
_WIDTHS = ((1, 32), (32, 64), (64, 128))


class LightAsd(nn.Module):
    """The published layout: names and shapes of all tensors. Load into it, then run ``LightAsdRunner``."""

    def __init__(self) -> None:
        super().__init__()
        self.model = _Model()
        self.lossAV = _Head()
        self.lossV = _Head()


class LightAsdRunner(nn.Module):
    """The network as it is run.

    Args:
        published: with its weights loaded.
    """

    def __init__(self, published: LightAsd) -> None:
        super().__init__()
        model = published.model
        self.faces = SecondEncoder([_FaceRunner(block) for block in model.visualEncoder.children()])
        self.sound = SoundEncoder([_SoundRunner(block) for block in model.audioEncoder.children()])
        self.gru_forward = model.GRU.gru_forward
        self.gru_backward = model.GRU.gru_backward
        self.head = published.lossAV.FC

    def forward(self, sound: Tensor, faces: Tensor) -> Tensor:
        """(W, 4 L, 13) MFCC and (W, L, 128) faces of W windows to (W, L) logits that the face speaks."""
        x = functional.gelu(self.gru_forward(self.sound(sound) + faces)[0])
        x = functional.gelu(self.gru_backward(x.flip(1))[0].flip(1))
        return functional.linear(x, self.head.weight[1:], self.head.bias[1:]).squeeze(2)


class _FaceBlock(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        stride = (1, 2, 2) if channels_in == 1 else (1, 1, 1)
        for size in (3, 5):
            half = size // 2
            spatial = nn.Conv3d(channels_in, channels, (1, size, size), stride, (0, half, half), bias=False)
            temporal = nn.Conv3d(channels, channels, (size, 1, 1), padding=(half, 0, 0), bias=False)
            _add_branch(self, "s", size, spatial, nn.BatchNorm3d(channels, _NORM_FLOOR))
            _add_branch(self, "t", size, temporal, nn.BatchNorm3d(channels, _NORM_FLOOR))
        self.last = nn.Conv3d(channels, channels, 1, bias=False)
        self.bn_last = nn.BatchNorm3d(channels, _NORM_FLOOR)


class _SoundBlock(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        for size in (3, 5):
            half = size // 2
            across = nn.Conv2d(channels_in, channels, (size, 1), padding=(half, 0), bias=False)
            temporal = nn.Conv2d(channels, channels, (1, size), padding=(0, half), bias=False)
            _add_branch(self, "m", size, across, nn.BatchNorm2d(channels, _NORM_FLOOR))
            _add_branch(self, "t", size, temporal, nn.BatchNorm2d(channels, _NORM_FLOOR))
        self.last = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn_last = nn.BatchNorm2d(channels, _NORM_FLOOR)


def _add_branch(block: nn.Module, kind: str, size: int, conv: nn.Module, norm: nn.Module) -> None:
    block.add_module(f"{kind}_{size}", conv)
    block.add_module(f"bn_{kind}_{size}", norm)


class _Blocks(nn.Module):
    def __init__(self, block: type[_FaceBlock] | type[_SoundBlock]) -> None:
        super().__init__()
        self.block1, self.block2, self.block3 = (block(*widths) for widths in _WIDTHS)


class _Gru(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru_forward = nn.GRU(EMBEDDING, EMBEDDING, batch_first=True)
        self.gru_backward = nn.GRU(EMBEDDING, EMBEDDING, batch_first=True)


class _Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.FC = nn.Linear(EMBEDDING, 2)


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.visualEncoder = _Blocks(_FaceBlock)
        self.audioEncoder = _Blocks(_SoundBlock)
        self.GRU = _Gru()


class _FaceRunner(nn.Module):
    """``FaceBlock``: a short and a long branch, each over the picture and then over time; then their mixed sum."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.s_3, self.s_5, self.t_3, self.t_5 = (_fused(block, name) for name in ("s_3", "s_5", "t_3", "t_5"))
        self.last = _Mix(block)
        self.reach = self.t_5.padding[0]

    def spatial(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return self.s_3(pictures), self.s_5(pictures)

    def temporal(self, branches: Sequence[Tensor], ends: bool | None) -> Tensor:
        short, long = branches
        if ends is None:
            short, long = (functional.pad(x, (0, 0, 0, self.reach)) for x in (short, long))
        if not ends:
            short = short[:, :, 1:-1]
        padding = None if ends else (0, 0)
        return self.last(self.t_3(short, padding).add_(self.t_5(long, padding)))


class _SoundRunner(nn.Module):
    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.m_3, self.m_5, self.t_3, self.t_5 = (_fused(block, name) for name in ("m_3", "m_5", "t_3", "t_5"))
        self.last = _Mix(block)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.t_3(self.m_3(x)).add_(self.t_5(self.m_5(x))))


class _Mix(nn.Module):
    """The last convolution of a block, of one pixel of one frame: a matrix product over the channels."""

    weight: Tensor
    bias: Tensor

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        conv = _fused(block, "last")
        self.register_buffer("weight", conv.weight.flatten(1).contiguous())
        self.register_buffer("bias", conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), channels last, to the same."""
        return functional.relu_(functional.linear(x.permute(0, 2, 3, 1), self.weight, self.bias)).permute(0, 3, 1, 2)


def _fused(block: nn.Module, name: str) -> FusedConv:
    return FusedConv(block.get_submodule(name), block.get_submodule(f"bn_{name}"))  # pyright: ignore[reportArgumentType]
