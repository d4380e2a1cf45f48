"""Values of ``auto`` on machines with and without GPUs."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
import torch  # before a test takes the loading of libraries away

from config import Config
from pipeline import machine
from pipeline.errors import InputError
from pipeline.machine import ResolvedConfig, core_count, devices_of, resolved, videos_in_flight
from tests.support.counting import counting_config


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets how many GPUs this machine seems to have."""
    return lambda count: monkeypatch.setattr(machine, "gpu_count", lambda: count)


@pytest.mark.parametrize(
    ("count", "words", "vision"),
    [(0, "cpu", "cpu"), (1, "cuda:0", "cuda:0"), (2, "cuda:0", "cuda:1"), (4, "cuda:0", "cuda:1")],
)
def test_auto_devices(gpus: Any, count: int, words: str, vision: str) -> None:
    gpus(count)
    got = resolved(Config())
    assert ((words,), (vision,)) == (got.WHISPER_DEVICE, got.VISION_DEVICE)


@pytest.mark.parametrize(
    ("count", "wanted", "got"),
    [
        (0, "cpu", ("cpu",)),
        (1, "cuda", ("cuda:0",)),
        (2, "cuda:1", ("cuda:1",)),
        (4, ("cuda:0", "cuda:1", "cuda:3"), ("cuda:0", "cuda:1", "cuda:3")),
        (1, ("cpu", "cuda:0"), ("cpu", "cuda:0")),
        (2, ("cuda", "cuda:1"), ("cuda:0", "cuda:1")),
    ],
)
def test_named_devices(gpus: Any, count: int, wanted: Any, got: tuple[str, ...]) -> None:
    gpus(count)
    config = resolved(Config(WHISPER_DEVICE=wanted, VISION_DEVICE=wanted))
    assert config.WHISPER_DEVICE == config.VISION_DEVICE == got


@pytest.mark.parametrize("name", ["WHISPER_DEVICE", "VISION_DEVICE"])
@pytest.mark.parametrize(
    ("count", "wanted", "here"),
    [
        (0, "cuda", "no GPU"),
        (0, "cuda:0", "no GPU"),
        (1, "cuda:1", "cuda:0"),
        (2, ("cuda:0", "cuda:2"), "cuda:0 to cuda:1"),
        (4, "cuda:4", "cuda:0 to cuda:3"),
    ],
)
def test_a_device_that_is_not_here_is_refused(gpus: Any, name: str, count: int, wanted: Any, here: str) -> None:
    gpus(count)
    with pytest.raises(InputError) as caught:
        resolved(Config(**{name: wanted}))
    assert caught.value.reason_code == "bad_setting"
    assert name in caught.value.message
    assert here in caught.value.message


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyTorch is asked")
@pytest.mark.parametrize(("nvidia", "amd"), [(False, False), (True, False), (False, True), (True, True)])
def test_pytorch_is_asked_where_there_is_a_driver(
    nvidia: bool, amd: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def load(name: str) -> None:
        if not nvidia:
            raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(machine.ctypes, "CDLL", load)
    monkeypatch.setattr(machine, "AMD_DRIVER", tmp_path if amd else tmp_path / "none")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert machine.gpu_count() == (3 if nvidia or amd else 0)


def test_cpu_does_not_ask_for_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "gpu_count", lambda: pytest.fail("asked"))
    got = resolved(Config(WHISPER_DEVICE="cpu", VISION_DEVICE="cpu"))
    assert (got.WHISPER_DEVICE, got.VISION_DEVICE) == (("cpu",), ("cpu",))


@pytest.mark.parametrize(
    ("count", "changed", "every"),
    [
        (0, {}, 5),
        (1, {}, 1),
        (2, {"VISION_DEVICE": "cpu"}, 5),
        (0, {"DETECT_EVERY": 1}, 1),
        (1, {"DETECT_EVERY": 3}, 3),
    ],
)
def test_detect_every(gpus: Any, count: int, changed: dict[str, Any], every: int) -> None:
    gpus(count)
    assert every == resolved(Config(**changed)).DETECT_EVERY


