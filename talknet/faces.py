"""Both versions of the faces of some blocks: whole, and cut at every whole second (see ``second_encoder``).

Every window of 1 to 6 s is put together from the two, so that pictures pass through a network once for the block and
once more for the few frames beside marks between seconds, instead of six times.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from talknet.batches import Batches
from talknet.second_encoder import EMBEDDING, Features, SecondEncoder
from talknet.talknet import TRUNK_REACH, Trunk
from talknet.windows import SECOND_FRAMES


def trunk_faces(trunk: Trunk, blocks: Sequence[Tensor], batches: Batches) -> Tensor:
    """The faces of blocks as TalkNet's trunk sees them.

    Args:
        trunk: the trunk, on the device of the blocks.
        blocks: (n, 112, 112) uint8 each.
        batches: of the kind ``frames``.

    Returns:
        (sum of 2 n, 512) float32: for each block n whole embeddings, then n cut ones.
    """
    neighbours, present, offset = [], [], 0
    for block in blocks:
        for first, last, numbers in _trunk_passes(len(block)):
            around = numbers[:, None] + torch.arange(-TRUNK_REACH, TRUNK_REACH + 1)
            inside = (around >= first[:, None]) & (around < last[:, None])
            neighbours.append(offset + around.clamp(0, len(block) - 1))
            present.append(inside)
        offset += len(block)
    crops, device = torch.cat(list(blocks)), blocks[0].device
    order, inside = torch.cat(neighbours).to(device), torch.cat(present).to(device)
    parts = batches.run("frames", len(order), lambda start, stop: trunk(crops[order[start:stop]], inside[start:stop]))
    embeddings = torch.cat([part for _, _, part in parts])
    return _both_versions(embeddings, [len(block) for block in blocks])


def _trunk_passes(frames: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """First frame, past-the-last frame and number of what is computed of a block: all frames whole, then those cut."""
    number = torch.arange(frames)
    whole = (torch.zeros_like(number), torch.full_like(number, frames), number)
    beside = _beside_marks(frames)
    second = beside // SECOND_FRAMES * SECOND_FRAMES
    return [whole, (second, second + SECOND_FRAMES, beside)]


def _beside_marks(frames: int) -> Tensor:
    """Frames whose neighbours lie in more than one second of a block."""
    number = torch.arange(frames)
    after_mark = (number >= SECOND_FRAMES) & (number % SECOND_FRAMES < TRUNK_REACH)
    next_mark = (number // SECOND_FRAMES + 1) * SECOND_FRAMES
    before_mark = (next_mark < frames) & (number >= next_mark - TRUNK_REACH)
    return number[after_mark | before_mark]


def _both_versions(embeddings: Tensor, block_frames: Sequence[int]) -> Tensor:
    versions, at = [], 0
    for frames in block_frames:
        beside = _beside_marks(frames).to(embeddings.device)
        whole = embeddings[at : at + frames]
        cut = whole.clone()
        cut[beside] = embeddings[at + frames : at + frames + len(beside)]
        versions += [whole, cut]
        at += frames + len(beside)
    return torch.cat(versions)


def second_faces(encoder: SecondEncoder, blocks: Sequence[Tensor], batches: Batches) -> Tensor:
    """The faces of blocks as LR-ASD and Light-ASD see them.

    Args:
        encoder: the encoder, on the device of the blocks.
        blocks: (n, 112, 112) uint8 each.
        batches: of the kind ``seconds``.

    Returns:
        (sum of 2 n, 128) float32: for each block n whole embeddings, then n cut ones.
    """
    shapes = [(2, len(block), EMBEDDING) for block in blocks]
    versions = [torch.empty(shape, device=block.device) for shape, block in zip(shapes, blocks, strict=True)]
    before = _full_seconds(encoder, blocks, versions, batches)
    for number, (block, (whole, cut)) in enumerate(zip(blocks, versions, strict=True)):
        mark = len(block) // SECOND_FRAMES * SECOND_FRAMES
        if mark == len(block):
            continue
        embeddings, features = encoder.cut_seconds(block[None, mark:])
        whole[mark:] = cut[mark:] = embeddings[0]
        if mark:
            around = encoder.joints(before[number], encoder.heads(features))[0]
            first = mark - encoder.reach
            whole[first : first + len(around)] = around
    return torch.cat([version.flatten(0, 1) for version in versions])


def _full_seconds(
    encoder: SecondEncoder, blocks: Sequence[Tensor], versions: Sequence[Tensor], batches: Batches
) -> dict[int, Features]:
    """Fill *versions* for all full seconds; give the tails of those behind which a block has some frames more."""
    seconds = [
        (number, start)
        for number, block in enumerate(blocks)
        for start in range(0, len(block) - SECOND_FRAMES + 1, SECOND_FRAMES)
    ]
    last: Features = []
    open_ended: dict[int, Features] = {}

    def pass_over(first: int, stop: int) -> tuple[Tensor, Tensor | None, Features]:
        crops = torch.stack([blocks[block][start : start + SECOND_FRAMES] for block, start in seconds[first:stop]])
        embeddings, features = encoder.cut_seconds(crops)
        tails, heads = encoder.tails(features), encoder.heads(features)
        joined = [number for number in range(first, stop) if seconds[number][1] > 0]
        if not joined:
            return embeddings, None, tails
        before = _chosen(_shifted(last, tails), joined, first, stop)
        return embeddings, encoder.joints(before, _chosen(heads, joined, first, stop)), tails

    for first, stop, (embeddings, around, tails) in batches.run("seconds", len(seconds), pass_over):
        joints = iter(()) if around is None else iter(around)
        for embedding, (block, start) in zip(embeddings, seconds[first:stop], strict=True):
            versions[block][:, start : start + SECOND_FRAMES] = embedding
            if start:
                versions[block][0, start - encoder.reach : start + encoder.reach] = next(joints)
        for number, (block, start) in enumerate(seconds[first:stop]):
            if start + SECOND_FRAMES < len(blocks[block]) < start + 2 * SECOND_FRAMES:
                open_ended[block] = [tuple(x[number : number + 1].clone() for x in branches) for branches in tails]
        last = [tuple(x[-1:].clone() for x in branches) for branches in tails]
    return open_ended


def _shifted(last: Features, features: Features) -> Features:
    """Of each second the features of the one before it; of the first, *last*, or its own where there is none."""
    if not last:
        last = [tuple(x[:1] for x in branches) for branches in features]
    pairs = zip(last, features, strict=True)
    return [tuple(torch.cat([a, b[:-1]]) for a, b in zip(kept, new, strict=True)) for kept, new in pairs]


def _chosen(features: Features, numbers: Sequence[int], first: int, stop: int) -> Features:
    """Features of some of the seconds first to stop."""
    if len(numbers) == stop - first:
        return features
    places = torch.tensor(numbers, device=features[0][0].device) - first
    return [tuple(x[places] for x in branches) for branches in features]
