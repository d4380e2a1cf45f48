"""Speed-ups of the networks on a CPU that were tried and dropped, beside the code that runs.

    python -m benchmarks.tried --weights-dir ../shared/weights

- ``relu_inside``: the convolutions over LR-ASD's pictures with the ReLU inside oneDNN and weights packed beforehand.
- ``winograd``: a deep layer of S3FD by Winograd's algorithm (Lavin and Gray, "Fast Algorithms for Convolutional Neural
  Networks", CVPR 2016), tiles of 4x4, which needs a quarter of the products.
- ``onnxruntime``: YuNet in ONNX Runtime, without what turns its outputs into boxes, which costs little; null where that
  package is not installed, as nothing else needs it.

``ratio`` is the speed of the trial by that of the code that runs. Ends with one JSON line.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.common.command_line import add_runs, parser_of
from benchmarks.common.facts import facts
from benchmarks.common.measuring import medians
from benchmarks.common.networks import find_weights
from benchmarks.common.places import YUNET_FILE
from s3fd.yunet import YuNet

FACE_LAYERS = ((16, 56, 32, 3), (32, 28, 32, 5), (32, 28, 64, 3), (64, 14, 64, 5), (64, 14, 128, 3))
"""Channels in, side, channels out and side of the kernel, of LR-ASD's convolutions over the 25 pictures of a second."""

DEEP_LAYER = (8, 512, 11, 20)
"""Input of a layer of S3FD's fourth stage: eight frames of 640x360 at a quarter of their size."""

PICTURE_PX = (640, 360)

_INPUT = [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0]]
_INPUT += [[0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]]
_KERNEL = [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6]]
_KERNEL += [[1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]]
_OUTPUT = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--weights-dir", type=Path, help="folder with the weights of YuNet")
    add_runs(parser, 20)
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch; ONNX Runtime and OpenCV have one")
    flags = parser.parse_args(argv)
    torch.set_num_threads(flags.threads)
    torch.manual_seed(0)
    with torch.inference_mode():
        found = {
            "relu_inside": _compared(flags.runs, *relu_inside()),
            "winograd": _compared(flags.runs, *winograd()),
            "onnxruntime": _onnxruntime(flags.runs, flags.weights_dir),
        }
    print(json.dumps({"benchmark": "tried", "runs": flags.runs, **found, **facts()}))
    return 0


def _compared(runs: int, ours: Callable[[], Tensor], tried: Callable[[], Tensor]) -> dict[str, float]:
    expected = ours()
    difference = float((tried() - expected).abs().max() / expected.abs().max())
    return {**_timed(runs, ours, tried), "difference": difference}


def _timed(runs: int, ours: Callable[[], object], tried: Callable[[], object]) -> dict[str, float]:
    ours_s, tried_s = medians(torch.device("cpu"), runs, ours, tried)
    return {"ours_ms": round(ours_s * 1e3, 3), "tried_ms": round(tried_s * 1e3, 3), "ratio": round(ours_s / tried_s, 3)}


def relu_inside() -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """Return two functions: the layers as they are run, and with ReLU and packed weights inside."""
    layers = []
    for channels, side, out, size in FACE_LAYERS:
        pictures = _channels_last(torch.randn(25, channels, side, side))
        weight = _channels_last(torch.randn(out, channels, size, size) / (channels * size * size) ** 0.5)
        shape = [size // 2] * 2, [1, 1], [1, 1], 1
        packed = torch.ops.mkldnn._reorder_convolution_weight(weight, *shape, list(pictures.shape))
        layers.append((pictures, weight, torch.randn(out), packed, shape))

    def ours() -> Tensor:
        outs = [functional.relu_(functional.conv2d(x, w, b, padding=p[0])) for x, w, b, _, (p, *_) in layers]
        return torch.cat([out.flatten() for out in outs])

    def tried() -> Tensor:
        pointwise = torch.ops.mkldnn._convolution_pointwise
        outs = [pointwise(x, packed, b, *shape, "relu", [], "") for x, _, b, packed, shape in layers]
        return torch.cat([out.flatten() for out in outs])

    return ours, tried


def winograd() -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """Return two functions: the layer as it is run, and by Winograd's algorithm."""
    count, channels, height, width = DEEP_LAYER
    features = _channels_last(torch.randn(DEEP_LAYER).relu())
    weight = _channels_last(torch.randn(channels, channels, 3, 3) / (channels * 9) ** 0.5)
    into, of_kernel, out_of = (torch.tensor(rows, dtype=torch.float64) for rows in (_INPUT, _KERNEL, _OUTPUT))
    kernels = torch.einsum("ai,bj,ocij->abco", of_kernel, of_kernel, weight.double()).flatten(0, 1).float()
    into, out_of = torch.kron(into, into).float(), torch.kron(out_of, out_of).float()
    rows, columns = -(-height // 4), -(-width // 4)

    def tried() -> Tensor:
        edges = (0, 0, 1, 4 * columns + 1 - width, 1, 4 * rows + 1 - height)
        padded = functional.pad(features.permute(0, 2, 3, 1), edges)
        frame, row, column, each = padded.stride()
        tiles = padded.as_strided(
            (6, 6, count, rows, columns, channels), (row, column, frame, 4 * row, 4 * column, each)
        )
        products = torch.bmm((into @ tiles.reshape(36, -1)).view(36, -1, channels), kernels)
        parts = (out_of @ products.view(36, -1)).view(4, 4, count, rows, columns, channels)
        whole = parts.permute(2, 3, 0, 4, 1, 5).reshape(count, 4 * rows, 4 * columns, channels)
        return whole[:, :height, :width].relu().permute(0, 3, 1, 2)

    return lambda: functional.relu_(functional.conv2d(features, weight, padding=1)), tried


def _onnxruntime(runs: int, weights_dir: Path | None) -> dict[str, float] | None:
    path = find_weights(weights_dir, YUNET_FILE)
    if path is None or importlib.util.find_spec("onnxruntime") is None:
        return None
    runtime: Any = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    cv2.setNumThreads(1)
    width, height = PICTURE_PX
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    # What OpenCV pads pictures to, too: a multiple of 32.
    padded = np.pad(picture, ((0, -height % 32), (0, -width % 32), (0, 0))).transpose(2, 0, 1)[None].astype(np.float32)
    detector, name = YuNet(path), session.get_inputs()[0].name
    return _timed(runs, lambda: detector.detect(picture[None]), lambda: session.run(None, {name: padded}))


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    sys.exit(main())
