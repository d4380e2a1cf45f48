"""The speaker networks as the published demos run them: the yardstick of ``benchmarks.scoring``.

One window after another, each duration anew, three-dimensional convolutions, nothing shared, folded or batched. They
read the same weights as the fast versions, through the same layouts, so that both can be compared number by number.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from talknet.layers import PIXEL_MEAN, PIXEL_SPREAD
from talknet.light_asd import LightAsd
from talknet.lr_asd import LrAsd
from talknet.talknet_layout import TalkNet

DURATIONS_S = (1, 2, 3, 4, 5, 6)


@torch.inference_mode()
def plain_logits(network: TalkNet | LrAsd | LightAsd, crops: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
    """Return (n,) float64 logits: the mean over six durations, each in windows of its own, as the demos compute it.

    Args:
        network: with weights, in evaluation mode, on any device.
        crops: (T, 112, 112) uint8.
        mfcc: (R, 13) float32.
    """
    length_s = min((len(mfcc) - len(mfcc) % 4) / 100, len(crops) / 25)
    rows, frames = mfcc[: round(length_s * 100)], crops[: round(length_s * 25)]
    device = network.lossAV.FC.weight.device
    scores = []
    for duration in DURATIONS_S:
        parts = []
        for number in range(math.ceil(length_s / duration)):
            sound = torch.FloatTensor(rows[number * duration * 100 : (number + 1) * duration * 100])[None].to(device)
            seen = torch.FloatTensor(frames[number * duration * 25 : (number + 1) * duration * 25])[None].to(device)
            parts.append(network.lossAV.FC(_embedded(network, sound, seen))[0, :, 1])
        scores.append(torch.cat(parts).double().cpu().numpy())
    return np.mean(scores, axis=0)


def _embedded(network: TalkNet | LrAsd | LightAsd, sound: Tensor, crops: Tensor) -> Tensor:
    pixels = (crops / 255 - PIXEL_MEAN) / PIXEL_SPREAD
    if isinstance(network, TalkNet):
        return _talknet(network, sound, pixels)
    faces = _block_faces(network, pixels[:, None])
    heard = _block_sound(network, sound[:, None].transpose(2, 3))
    if isinstance(network, LrAsd):
        model = network.model
        x = _gated(model.fusion, torch.cat([heard, faces], dim=2))
        ahead = model.detector.gru_forward(x)[0]
        behind = model.detector.gru_backward(x.flip(1))[0].flip(1)
        return _gated(model.detector.attention, torch.cat([ahead, behind], dim=2))
    x = functional.gelu(network.model.GRU.gru_forward(heard + faces)[0]).flip(1)
    return functional.gelu(network.model.GRU.gru_backward(x)[0].flip(1))


def _gated(gate: nn.Module, x: Tensor) -> Tensor:
    identity = x.transpose(1, 2)
    attention, norm = gate.get_submodule("attention"), gate.get_submodule("bn")
    return (identity * torch.sigmoid(norm(attention(identity)))).transpose(1, 2)


def _block_faces(network: LrAsd | LightAsd, x: Tensor) -> Tensor:
    for number, block in enumerate(network.model.visualEncoder.children()):
        if number:
            x = functional.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        x = _block(block, x, "s")
    count, channels, frames = x.shape[:3]
    x = x.transpose(1, 2).flatten(0, 1)
    return functional.adaptive_max_pool2d(x, (1, 1)).view(count, frames, channels)


def _block_sound(network: LrAsd | LightAsd, x: Tensor) -> Tensor:
    for number, block in enumerate(network.model.audioEncoder.children()):
        if number:
            x = functional.max_pool3d(x, (1, 1, 3), (1, 1, 2), (0, 0, 1))
        x = _block(block, x, "m")
    return x.mean(dim=2).transpose(1, 2)


def _block(block: nn.Module, x: Tensor, kind: str) -> Tensor:
    """Run a block of LR-ASD (in a row) or of Light-ASD (two branches); *kind* is s for faces and m for sound."""
    layers = dict(block.named_children())

    def applied(x: Tensor, conv: str, norm: str) -> Tensor:
        return functional.relu(layers[norm](layers[conv](x)))

    if "last" in layers:
        short = applied(applied(x, f"{kind}_3", f"bn_{kind}_3"), "t_3", "bn_t_3")
        long = applied(applied(x, f"{kind}_5", f"bn_{kind}_5"), "t_5", "bn_t_5")
        return applied(short + long, "last", "bn_last")
    for prefix in (kind, "t"):
        for number in (1, 2):
            x = applied(x, f"{prefix}_{number}", f"{prefix}_norm_{number}")
    return x


def _talknet(network: TalkNet, sound: Tensor, pixels: Tensor) -> Tensor:
    model = network.model
    x = functional.relu(model.visualFrontend.frontend3D(pixels[:, None]))
    x = functional.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1)).transpose(1, 2).flatten(0, 1)
    for layer in model.visualFrontend.resnet.children():
        x = _resnet_layer(layer, x)
    x = functional.avg_pool2d(x, 4, 1).view(1, -1, 512).transpose(1, 2)
    for block in model.visualTCN.net:
        x = x + _tcn(block, x)
    seen = model.visualConv1D.net(x).transpose(1, 2)
    heard = _talknet_sound(model.audioEncoder, sound[:, None].transpose(2, 3))
    both = torch.cat([_attended(model.crossA2V, heard, seen), _attended(model.crossV2A, seen, heard)], dim=2)
    return _attended(model.selfAV, both, both)


def _resnet_layer(layer: nn.Module, x: Tensor) -> Tensor:
    part = dict(layer.named_children())
    skip = x if part["conv1a"].stride == (1, 1) else part["downsample"](x)
    total = part["conv2a"](functional.relu(part["bn1a"](part["conv1a"](x)))) + skip
    x = functional.relu(part["outbna"](total))
    total = part["conv2b"](functional.relu(part["bn1b"](part["conv1b"](x)))) + total
    return functional.relu(part["outbnb"](total))


def _tcn(block: nn.Module, x: Tensor) -> Tensor:
    relu, norm, depthwise, prelu, whole, pointwise = block.get_submodule("net").children()
    y = prelu(depthwise(norm(relu(x))))
    gamma, beta = whole.get_parameter("gamma"), whole.get_parameter("beta")
    mean = y.mean(dim=1, keepdim=True).mean(dim=2, keepdim=True)
    spread = ((y - mean) ** 2).mean(dim=1, keepdim=True).mean(dim=2, keepdim=True)
    return pointwise(gamma * (y - mean) / (spread + 1e-8) ** 0.5 + beta)


def _talknet_sound(encoder: nn.Module, x: Tensor) -> Tensor:
    part = dict(encoder.named_children())
    x = functional.relu(part["bn1"](part["conv1"](x)))
    for number in (1, 2, 3, 4):
        for block in part[f"layer{number}"].children():
            x = _se_block(block, x)
    return x.mean(dim=2).transpose(1, 2)


def _se_block(block: nn.Module, x: Tensor) -> Tensor:
    part = dict(block.named_children())
    skip = part["downsample"](x) if "downsample" in part else x
    y = part["bn2"](part["conv2"](part["bn1"](functional.relu(part["conv1"](x)))))
    weights = part["se"].get_submodule("fc")(functional.adaptive_avg_pool2d(y, 1).flatten(1))
    return functional.relu(y * weights[:, :, None, None] + skip)


def _attended(layer: nn.Module, source: Tensor, asking: Tensor) -> Tensor:
    part = dict(layer.named_children())
    x = part["norm1"](source + part["self_attn"](asking, source, source)[0])
    return part["norm2"](x + part["linear2"](functional.relu(part["linear1"](x))))
