"""Resources of this machine, and the values of every ``auto`` of the settings on it."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from config import Config
from pipeline.errors import InputError
from pipeline.settings import as_list

DETECT_EVERY_CPU = 5
"""``DETECT_EVERY`` of ``auto`` where vision runs on CPU: looking for faces is by far the slowest part there."""

AMD_DRIVER = Path("/dev/kfd")
"""Device file of AMD's driver for Linux."""


def resolved(config: Config, count_gpus: Callable[[], int] | None = None) -> Config:
    """Return *config* with every ``auto`` for devices and processes replaced by its value on this machine.

    Args:
        config: settings.
        count_gpus: function that counts the GPUs of a cluster, where the work is done there. Its workers see the GPUs
            that are given to them only, and ``MAX_VIDEOS_IN_FLIGHT`` stays ``auto``, as it depends on the number of
            workers.

    Raises:
        InputError: ``bad_setting`` when a device is asked for that is not here.
    """
    asked = {*as_list(config.WHISPER_DEVICE), *as_list(config.VISION_DEVICE)}
    gpus = 0 if asked == {"cpu"} else min(count_gpus(), 1) if count_gpus else gpu_count()
    vision = devices_of("VISION_DEVICE", config.VISION_DEVICE, "cuda:1" if gpus > 1 else "cuda:0", gpus)
    every = config.DETECT_EVERY
    if isinstance(every, str):
        every = DETECT_EVERY_CPU if vision == ("cpu",) else 1
    decoders = config.NUM_PREPROCESS_WORKERS
    if isinstance(decoders, str):
        decoders = min(max(core_count() // 2, 2), 8)
    seers = config.VISION_WORKERS
    if isinstance(seers, str):
        seers = min(decoders, core_count()) if vision == ("cpu",) and count_gpus is None else 1
    in_flight = config.MAX_VIDEOS_IN_FLIGHT
    if isinstance(in_flight, str) and count_gpus is None:
        in_flight = decoders + 2
    return dataclasses.replace(
        config,
        WHISPER_DEVICE=devices_of("WHISPER_DEVICE", config.WHISPER_DEVICE, "cuda:0", gpus),
        VISION_DEVICE=vision,
        DETECT_EVERY=every,
        NUM_PREPROCESS_WORKERS=decoders,
        VISION_WORKERS=seers,
        MAX_VIDEOS_IN_FLIGHT=in_flight,
    )


def devices_of(name: str, wanted: str | tuple[str, ...], auto: str, gpus: int) -> tuple[str, ...]:
    """Return the devices of one setting, each as ``cpu`` or ``cuda:N``.

    Args:
        name: name of the setting, for the message.
        wanted: its value.
        auto: value of ``auto`` where there is a GPU.
        gpus: number of GPUs.
    """
    devices = []
    for device in as_list(wanted):
        if device == "auto":
            device = auto if gpus else "cpu"
        elif device == "cuda":
            device = "cuda:0"
        if device != "cpu" and int(device.removeprefix("cuda:")) >= gpus:
            here = f"cuda:0 to cuda:{gpus - 1}" if gpus > 1 else "cuda:0" if gpus else "no GPU that PyTorch can use"
            raise InputError("bad_setting", f"{name} is {device!r}; this machine has {here}. cpu always works")
        devices.append(device)
    return tuple(devices)


def gpu_count() -> int:
    """Count the GPUs that PyTorch can use, without a CUDA context, and without loading PyTorch where there is no
    driver."""
    if sys.platform == "linux" and not _has_driver():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _has_driver() -> bool:
    """Return True where there is a driver that PyTorch for Linux can use: NVIDIA's library, which it opens itself, or
    AMD's."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return AMD_DRIVER.exists()
    return True


def core_count() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def unnamed_memory() -> tuple[int, bool]:
    """Make a piece of memory without a name, for processes that are given its descriptor.

    Returns:
        The descriptor, and True for anonymous memory (memfd), which needs Linux 3.17 and may be forbidden in a
        container; False for an unnamed file in the folder for temporary files, which does the same more slowly.

    Raises:
        OSError: neither can be had.
    """
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):
            return os.memfd_create("lipgen-ring"), True
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno()), False
