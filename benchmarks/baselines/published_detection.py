"""S3FD as the published demos of TalkNet run it: the yardstick of ``benchmarks.detection``.

One frame after another, float32, channels first, priors computed anew, boxes decoded for every prior, and two
suppressions, the last one box by box in NumPy.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import nms

from s3fd.boxes import FINAL_OVERLAP, MAX_CANDIDATES, MAX_FACES, OVERLAP, decoded, priors
from s3fd.network import MEAN_RGB, S3fdNetwork

MIN_SCORE = 0.05
"""Score over which a box enters the first suppression."""


@torch.inference_mode()
def plain_faces(network: S3fdNetwork, frame: np.ndarray, scale: float, threshold: float) -> np.ndarray:
    """Return (N, 5): x1, y1, x2, y2 in pixels of *frame* (H, W, 3) BGR, and score."""
    offsets, logits, sizes, (height, width) = plain_outputs(network, frame, scale)
    prior = priors.__wrapped__(height, width, tuple(sizes), offsets.device)
    boxes, scores = decoded(offsets[0], prior), logits.softmax(dim=2)[0, :, 1]
    boxes, scores = boxes[scores > MIN_SCORE], scores[scores > MIN_SCORE]
    best = scores.argsort(descending=True)[:MAX_CANDIDATES]
    kept = best[nms(boxes[best], scores[best], OVERLAP)][:MAX_FACES]
    found = torch.cat([boxes[kept], scores[kept, None]], dim=1).cpu().numpy()
    found = found[found[:, 4] > threshold]
    found[:, :4] *= np.array([frame.shape[1], frame.shape[0]] * 2, np.float32)
    return found[_kept(found)]


@torch.inference_mode()
def plain_outputs(
    network: S3fdNetwork, frame: np.ndarray, scale: float
) -> tuple[Tensor, Tensor, list[tuple[int, int]], tuple[int, int]]:
    """Return (1, P, 4) offsets, (1, P, 2) logits, and the sizes of the maps and of the picture that is read."""
    rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    small = cv2.resize(rgb, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    pixels = torch.from_numpy(small.astype(np.float32) - np.array(MEAN_RGB, np.float32)).permute(2, 0, 1)[None]
    x = pixels.contiguous().to(next(network.parameters()).device)
    norms = {16: network.L2Norm3_3, 23: network.L2Norm4_3, 30: network.L2Norm5_3}
    maps = []
    for number, layer in enumerate(network.vgg):
        if number in norms:
            length = x.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10
            maps.append(x / length * norms[number].weight[None, :, None, None])
        pools = number in (4, 9, 16, 23, 30)
        x = functional.max_pool2d(x, 2, 2, ceil_mode=number == 16) if pools else layer(x)
    maps.append(x)
    for number, layer in enumerate(network.extras):
        x = functional.relu(layer(x))
        if number % 2 == 1:
            maps.append(x)
    offsets = [head(features) for head, features in zip(network.loc, maps, strict=True)]
    logits = [head(features) for head, features in zip(network.conf, maps, strict=True)]
    logits[0] = torch.cat([logits[0][:, :3].max(dim=1, keepdim=True)[0], logits[0][:, 3:]], dim=1)
    flat = [[m.permute(0, 2, 3, 1).flatten(1) for m in group] for group in (offsets, logits)]
    loc, conf = torch.cat(flat[0], dim=1).view(1, -1, 4), torch.cat(flat[1], dim=1).view(1, -1, 2)
    return loc, conf, [(m.shape[2], m.shape[3]) for m in maps], small.shape[:2]


def _kept(found: np.ndarray) -> list[int]:
    """Return the rows that no better row overlaps by more than ``FINAL_OVERLAP``."""
    areas = (found[:, 2] - found[:, 0]) * (found[:, 3] - found[:, 1])
    order, kept = found[:, 4].argsort()[::-1], []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        starts, ends = np.maximum(found[best, :2], found[rest, :2]), np.minimum(found[best, 2:4], found[rest, 2:4])
        shared = np.prod(np.maximum(ends - starts, 0), axis=1)
        order = rest[shared / (areas[best] + areas[rest] - shared) <= FINAL_OVERLAP]
    return kept
