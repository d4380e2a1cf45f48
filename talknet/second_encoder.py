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

from collections.abc import Iterator, Sequence
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

    def spatial(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Run the part on each picture alone: (N, C, H, W) to one (N, C', H', W') for each branch of the block."""
        ...

    def temporal(self, branches: Sequence[Tensor], ends: bool | None) -> Tensor:
        """Run the part along time on each pixel alone, on (N, C', L, pixels).

        Args:
            branches: result of ``spatial``.
            ends: True: zeros lie before and behind, L frames come out; None: zeros lie behind, L - r come out, the
                first r missing; False: neither, L - 2 r come out.
        """
        ...


Features = list[tuple[Tensor, ...]]
"""Results of ``spatial`` for some seconds, block by block: (S, L, H, W, C) for each branch."""


class SecondEncoder(nn.Module):
    """Encoder that runs three blocks over the seconds of tracks.

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
            (S, L, 128) float32, and the features that ``tails`` and ``heads`` take.
        """
        count, length = crops.shape[:2]
        features: Features = []
        x = normalised(crops.flatten(0, 1), self.dtype)[:, None]
        for number, block in enumerate(self._blocks()):
            branches = block.spatial(halved(x) if number else x)
            size = branches[0].shape[2:]
            features.append(tuple(_by_second(branch, count, length) for branch in branches))
            x = _pictures(block.temporal([_over_time(branch) for branch in features[-1]], True), size)
        return x.float().amax(dim=(2, 3)).view(count, length, -1), features

    def joints(self, before: Features, behind: Features) -> Tensor:
        """The frames around marks, as if there were none.

        Args:
            before: ``tails`` of the J seconds before the marks.
            behind: ``heads`` of the J seconds behind them.

        Returns:
            (J, 3 r + min(3 r, frames behind), 128) float32: the frames around each mark.
        """
        count, pictures = len(before[0][0]), None
        for number, block in enumerate(self._blocks(), start=1):
            parts = [before[number - 1], behind[number - 1]]
            if pictures is not None:
                middle = block.spatial(halved(pictures))
                parts.insert(1, tuple(_by_second(branch, count, len(branch) // count) for branch in middle))
            segments = [torch.cat(branch, dim=1) for branch in zip(*parts, strict=True)]
            size, frames = segments[0].shape[2:4], segments[0].shape[1] - block.reach * (number + 1)
            full = frames == block.reach * (number + 1)
            out = block.temporal([_over_time(segment) for segment in segments], False if full else None)
            pictures = _pictures(out[:, :, : block.reach * number + min(frames, block.reach * number)], size)
        assert pictures is not None
        return pictures.float().amax(dim=(2, 3)).view(count, -1, pictures.shape[1])

    def tails(self, features: Features) -> Features:
        """Return the features of full seconds before a mark that ``joints`` needs."""
        return [
            tuple(x[:, SECOND_FRAMES - r * (number + 1) : SECOND_FRAMES - r * (number - 1)] for x in branches)
            for number, r, branches in self._numbered(features)
        ]

    def heads(self, features: Features) -> Features:
        """Return the features behind a mark that ``joints`` needs: of full seconds, or of fewer frames at the end."""
        return [
            tuple(x[:, r * (number - 1) : r * (number + 1)] for x in branches)
            for number, r, branches in self._numbered(features)
        ]

    def _numbered(self, features: Features) -> Iterator[tuple[int, int, tuple[Tensor, ...]]]:
        reaches = (block.reach for block in self._blocks())
        return ((number, *pair) for number, pair in enumerate(zip(reaches, features, strict=True), start=1))

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
