"""Published networks and their weights, or reproducible numbers in their place: they cost the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from benchmarks.common.measuring import fill_reproducibly
from pipeline.checkpoint import load_weights
from s3fd.network import S3fdNetwork
from talknet.light_asd import LightAsd
from talknet.lr_asd import LrAsd
from talknet.talknet_layout import TalkNet

SPEAKER_LAYOUTS = {"talknet": TalkNet, "lr-asd": LrAsd, "light-asd": LightAsd}
SPEAKER_FILES = {
    "talknet": "pretrain_TalkSet.model",
    "lr-asd": "lr_asd_talkset.model",
    "light-asd": "light_asd_talkset.model",
}
S3FD_FILE = "sfd_face.pth"
S3FD_THRESHOLD = 0.9
"""Score of a face, as in the published demos."""

Network = TypeVar("Network", bound=nn.Module)


def find_weights(weights_dir: Path | None, name: str) -> Path | None:
    """Return the file *name* of a folder of weights; None where it is missing."""
    path = weights_dir / name if weights_dir else None
    return path if path is not None and path.is_file() else None


def load_or_fill(network: Network, path: Path | None, fill: Callable[[Network], None] = fill_reproducibly) -> None:
    """Load the weights in *path* into *network*; where there are none, fill it with stand-in numbers.

    Raises:
        WeightsError: the file is damaged, or of another network.
    """
    if path is None:
        fill(network)
    else:
        load_weights(network, path)


def load_or_write(
    network: Network, path: Path | None, stand_in: Path, fill: Callable[[Network], None] = fill_reproducibly
) -> Path:
    """Do as `load_or_fill`; return the file of the weights. Stand-in numbers are written to *stand_in*."""
    load_or_fill(network, path, fill)
    if path is not None:
        return path
    torch.save(network.state_dict(), stand_in)
    return stand_in


def fill_s3fd(network: S3fdNetwork) -> None:
    """Fill S3FD with numbers whose boxes stay of the size of pictures and whose best scores stay below one."""
    fill_reproducibly(network)
    with torch.no_grad():
        for heads, factor in ((network.loc, 0.05), (network.conf, 0.03)):
            for tensor in heads.parameters():
                tensor *= factor
