"""Priors, decoding and suppression of S3FD. Pure.

Constants are those of the PyTorch port that the demos of TalkNet use (github.com/cs-giung/face-detection-pytorch).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torchvision.ops import nms

from s3fd.network import STRIDES_PX

PRIOR_SIDES_PX = (16, 32, 64, 128, 256, 512)
"""Side of the square prior on each feature map: four times its stride."""

VARIANCES = (0.1, 0.2)
"""Factors of the offsets of centre and of size before they are applied."""

OVERLAP = 0.3
"""Overlap over which the weaker of two boxes is dropped."""

FINAL_OVERLAP = 0.1
"""The same for the boxes that pass the score: the demos suppress twice."""

MAX_CANDIDATES = 5000
"""Best candidates of a picture that enter suppression."""

MAX_FACES = 750
"""Best boxes of a picture that leave it."""


@lru_cache(maxsize=32)
def priors(height: int, width: int, map_sizes: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
    """Return (P, 4) float32 priors of one picture size: centre x, centre y, width, height, in shares of the picture.

    Args:
        height: height of the picture that the network reads.
        width: its width.
        map_sizes: height and width of each of the six feature maps.
        device: device of the result, which is kept, so that a size is computed once.
    """
    sizes = torch.tensor([width, height], dtype=torch.float64)
    parts = []
    for (rows, columns), stride, side in zip(map_sizes, STRIDES_PX, PRIOR_SIDES_PX, strict=True):
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        centres = (torch.stack([x, y], dim=2).reshape(-1, 2).double() + 0.5) * stride / sizes
        parts.append(torch.cat([centres, (side / sizes).expand(len(centres), 2)], dim=1))
    return torch.cat(parts).float().to(device)


def decoded(offsets: Tensor, prior: Tensor) -> Tensor:
    """Boxes x1, y1, x2, y2 in shares of the picture.

    Args:
        offsets: (..., P, 4) of the network.
        prior: (P, 4), result of ``priors``.

    Returns:
        (..., P, 4) float32.
    """
    centres = prior[:, :2] + offsets[..., :2] * VARIANCES[0] * prior[:, 2:]
    sizes = prior[:, 2:] * torch.exp(offsets[..., 2:] * VARIANCES[1])
    starts = centres - sizes / 2
    return torch.cat([starts, starts + sizes], dim=-1)


def best_boxes(boxes: Tensor, scores: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Return the boxes of one picture over a score, less those that a better one overlaps; best first.

    A box suppresses only worse ones, so that a higher threshold gives a prefix of what a lower one gives.

    Args:
        boxes: (P, 4).
        scores: (P,).
        threshold: a score must be above it.

    Returns:
        (N, 4) and (N,), N <= ``MAX_FACES``.
    """
    passed = torch.nonzero(scores > threshold)[:, 0]
    if len(passed) > MAX_CANDIDATES:
        passed = passed[torch.topk(scores[passed], MAX_CANDIDATES).indices]
    kept = passed[nms(boxes[passed], scores[passed], OVERLAP)[:MAX_FACES]]
    return boxes[kept], scores[kept]


def face_scores(logits: Tensor) -> Tensor:
    """(B, P) probabilities of a face from (B, P, 2) logits of background and face."""
    return logits.softmax(dim=2)[..., 1]


def faces(
    offsets: Tensor, scores: Tensor, prior: Tensor, picture_px: Sequence[int], threshold: float
) -> list[tuple[Tensor, Tensor]]:
    """Return the faces of each picture of a batch.

    Args:
        offsets: (B, P, 4) of the network.
        scores: (B, P), result of ``face_scores``.
        prior: (P, 4).
        picture_px: width and height of the picture that the boxes are wanted in.
        threshold: a score must be above it.

    Returns:
        For each picture (N, 4) x1, y1, x2, y2 in its pixels and (N,) scores, best first.
    """
    factor = torch.tensor([*picture_px, *picture_px], dtype=torch.float32, device=offsets.device)
    found = []
    for offset, score in zip(offsets, scores, strict=True):
        passed = torch.nonzero(score > threshold)[:, 0]
        boxes, best = best_boxes(decoded(offset[passed], prior[passed]), score[passed], threshold)
        boxes = boxes * factor
        kept = nms(boxes, best, FINAL_OVERLAP)
        found.append((boxes[kept], best[kept]))
    return found
