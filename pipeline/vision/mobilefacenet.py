"""MobileFaceNet: a network that turns an aligned face into 128 numbers, nearly the same for all pictures of a person.

Chen, Liu, Gao, Han, "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices" (CCBR
2018), table 1. The published file (github.com/foamliu/MobileFaceNet, release v1.0) gives the names of tensors, ReLU6
and ReLU in place of the paper's PReLU, and the normalisation of pixels.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pipeline.checkpoint import load_weights
from pipeline.vision.face_alignment import aligned
from pipeline.vision.likeness import MOBILEFACENET
from talknet.batches import Batches, keep_freed_memory

EMBEDDING_SIZE = 128

MEAN_RGB, SPREAD_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Taken from, and divided into, pixels in 0..1."""

BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""Expansion, channels, number and first stride of the bottlenecks: rows of the paper's table."""

CPU_BATCH, CUDA_BATCH = 8, 128
"""Faces that go through together: 1.6 MB of each in the largest maps."""


MIN_LENGTH = 13.0
"""Least length of the vector of a face that can be told from others: that of a blurred face or a hand is shorter, and
like that of any other. Chosen on the people of ``benchmarks.blurred_persons --people chosen``."""


class MobileFaceNet(nn.Sequential):
    """The network with the tensor names of the published file: (N, 3, 112, 112) float32 to (N, 128)."""

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        channels = 64
        for expansion, out, count, stride in BOTTLENECKS:
            for step in [stride, *[1] * (count - 1)]:
                layers.append(Bottleneck(channels, out, expansion, step))
                channels = out
        depthwise = nn.Conv2d(64, 64, 3, padding=1, groups=64, bias=False)
        pointwise = nn.Conv2d(64, 64, 1, bias=False)
        whole_face = nn.Conv2d(512, 512, 7, groups=512, bias=False)
        first = [("depthwise", depthwise), ("bn1", nn.BatchNorm2d(64)), ("relu1", nn.ReLU())]
        second = [("pointwise", pointwise), ("bn2", nn.BatchNorm2d(64)), ("relu2", nn.ReLU())]
        parts: list[tuple[str, nn.Module]] = [
            ("conv1", _convolution(3, 64, side=3, stride=2)),
            ("dw_conv", nn.Sequential(OrderedDict[str, nn.Module]([*first, *second]))),
            ("features", nn.Sequential(*layers)),
            ("conv2", _convolution(128, 512)),
            ("gdconv", nn.Sequential(OrderedDict[str, nn.Module](depthwise=whole_face, bn=nn.BatchNorm2d(512)))),
            ("conv3", nn.Conv2d(512, EMBEDDING_SIZE, 1)),
            ("flat", nn.Flatten()),
            ("bn", nn.BatchNorm1d(EMBEDDING_SIZE)),
        ]
        super().__init__(OrderedDict(parts))


class Bottleneck(nn.Module):
    """An inverted residual: channels are widened, filtered one by one, and narrowed without a bend.

    Args:
        channels: that come in.
        out: channels that go out.
        expansion: how many times wider it is inside.
        stride: of the filter. With 1 and as many channels out as in, what comes in is added to what goes out.
    """

    def __init__(self, channels: int, out: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.conv = nn.Sequential(
            _convolution(channels, wide),
            _convolution(wide, wide, side=3, stride=stride, groups=wide),
            nn.Conv2d(wide, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.residual = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.residual else self.conv(x)


def _convolution(channels: int, out: int, side: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Build a convolution that keeps the size but for its stride, normalised, and bent at 0 and 6."""
    conv = nn.Conv2d(channels, out, side, stride, side // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU6(inplace=True))


class MobileFaceNetRunner:
    """`pipeline.vision.embedding.FaceNetwork` with MobileFaceNet, in float32 on every device.

    Args:
        weights: the published ``mobilefacenet.pt``.
        device: where it runs, such as ``cpu`` or ``cuda:0``.

    Raises:
        WeightsError: the file is missing, damaged, or of another network.
    """

    limits = MOBILEFACENET
    min_length = MIN_LENGTH

    def __init__(self, weights: Path, device: str = "cpu") -> None:
        self._device = torch.device(device)
        on_cuda = self._device.type == "cuda"
        if not on_cuda:
            keep_freed_memory()
        network = MobileFaceNet()
        load_weights(network, weights)
        self._network = fused(network.eval()).to(self._device)
        self._batches = Batches(faces=CUDA_BATCH if on_cuda else CPU_BATCH)

    @property
    def memory_reductions(self) -> int:
        """Number of times that the device ran out of memory since loading, and a batch was halved."""
        return self._batches.reductions

    def align(self, picture: np.ndarray, points_px: np.ndarray) -> np.ndarray:
        """Align a face as ArcFace does (`pipeline.vision.face_alignment.aligned`)."""
        return aligned(picture, points_px)

    @torch.inference_mode()
    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Return (n, 128) float32, of any length, for (n, 112, 112, 3) uint8 BGR aligned faces."""
        with self._exact_float32():
            done = self._batches.run("faces", len(faces), lambda start, stop: self._embed(faces[start:stop]))
            parts = [vectors for _, _, vectors in done]
        return np.concatenate(parts) if parts else np.zeros((0, EMBEDDING_SIZE), np.float32)

    def _embed(self, faces: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(np.ascontiguousarray(faces[..., ::-1])).to(self._device).float() / 255
        mean, spread = (torch.tensor(values, device=self._device) for values in (MEAN_RGB, SPREAD_RGB))
        return self._network(((pixels - mean) / spread).permute(0, 3, 1, 2)).cpu().numpy()

    def _exact_float32(self) -> AbstractContextManager[None]:
        """Keep cuDNN from computing in fewer bits than float32 has, which it does unless told."""
        if self._device.type != "cuda":
            return nullcontext()
        return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def fused(network: nn.Module) -> nn.Module:
    """Return *network*, which has learnt, with each batch normalisation folded into the convolution before it, and the
    weights in the order in which pixels come: channels last."""
    for part in [each for each in network.modules() if isinstance(each, nn.Sequential)]:
        for (name, conv), (norm_name, norm) in pairwise(list(part.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                whole = fuse_conv_bn_eval(conv, norm)
                whole.weight.data = whole.weight.data.contiguous(memory_format=torch.channels_last)
                part.add_module(name, whole)
                part.add_module(norm_name, nn.Identity())
    return network
