"""Measurements of networks: stand-in weights, clocks, operations, and the peak of a device."""

from __future__ import annotations

import platform
import statistics
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def fill_reproducibly(network: nn.Module) -> None:
    """Fill every tensor of *network* with numbers that depend on its name alone and keep signals alive."""
    filled = {name: _numbers(name, tensor) for name, tensor in network.state_dict().items()}
    network.load_state_dict(filled, strict=True)


def _numbers(name: str, tensor: Tensor) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.zeros_like(tensor)
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(tuple(tensor.shape))
    if name.endswith("running_var"):
        noise = 1 + 0.1 * np.abs(noise)
    elif tensor.ndim >= 2 and not name.endswith(("gamma", "beta")):
        noise = noise * np.sqrt(2 / max(int(np.prod(tensor.shape[1:])), 1))
    elif name.endswith((".weight", "gamma")):
        noise = 1 + 0.1 * noise
    else:
        noise = 0.1 * noise
    return torch.from_numpy(noise.astype(np.float32))


def seconds_of(device: torch.device, work: Callable[[], object]) -> float:
    """Return the wall time of *work*, the device's own queue included."""
    _wait(device)
    start = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - start


def medians(device: torch.device, runs: int, *works: Callable[[], object]) -> list[float]:
    """Return the median wall time of each work, over *runs* rounds in which they take turns, after one to warm up."""
    times: list[list[float]] = [[] for _ in works]
    for number in range(runs + 1):
        for taken, work in zip(times, works, strict=True):
            seconds = seconds_of(device, work)
            if number:
                taken.append(seconds)
    return [statistics.median(taken) for taken in times]


def flops_of(work: Callable[[], object]) -> int:
    """Count the floating-point operations in convolutions and matrix products of *work*; multiply-add counts as two."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def matmul_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Return the operations a second that the device reaches on a large square matrix product: the best of twenty."""
    size = 8192 if device.type == "cuda" else 2048
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    torch.matmul(left, right)
    return 2 * size**3 / min(seconds_of(device, lambda: torch.matmul(left, right)) for _ in range(20))


def machine(device: torch.device) -> dict[str, Any]:
    """Return device, threads and version of PyTorch, for the JSON line."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = str(torch.cpu.get_capabilities().get("cpu_name", platform.processor()))
    return {"device": str(device), "device_name": name, "threads": torch.get_num_threads(), "torch": torch.__version__}


def largest_memory_mib(device: torch.device) -> float | None:
    """Return the peak of memory allocated on a GPU since the start, in MiB; None on a CPU."""
    return round(torch.cuda.max_memory_allocated(device) / 2**20, 1) if device.type == "cuda" else None


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
