"""MTCNN (Zhang et al., "Joint Face Detection and Alignment using Multitask Cascaded Convolutional Networks", 2016).

The three networks and their weights are those inside the facenet-pytorch wheel (timesler/facenet-pytorch); the cascade
around them is written here. It gives the boxes of ``facenet_pytorch.MTCNN.detect`` and costs less: all resizing reads
summed-area tables (``s3fd/area.py``), the networks run with channels last, and input scaling is part of their weights.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import facenet_pytorch
import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from torch import Tensor, nn
from torchvision.ops import batched_nms

from pipeline.checkpoint import load_weights
from s3fd.area import cut_out, shrunk
from s3fd.common import DEFAULT_THRESHOLD, as_detections, check_frames, resized

MIN_FACE_PX = 20
"""Side of the smallest face that is looked for, in pixels of the resized picture; the default of facenet-pytorch."""

PYRAMID_FACTOR = 0.709
"""Ratio between neighbouring sizes of the picture pyramid: about the square root of a half, from the paper."""

PROPOSAL_THRESHOLD = 0.6
"""Score over which a window of the first network goes on to the second; from facenet-pytorch."""

REFINED_THRESHOLD = 0.7
"""Score over which a window of the second network goes on to the third; and the least score of a face that can be asked
of the third network."""

_CELL_PX = 12
_STRIDE_PX = 2
_REFINE_PX = 24
_OUTPUT_PX = 48
_CROPS_AT_ONCE = 256
_FRAMES_AT_ONCE = 4
_OVERLAP_IN_LEVEL = 0.5
_OVERLAP = 0.7


class Mtcnn:
    """``FaceDetector`` whose weights come with a wheel: the stand-in when none can be had.

    Args:
        device: where the networks run, such as ``cpu`` or ``cuda:0``.
    """

    name = "mtcnn"
    memory_reductions = 0

    def __init__(self, device: str = "cpu") -> None:
        self._device = torch.device(device)
        self._proposer = wheel_network(PNet(pretrained=False), "pnet.pt", self._device)
        self._refiner = wheel_network(RNet(pretrained=False), "rnet.pt", self._device)
        self._decider = wheel_network(ONet(pretrained=False), "onet.pt", self._device)

    @torch.inference_mode()
    def detect(self, frames: np.ndarray, *, scale: float = 1.0, threshold: float | None = None) -> list[np.ndarray]:
        """See ``FaceDetector.detect``."""
        check_frames(frames, scale)
        lowest = DEFAULT_THRESHOLD["mtcnn"] if threshold is None else threshold
        answers: list[np.ndarray] = []
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            pictures = [resized(frame, scale) for frame in frames[start : start + _FRAMES_AT_ONCE]]
            height, width = pictures[0].shape[:2]
            factor = np.array([frames.shape[2] / width, frames.shape[1] / height] * 2, np.float32)
            sums = torch.from_numpy(np.stack([cv2.integral(picture) for picture in pictures])).to(self._device)
            answers += [as_detections(rows[:, :4] * factor, rows[:, 4], lowest) for rows in self._cascade(sums, lowest)]
        return answers

    def _cascade(self, sums: Tensor, threshold: float) -> list[np.ndarray]:
        """One (N, 5) float32 array for each summed-area table of *sums* (B, H + 1, W + 1, 3): corners and score."""
        squares, owners = self._proposals(sums)
        squares, scores, shifts, owners = _judged(self._refiner, _REFINE_PX, sums, squares, owners, REFINED_THRESHOLD)
        kept = batched_nms(squares, scores, owners, _OVERLAP)
        squares, owners = _squared(_shifted(squares[kept], shifts[kept])), owners[kept]
        squares, scores, shifts, owners = _judged(self._decider, _OUTPUT_PX, sums, squares, owners, threshold)
        rows = torch.cat([_shifted(squares, shifts), scores[:, None]], dim=1).cpu().numpy()
        pictures = owners.cpu().numpy()
        return [_without_nested(rows[pictures == picture]) for picture in range(len(sums))]

    def _proposals(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        """Squares (N, 4) that may hold a face, and the picture (N,) that each lies in."""
        height, width = sums.shape[1] - 1, sums.shape[2] - 1
        boxes, scores, shifts, owners = [], [], [], []
        factor = _CELL_PX / MIN_FACE_PX
        while min(height, width) * factor >= _CELL_PX:
            level = shrunk(sums, int(height * factor + 1), int(width * factor + 1))
            shift, probability = self._proposer(level)
            owner, row, column = torch.nonzero(probability[:, 1] >= PROPOSAL_THRESHOLD, as_tuple=True)
            start = _STRIDE_PX * torch.stack([column, row], dim=1).float() + 1
            box = torch.cat([start / factor, (start + _CELL_PX - 1) / factor], dim=1).floor()
            score = probability[owner, 1, row, column]
            kept = batched_nms(box, score, owner, _OVERLAP_IN_LEVEL)
            boxes.append(box[kept])
            scores.append(score[kept])
            shifts.append(shift[owner, :, row, column][kept])
            owners.append(owner[kept])
            factor *= PYRAMID_FACTOR
        if not boxes:
            return torch.zeros((0, 4), device=sums.device), torch.zeros(0, dtype=torch.int64, device=sums.device)
        box, owner = torch.cat(boxes), torch.cat(owners)
        kept = batched_nms(box, torch.cat(scores), owner, _OVERLAP)
        return _squared(_shifted(box[kept], torch.cat(shifts)[kept], extra_px=0)), owner[kept]


def wheel_network(network: nn.Module, file: str, device: torch.device) -> nn.Module:
    """One of the three networks with its weights, taking BGR pixels in 0..255 instead of RGB in -1..1.

    The first convolution has no padding, so that ``(x - 127.5) / 128`` folds into its numbers.
    """
    load_weights(network, Path(facenet_pytorch.__file__).parent / "data" / file)
    first = network.conv1
    assert isinstance(first, nn.Conv2d) and first.bias is not None
    with torch.no_grad():
        first.bias -= first.weight.sum(dim=(1, 2, 3)) * (127.5 / 128)
        first.weight.copy_(first.weight.flip(1) / 128)
    return network.eval().to(device)


def _judged(
    network: nn.Module, side: int, sums: Tensor, squares: Tensor, owners: Tensor, threshold: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Squares, scores, shifts and owners of the candidates that *network* scores over *threshold*.

    Candidates that lie outside their picture are dropped.
    """
    height, width = sums.shape[1] - 1, sums.shape[2] - 1
    corners = squares.trunc().long()
    start = corners[:, :2].clamp(min=1) - 1
    end = torch.minimum(corners[:, 2:], torch.tensor([width, height], device=sums.device))
    inside = (end > start).all(dim=1)
    squares, owners = squares[inside], owners[inside]
    spans = torch.cat([start, end], dim=1)[inside]
    outputs = [
        network(cut_out(sums, owners[at : at + _CROPS_AT_ONCE], spans[at : at + _CROPS_AT_ONCE], side))
        for at in range(0, len(squares), _CROPS_AT_ONCE)
    ]
    if not outputs:
        return squares, torch.zeros(0, device=sums.device), squares, owners
    scores = torch.cat([output[-1][:, 1] for output in outputs])
    shifts = torch.cat([output[0] for output in outputs])
    passed = scores > threshold
    return squares[passed], scores[passed], shifts[passed], owners[passed]