@pytest.mark.parametrize(
    ("cores", "changed", "decoders", "in_flight"),
    [
        (1, {}, 2, 4),
        (4, {}, 2, 4),
        (10, {}, 5, 7),
        (64, {}, 8, 10),
        (4, {"NUM_PREPROCESS_WORKERS": 1}, 1, 3),
        (4, {"MAX_VIDEOS_IN_FLIGHT": 1}, 2, 1),
    ],
)
def test_processes(
    gpus: Any, monkeypatch: pytest.MonkeyPatch, cores: int, changed: dict[str, Any], decoders: int, in_flight: int
) -> None:
    gpus(0)
    monkeypatch.setattr(machine, "core_count", lambda: cores)
    got = resolved(Config(**changed))
    assert (decoders, in_flight) == (got.NUM_PREPROCESS_WORKERS, videos_in_flight(got))


@pytest.mark.parametrize(("wanted", "in_flight"), [("auto", 6), (9, 9)])
def test_videos_in_flight_on_a_cluster(wanted: int | str, in_flight: int) -> None:
    """There ``auto`` depends on the workers, and not on the decoders of this machine."""
    config = resolved(Config(MAX_VIDEOS_IN_FLIGHT=wanted, NUM_PREPROCESS_WORKERS=3), lambda: 1)
    assert videos_in_flight(config, 6) == in_flight


@pytest.mark.parametrize(
    ("count", "cores", "changed", "seers"),
    [
        (0, 1, {}, 1),
        (0, 2, {}, 2),
        (0, 64, {}, 8),
        (0, 64, {"NUM_PREPROCESS_WORKERS": 3}, 3),
        (0, 64, {"VISION_WORKERS": 5}, 5),
        (1, 64, {}, 1),
        (2, 64, {"VISION_DEVICE": ("cuda:0", "cuda:1")}, 1),
        (2, 64, {"VISION_WORKERS": 2}, 2),
    ],
)
def test_vision_workers(
    gpus: Any, monkeypatch: pytest.MonkeyPatch, count: int, cores: int, changed: dict[str, Any], seers: int
) -> None:
    gpus(count)
    monkeypatch.setattr(machine, "core_count", lambda: cores)
    assert seers == resolved(Config(**changed)).VISION_WORKERS


def fits(value: Any, hint: Any) -> bool:
    """Return True where *value* is of the type *hint*."""
    if get_origin(hint) is UnionType:
        return any(fits(value, each) for each in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(isinstance(each, get_args(hint)[0]) for each in value)
    return isinstance(value, (int, float) if hint is float else hint)


@pytest.mark.parametrize("count_gpus", [None, lambda: 0, lambda: 8], ids=["here", "cluster of CPUs", "cluster of GPUs"])
@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("devices", ["auto", "cpu", ["cpu"]])
def test_every_value_is_of_its_declared_type(
    gpus: Any, count: int, count_gpus: Callable[[], int] | None, devices: Any
) -> None:
    gpus(count)
    got = resolved(Config(VISION_DEVICE=devices, WHISPER_DEVICE=devices), count_gpus)
    hints = get_type_hints(ResolvedConfig)
    assert hints["VISION_DEVICE"] == tuple[str, ...] and hints["DETECT_EVERY"] is int
    assert {name: value for name in hints if not fits(value := getattr(got, name), hints[name])} == {}
    assert "auto" not in (*got.VISION_DEVICE, *got.WHISPER_DEVICE)


@pytest.mark.parametrize("name", ResolvedConfig.__annotations__)
def test_a_value_that_is_not_resolved_is_refused(gpus: Any, name: str) -> None:
    gpus(1)
    with pytest.raises(ValueError, match=f"expected {name} "):
        dataclasses.replace(resolved(Config()), **{name: "auto"})
    with pytest.raises(ValueError, match="ResolvedConfig"):
        ResolvedConfig()


def test_fields_are_those_of_the_settings() -> None:
    """With their order and what they affect, which fingerprints are made of."""
    assert dataclasses.fields(ResolvedConfig) == dataclasses.fields(Config)


def test_what_is_resolved_stays(gpus: Any) -> None:
    gpus(2)
    once = resolved(Config())
    assert resolved(once) == once
    with_more = counting_config(once, COUNT_FROM=3)
    assert resolved(with_more) == with_more


def test_other_settings_are_left_alone(gpus: Any) -> None:
    gpus(0)
    assert resolved(Config(CLIP_SIZE=128, DEBUG=True)).CLIP_SIZE == 128


def test_devices_of_one_setting() -> None:
    assert devices_of("X", "auto", "cuda:1", 2) == ("cuda:1",)
    assert devices_of("X", "auto", "cuda:1", 0) == ("cpu",)


def test_there_is_a_core() -> None:
    assert core_count() >= 1
