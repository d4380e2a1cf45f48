"""Faces and sound of LR-ASD and Light-ASD: the same three-block plan, with blocks of their own.

Both networks look at pictures one by one and at time pixel by pixel, in turns, three times. A frame of the result
depends on ``3 r`` frames each way, r being the reach of one block; beyond the edge of a window lie zeros. Every window
that is asked for begins and ends on a whole second (or with the track), so two versions of each frame are enough:

- *cut*: as if the second that the frame lies in were all there is;
- *whole*: as if there were no edges but those of the track.

They differ only within 3 r frames of a whole second. So the cut version is computed everywhere, second by second, and
around each mark between two seconds the whole one is computed for those frames alone, from features that the cut
version has left behind: ``r (i + 1)`` frames on each side go into block i, and ``r i`` come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from talknet.layers import halved, normalised
from talknet.windows import SECOND_FRAMES

EMBEDDING = 128
"""Numbers that a frame of picture or of sound becomes."""


class FaceBlock(Protocol):
    """One of the three blocks that pictures pass through."""

    reach: int
    """Frames each way that an output frame depends on."""

    def spatial(self, pictures: Tensor) -> Tensor:
        """What is done to each picture alone: (N, C, H, W) to (N, C', H', W')."""
        ...

    def temporal(self, features: Tensor, ends: bool | None) -> Tensor:
        """What is done along time to each pixel alone, on (N, C', L, pixels).

        Args:
            features: what ``spatial`` gave.
            ends: True: zeros lie before and behind, L frames come out; None: zeros lie behind, L - r come out, the
                first r missing; False: neither, L - 2 r come out.
        """
        ...


Features = list[Tensor]
"""For each block what ``spatial`` gave of some seconds: (S, L, H, W, C)."""


class SecondEncoder(nn.Module):
    """Runs three blocks over the seconds of tracks.

    Args:
        blocks: three ``FaceBlock``; between them pictures are halved.
    """

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.dtype = torch.float32

    @property
    def reach(self) -> int:
        """Frames each way that an embedding depends on."""
        return sum(block.reach for block in self._blocks())

    def cut_seconds(self, crops: Tensor) -> tuple[Tensor, Features]:
        """Seconds of equal length, each as if it were all there is.

        Args:
            crops: (S, L, 112, 112) uint8.

        Returns:
            (S, L, 128) float32, and the features that ``joints`` takes.
        """
        count, length = crops.shape[:2]
        features: Features = []
        x = normalised(crops.flatten(0, 1), self.dtype)[:, None]
        for number, block in enumerate(self._blocks()):
            x = block.spatial(halved(x) if number else x)
            features.append(_by_second(x, count, length))
            x = _pictures(block.temporal(_over_time(features[-1]), True), x.shape[2:])
        return x.float().amax(dim=(2, 3)).view(count, length, -1), features

    def joints(self, before: Features, after: Features) -> Tensor:
        """The frames around marks, as if there were none.

        Args:
            before: of the J seconds before the marks: ``tails`` of their features.
            after: features of the J seconds behind them, of full length, or of fewer frames where the track ends.

        Returns:
            (J, 3 r + min(3 r, frames behind), 128) float32: the frames around each mark.
        """
        pictures, frames = None, after[0].shape[1]
        for number, block in enumerate(self._blocks(), start=1):
            inner, outer = block.reach * (number - 1), block.reach * (number + 1)
            parts = [before[number - 1]]
            if pictures is not None:
                count, length = len(before[0]), pictures.shape[0] // len(before[0])
                parts.append(_by_second(block.spatial(halved(pictures)), count, length))
            parts.append(after[number - 1][:, inner : min(frames, outer)])
            segment = torch.cat(parts, dim=1)
            out = block.temporal(_over_time(segment), None if frames < outer else False)
            kept = block.reach * number + min(frames, block.reach * number)
            pictures = _pictures(out[:, :, :kept], segment.shape[2:4])
        assert pictures is not None
        return pictures.float().amax(dim=(2, 3)).view(len(before[0]), -1, pictures.shape[1])

    def tails(self, features: Features) -> Features:
        """What ``joints`` needs of full seconds that lie before a mark."""
        numbered = enumerate(zip(self._blocks(), features, strict=True), start=1)
        return [
            x[:, SECOND_FRAMES - block.reach * (number + 1) : SECOND_FRAMES - block.reach * (number - 1)]
            for number, (block, x) in numbered
        ]

    def _blocks(self) -> list[FaceBlock]:
        return list(self.blocks)  # pyright: ignore[reportReturnType]


class SoundEncoder(nn.Module):
    """The sound of windows: three blocks, between which time is halved, and the mean over the coefficients.

    Args:
        blocks: three modules from (W, C, 13, steps) to (W, C', 13, steps).
    """

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, mfcc: Tensor) -> Tensor:
        """(W, 4 L, 13) float32 to (W, L, 128)."""
        x = mfcc.transpose(1, 2)[:, None].contiguous(memory_format=torch.channels_last)
        for number, block in enumerate(self.blocks):
            x = block(nn.functional.max_pool2d(x, (1, 3), (1, 2), (0, 1)) if number else x)
        return x.mean(dim=2).transpose(1, 2)


def _by_second(pictures: Tensor, count: int, length: int) -> Tensor:
    """(S * L, C, H, W), channels last, as (S, L, H, W, C)."""
    return pictures.permute(0, 2, 3, 1).unflatten(0, (count, length))


def _over_time(seconds: Tensor) -> Tensor:
    """(S, L, H, W, C) as (S, C, L, H * W), channels last."""
    return seconds.flatten(2, 3).permute(0, 3, 1, 2)


def _pictures(over_time: Tensor, size: Sequence[int]) -> Tensor:
    """(S, C, L, H * W), channels last, as (S * L, C, H, W), channels last."""
    return over_time.permute(0, 2, 3, 1).flatten(0, 1).unflatten(1, tuple(size)).permute(0, 3, 1, 2)