def _shifted(boxes: Tensor, shifts: Tensor, extra_px: int = 1) -> Tensor:
    """Each corner moved by its shift, which is in units of the sides: a pixel longer where corners are pixels."""
    sides = (boxes[:, 2:] - boxes[:, :2] + extra_px).repeat(1, 2)
    return boxes + shifts * sides


def _squared(boxes: Tensor) -> Tensor:
    """The square around each box: same centre, its longer side."""
    centres, longest = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).amax(dim=1, keepdim=True)
    return torch.cat([centres - longest / 2, centres + longest / 2], dim=1)


def _without_nested(rows: np.ndarray) -> np.ndarray:
    """*rows* (N, 5) less those of which a better one holds too much: intersection over the smaller of the two areas."""
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    kept: list[np.ndarray] = []
    for row in rows:
        if all(_nesting(row, better) <= _OVERLAP for better in kept):
            kept.append(row)
    return np.array(kept, np.float32).reshape(-1, 5)


def _nesting(a: np.ndarray, b: np.ndarray) -> float:
    width, height = np.minimum(a[2:4], b[2:4]) - np.maximum(a[:2], b[:2]) + 1
    smaller = min(np.prod(a[2:4] - a[:2] + 1), np.prod(b[2:4] - b[:2] + 1))
    return float(max(0, width) * max(0, height) / smaller)
