"""Loader of PyTorch's weights files, which are not trusted, into modules, with every name and shape checked.

A published checkpoint is a pickle, and a pickle may run code. The files are therefore read with ``weights_only=True``,
which builds tensors and plain containers and refuses everything else. Nor may a small file become a large network:
compressed files are refused, and no tensor may be larger than the file.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import WeightsError

DATA_PARALLEL_PREFIX = "module."
"""Prefix that ``torch.nn.DataParallel`` puts before every tensor name; stripped, once, where all names carry it."""

_SHOWN_NAMES = 3


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a weights file by name, on the CPU, without the prefix of ``DataParallel``.

    Args:
        path: a file written by ``torch.save`` that holds one flat mapping of names to tensors.

    Raises:
        WeightsError: the file is missing, cannot be read, is no checkpoint, or asks for more than tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError.missing(path)
    return _without_prefix(checked_tensors(unpickled(path), path))


def unpickled(path: Path) -> Any:
    """Read the content of a weights file: tensors in plain containers, on the CPU.

    Args:
        path: a file written by ``torch.save``.

    Raises:
        WeightsError: the file cannot be read, is no checkpoint, or asks for more than tensors.
    """
    try:
        _check_packing(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: refused, because the file is no plain checkpoint: it is damaged, or its pickle asks for more "
            f"than tensors, and loading it could run foreign code ({_first_line(error)}). Fetch the file again"
        ) from error
    except Exception as error:  # PyTorch's reader raises nearly anything on a damaged file, IndexError among others.
        raise WeightsError(
            f"{path}: not a readable weights file ({type(error).__name__}: {_first_line(error)}). "
            "It may be damaged or cut short: delete it and fetch it again"
        ) from error


def checked_tensors(content: Any, path: Path) -> dict[str, Tensor]:
    """Return the tensors of a mapping by name, after checking that a network can be filled with all of them.

    Args:
        content: content of a weights file.
        path: the file, for the message.

    Raises:
        WeightsError: it is no mapping of names to dense real tensors, or a tensor is larger than the file.
    """
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path}: expected a mapping of tensor names to tensors, got {type(content).__name__}")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise WeightsError(f"{path}: expected a tensor under {name!r}, got {type(value).__name__}")
        if value.layout != torch.strided or value.device.type != "cpu" or value.is_nested or value.is_quantized:
            raise WeightsError(f"{path}: expected a dense tensor under {name!r}, got {value.type()}")
        if value.is_complex():
            raise WeightsError(f"{path}: expected real numbers under {name!r}, got {value.dtype}")
        if value.numel() * value.element_size() > path.stat().st_size:
            raise WeightsError(f"{path}: {name!r} ({_shape(value)}) is larger than the file: it is no plain checkpoint")
    return dict(content)


def load_weights(module: nn.Module, path: Path) -> None:
    """Copy the tensors of a weights file into *module*, all of them and nothing else.

    Args:
        module: the network, with the tensor names of the published file.
        path: the weights file.

    Raises:
        WeightsError: those of ``read_checkpoint``; or a tensor is missing, added, or of another shape. It names the
            tensor.
    """
    found = read_checkpoint(path)
    check_layout(found, module.state_dict(), Path(path))
    module.load_state_dict(found, strict=True)


def check_layout(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    """Compares the names and shapes of a checkpoint with those that a network expects.

    Args:
        found: tensors of the file.
        expected: tensors of the network, as of ``state_dict()``.
        path: the file, for the message.

    Raises:
        WeightsError: naming every kind of difference and the first few tensors of each.
    """
    differences = []
    if missing := [name for name in expected if name not in found]:
        differences.append(f"it lacks {_listed(missing)}")
    if added := [name for name in found if name not in expected]:
        differences.append(f"it adds {_listed(added)}")
    if misshaped := [name for name in expected if name in found and found[name].shape != expected[name].shape]:
        told = [f"{name} ({_shape(found[name])}, expected {_shape(expected[name])})" for name in misshaped]
        differences.append(f"it misshapes {_listed(told)}")
    if differences:
        raise WeightsError(
            f"{path}: these are the weights of another network: {'; '.join(differences)}. "
            "Check that the file belongs to the chosen model"
        )


def _check_packing(path: Path) -> None:
    """Refuse a compressed file, which could unpack to any size; ``torch.save`` stores tensors as they are."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            size = sum(member.file_size for member in file.infolist())
        if size > path.stat().st_size:
            raise WeightsError(f"{path}: refused, because it is packed: {size} bytes would come out. Fetch it again")


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    if all(name.startswith(DATA_PARALLEL_PREFIX) for name in tensors):
        return {name.removeprefix(DATA_PARALLEL_PREFIX): tensor for name, tensor in tensors.items()}
    return tensors


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN_NAMES])
    more = len(names) - _SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _shape(tensor: Tensor) -> str:
    return "x".join(str(size) for size in tensor.shape) or "scalar"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "no message")
