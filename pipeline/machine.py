"""Resources of this machine, and the values of the settings' ``auto`` that depend on it."""

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
from pipeline.settings import as_list, unless_auto

DETECT_EVERY_CPU = 5
"""``DETECT_EVERY`` of ``auto`` where vision runs on CPU: looking for faces is by far the slowest part there."""

AMD_DRIVER = Path("/dev/kfd")
"""Device file of AMD's driver for Linux."""


class ResolvedConfig(Config):
    """Settings without ``auto`` for devices and processes; `resolved` makes them.

    Its fields are those of `Config` in their order, some of a narrower type. A function that reads none of these takes
    any `Config`. The other settings keep their ``auto``: it depends on a model, a source, the number of workers or the
    machine of each worker.
    """

    __slots__ = ()

    WHISPER_DEVICE: tuple[str, ...]
    VISION_DEVICE: tuple[str, ...]
    """Devices of either, each ``cpu`` or ``cuda:N``."""
    DETECT_EVERY: int
    NUM_PREPROCESS_WORKERS: int
    VISION_WORKERS: int

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ResolvedConfig.__annotations__:
            if isinstance(value := getattr(self, name), str):
                raise ValueError(f"ResolvedConfig: expected {name} as `resolved` makes it, got {value!r}")


def resolved(config: Config, count_gpus: Callable[[], int] | None = None) -> ResolvedConfig:
    """Return *config* with every ``auto`` for devices and processes replaced by its value on this machine.

    Args:
        config: settings.
        count_gpus: function that counts the GPUs of a cluster, where the work is done there. Its workers see the GPUs
            that are given to them only.

    Raises:
        InputError: ``bad_setting`` when a device is asked for that is not here.
    """
    asked = {*as_list(config.WHISPER_DEVICE), *as_list(config.VISION_DEVICE)}
    gpus = 0 if asked == {"cpu"} else min(count_gpus(), 1) if count_gpus else gpu_count()
    vision = devices_of("VISION_DEVICE", config.VISION_DEVICE, "cuda:1" if gpus > 1 else "cuda:0", gpus)
    is_on_cpu = vision == ("cpu",)
    decoders = unless_auto(config.NUM_PREPROCESS_WORKERS, min(max(core_count() // 2, 2), 8))
    seers = min(decoders, core_count()) if is_on_cpu and count_gpus is None else 1
    values = {each.name: getattr(config, each.name) for each in dataclasses.fields(config)} | {
        "WHISPER_DEVICE": devices_of("WHISPER_DEVICE", config.WHISPER_DEVICE, "cuda:0", gpus),
        "VISION_DEVICE": vision,
        "DETECT_EVERY": unless_auto(config.DETECT_EVERY, DETECT_EVERY_CPU if is_on_cpu else 1),
        "NUM_PREPROCESS_WORKERS": decoders,
        "VISION_WORKERS": unless_auto(config.VISION_WORKERS, seers),
    }
    kind = type(config) if isinstance(config, ResolvedConfig) else ResolvedConfig
    return kind(**values)


def videos_in_flight(config: ResolvedConfig, auto: int | None = None) -> int:
    """Return the number of videos that may be begun and not finished.

    Args:
        config: settings.
        auto: value of ``auto`` on a cluster, where it depends on the number of workers; None: the local one.
    """
    return unless_auto(config.MAX_VIDEOS_IN_FLIGHT, config.NUM_PREPROCESS_WORKERS + 2 if auto is None else auto)


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
